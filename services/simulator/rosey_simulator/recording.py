"""Recordings of a real server, played to one bot as they came over the wire."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rosey_simulator.connection import Connection
from rosey_simulator.feature import Acknowledge
from rosey_simulator.frames import Frame
from rosey_simulator.gateway import Gateway
from rosey_simulator.limits import Limits

log = logging.getLogger(__name__)

# The frames by which a client moves its own story on. What was recorded behind one of them waits until the bot has
# sent the same; everything else the bot sends is its own affair.
CUES = frozenset({"joinChannel", "login", "channelPassword"})

# Who logs in first waits for the answer before it joins, and must get it although the recorded one joined first.
STANDS_FOR = {"joinChannel": ("login",)}

# A bot that never gives a cue is not waited for longer than this.
CUE_SECONDS = 10.0


class RecordingError(Exception):
    """The file is not a recording, or does not have the client."""


@dataclass(frozen=True)
class Step:
    """What happened to the client next: `event` came in, or (a cue) went out, at `time` seconds."""

    time: float
    event: str
    args: list[Any]
    sent: bool


@dataclass
class RecordedConnection:
    """One connection of the client, from its handshake to its end."""

    steps: list[Step] = field(default_factory=list)


def read(path: Path, client: str) -> list[RecordedConnection]:
    """The connections of one client of a recording. Raises RecordingError, OSError.

    Each line is {"t": seconds, "client": label, "dir": "send" or "recv", "event": name, "args": [...]}; names that
    start with "@" are facts about the connection.
    """
    connections: list[RecordedConnection] = []
    opened = False
    for number, row in _rows(path):
        try:
            label, sent, event = row["client"], row["dir"] == "send", row["event"]
            step = Step(float(row["t"]), event, list(row["args"]), sent)
        except (KeyError, TypeError, ValueError) as error:
            raise RecordingError(f"{path}, line {number}: not a line of a recording") from error
        if label != client or event in ("@note", "@http", "@ack"):
            continue
        if event == "@open" or (event == "@connect" and not opened):
            connections.append(RecordedConnection())
        opened = event == "@open"
        if event in ("@open", "@connect") or not connections:
            continue
        if not sent or event in CUES or event == "@disconnect":
            connections[-1].steps.append(step)
    if not connections:
        raise RecordingError(f"{path}: no connection of a client {client!r}")
    for connection in connections:
        _greeting_first(connection.steps)
    return connections


def _greeting_first(steps: list[Step]) -> None:
    """Put the rank that every connection starts with before the cues that a fast client had sent by then."""
    for index, step in enumerate(steps):
        if not step.sent:
            if step.event == "rank":
                steps.insert(0, steps.pop(index))
            return


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise RecordingError(f"{path}, line {number}: not JSON") from error
            if not isinstance(row, dict):
                raise RecordingError(f"{path}, line {number}: not a line of a recording")
            yield number, row


class RecordingServer:
    """Plays one client of a recording to the bot that connects.

    The bot gets the frames that `client` received, at the recorded pace divided by `speed`, connection by connection:
    where the recorded one ended, so does the bot's, and its next one gets what the next recorded one got. Its frames
    are answered only by what is recorded. Times in frames are left as they were recorded. `done` is set when
    everything has been played.

    Raises RecordingError, OSError when the file cannot be played.
    """

    def __init__(
        self,
        path: str | Path,
        client: str = "bot",
        speed: float = 1.0,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: Limits | None = None,
    ) -> None:
        if not speed > 0:
            raise ValueError("the speed of a recording is above 0")
        self.done = asyncio.Event()
        self._recorded = read(Path(path), client)
        self._speed = speed
        self._gateway = Gateway(self, host, port, limits)
        self._played = 0
        self._playing: asyncio.Task[None] | None = None
        self._given: set[str] = set()
        self._cue_given = asyncio.Event()
        self._audience: Connection | None = None

    @property
    def url(self) -> str:
        """Where the site is. Only known once started."""
        return self._gateway.url

    async def start(self) -> None:
        """Listen. Raises OSError where the port is taken."""
        await self._gateway.start()

    async def stop(self) -> None:
        """Stop playing and listening."""
        if self._playing is not None:
            self._playing.cancel()
            await asyncio.gather(self._playing, return_exceptions=True)
        await self._gateway.stop(farewell=True)

    # What the gateway brings.

    def connect(self, connection: Connection) -> None:
        if self._playing is not None:
            self._playing.cancel()
        if self._played == len(self._recorded):
            connection.refuse("The recording is over")
            return
        recorded = self._recorded[self._played]
        self._played += 1
        refusal = next((step.args[0] for step in recorded.steps[:1] if step.event == "@connect_error"), None)
        if isinstance(refusal, dict):
            connection.refuse(str(refusal.get("message")))
            self._finish_if_over()
            return
        connection.accept()
        self._given = set()
        self._audience = connection
        self._playing = asyncio.get_running_loop().create_task(self._play(connection, recorded.steps))

    def event(self, connection: Connection, event: str, _args: list[Any], _acknowledge: Acknowledge | None) -> None:
        if event in CUES and connection is self._audience:
            self._given.add(event)
            self._cue_given.set()

    def disconnect(self, connection: Connection) -> None:
        if connection is self._audience and self._playing is not None and not connection.put_out:
            # The bot has gone by itself: its next connection gets the next recorded one.
            self._playing.cancel()
            self._finish_if_over()

    async def _play(self, connection: Connection, steps: list[Step]) -> None:
        expected: set[str] = set()
        recorded_at = steps[0].time if steps else 0.0
        played_at = time.monotonic()
        for step in steps:
            if step.event in CUES and step.sent:
                if step.event not in expected:
                    expected.add(step.event)
                    await self._wait_for(step.event, *STANDS_FOR.get(step.event, ()))
                    recorded_at, played_at = step.time, time.monotonic()
                continue
            wait = (step.time - recorded_at) / self._speed - (time.monotonic() - played_at)
            if wait > 0:
                await asyncio.sleep(wait)
            if step.event in ("@disconnect", "@close"):
                # What is still on its way from a client would meet an end that takes what it has not read with it.
                for cue in expected:
                    await self._wait_for(cue)
            if await self._ends(connection, step):
                break
        self._finish_if_over()

    async def _ends(self, connection: Connection, step: Step) -> bool:
        """Do what the step says. Whether it is the end of the connection."""
        if step.event == "@disconnect" and not step.sent:
            connection.hang_up()
            return True
        if step.event in ("@disconnect", "@close"):
            if self._played < len(self._recorded):
                # What was recorded before the end did come, however fast it is played.
                await connection.drain()
                connection.cut()
            return True
        if not step.event.startswith("@"):
            connection.deliver(Frame(step.event, *step.args))
        return False

    async def _wait_for(self, *cues: str) -> None:
        """Wait for the first cue, or for one of the others, which stand for it."""
        try:
            async with asyncio.timeout(CUE_SECONDS):
                while self._given.isdisjoint(cues):
                    self._cue_given.clear()
                    await self._cue_given.wait()
        except TimeoutError:
            log.warning("the client does not send %s as the recorded one did; playing on without it", cues[0])

    def _finish_if_over(self) -> None:
        if self._played == len(self._recorded):
            self.done.set()
