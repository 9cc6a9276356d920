"""A simulated CyTube in a process of its own, whose people talk without end, and the harness's hold on it.

The process tells the harness through a pipe what it is about to show the bot, before it does: what was told is in the
harness when the process is killed. ``python -m tests.chaos.cytube --help`` is the process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rosey_simulator.connection import Connection
from rosey_simulator.frames import Frame
from rosey_simulator.member import Member
from rosey_simulator.server import SimulatorServer

BOT, PASSWORD = "Rosey", "made-up-password"
ROOMS = tuple(f"room{number}" for number in range(5))
TALKERS = 60
"""People in each room: CyTube lets one say ten lines a second at most."""
LIFETIME = 1_000_000
"""Numbers of lines that a process has for itself: a later one's are larger, as if one had counted on."""
STOP_S = 10.0
ROOT = Path(__file__).parents[2]


class Cytube:
    """The process, as the harness sees it.

    Attributes:
        shown: (room, number of the line) to the times at which it was shown to the bot, monotonic seconds.
        connections: how many transports of the bot are open.
        answers: what the bot has answered.
        url: where it is, the same after every ``kill`` and ``start``.
    """

    def __init__(self) -> None:
        self.shown: dict[tuple[str, int], list[float]] = {}
        self.connections = 0
        self.answers: list[str] = []
        self.url = ""
        self._rate = 0
        self._lives = 0
        self._process: asyncio.subprocess.Process | None = None
        self._listener: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it; returns when it listens. It talks at the rate that was last set."""
        port = int(self.url.rpartition(":")[2]) if self.url else 0
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__, "--port", str(port), "--first", str(self._lives * LIFETIME)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        self._lives += 1
        assert self._process.stdout is not None
        self.url = json.loads(await self._process.stdout.readline())[1]
        self._listener = asyncio.create_task(self._listen(self._process.stdout))
        self.talk(self._rate)

    def talk(self, rate: int) -> None:
        """Let people say so many lines a second, over all rooms."""
        self._rate = rate
        self._tell("talk", rate)

    def ask(self, command: str) -> None:
        """Let a moderator send the bot a private message."""
        self._tell("ask", command)

    async def kill(self) -> None:
        """End it at once (SIGKILL), and hear what it has told until then."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        await self._ended()

    async def stop(self) -> None:
        """End it; safe to call again."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._ended(), STOP_S)
        except TimeoutError:
            await self.kill()

    async def _ended(self) -> None:
        if self._process is not None:
            await self._process.wait()
        if self._listener is not None:
            await self._listener
        self.connections = 0

    def _tell(self, *words: object) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(words).encode() + b"\n")

    async def _listen(self, output: asyncio.StreamReader) -> None:
        while line := await output.readline():
            kind, *values = json.loads(line)
            if kind == "shown":
                room, number, at = values
                self.shown.setdefault((room, number), []).append(at)
            elif kind == "connections":
                (self.connections,) = values
            else:
                self.answers += values


def _note(*words: object) -> None:
    # Past every buffer: what is in the pipe outlives this process.
    os.write(sys.stdout.fileno(), json.dumps(words).encode() + b"\n")


class _WatchedServer(SimulatorServer):
    """Notes which chat lines go to its only client, the bot, and when."""

    def connect(self, connection: Connection) -> None:
        put = connection.put

        def note(text: str | None) -> None:
            if text is not None and text.startswith('2["chatMsg"'):
                room, _, number = json.loads(text[1:])[1]["msg"].partition(" ")
                if number.isdigit():
                    _note("shown", room, int(number), time.monotonic())
            put(text)

        connection.put = note  # type: ignore[method-assign]
        super().connect(connection)


class _People:
    """Who is in the rooms beside the bot."""

    def __init__(self, server: SimulatorServer, first: int) -> None:
        self._server = server
        self._said = dict.fromkeys(ROOMS, first)
        self._talkers: dict[str, list[Member]] = {room: [] for room in ROOMS}
        self._rate = 0
        for room, talkers in self._talkers.items():
            for number in range(TALKERS):
                member = Member(f"10.0.0.{number}")
                member.become(f"{room}-talker{number}", registered=False, global_rank=0.0)
                server.channel(room).join(member)
                talkers.append(member)
        self._moderator = Member("10.0.1.1", sink=self._hear)
        self._moderator.become("Moderator", registered=True, global_rank=3.0)
        server.channel(ROOMS[0]).join(self._moderator)

    def obey(self, kind: str, value: Any) -> None:
        """Do what the harness says."""
        if kind == "talk":
            self._rate = value
        else:
            self._server.channel(ROOMS[0]).handle(self._moderator, "pm", [{"to": BOT, "msg": value, "meta": {}}])

    async def talk(self) -> None:
        """Say what is due, and tell how many connections there are, until cancelled."""
        loop = asyncio.get_running_loop()
        due, turn, connections = loop.time(), 0, 0
        while True:
            while self._rate and due <= loop.time():
                self._say(ROOMS[turn % len(ROOMS)])
                turn += 1
                due += 1 / self._rate
            if not self._rate:
                due = loop.time()
            if len(self._server.connections) != connections:
                connections = len(self._server.connections)
                _note("connections", connections)
            await asyncio.sleep(0.005)

    def _say(self, room: str) -> None:
        number = self._said[room]
        self._said[room] += 1
        talkers = self._talkers[room]
        self._server.channel(room).say(talkers[number % len(talkers)], f"{room} {number}")

    def _hear(self, frame: Frame) -> None:
        if frame.event == "pm" and frame.args[0]["username"] == BOT:
            _note("answer", frame.args[0]["msg"])


async def _serve(port: int, first: int) -> None:
    server = _WatchedServer(port=port)
    server.add_account(BOT, PASSWORD)
    for room in ROOMS:
        server.add_channel(room, owner=BOT)
    await server.start()
    _note("listening", server.url)
    people = _People(server, first)
    talk = asyncio.create_task(people.talk())
    orders = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    # The harness closes the pipe at the end, and its death closes it too.
    while line := await orders.readline():
        people.obey(*json.loads(line))
    talk.cancel()
    await asyncio.gather(talk, return_exceptions=True)
    await server.stop()


def main(arguments: Sequence[str] | None = None) -> None:
    """Be the process."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.cytube", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="0 for any")
    parser.add_argument("--first", type=int, required=True, help="the number of each room's first line")
    options = parser.parse_args(arguments)
    asyncio.run(_serve(options.port, options.first))


if __name__ == "__main__":
    main()
