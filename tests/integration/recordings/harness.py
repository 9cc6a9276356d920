"""A whole Rosey in the place of the recorded client: bot, outbox, real nats-server, database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from nats.aio.client import Client

from rosey_bot.channels.channel import Channel, ChannelSettings
from rosey_bot.cytube.backoff import Cause, Delays, ReconnectPolicy
from rosey_bot.cytube.login import Credentials
from rosey_bot.outbound_client import OutboundClient
from rosey_bot.publish.outbox import Outbox
from rosey_bot.sink import EventSink
from rosey_bot.statistics_client import StatisticsClient
from rosey_core import streams
from rosey_core.bus import Bus
from rosey_core.events import Event
from rosey_database import BotDatabase, DatabaseService
from rosey_simulator.recording import RecordingServer
from tests.integration.recordings.reading import read
from tests.integration.recordings.recording import Recording
from tests.support.waiting import until

CHANNEL = "testchan"
# As fast as it goes: the clock follows the frames, not the pace.
SPEED = 100_000.0
SOON = Delays(first=0.01, longest=0.02)
AT_ONCE = ReconnectPolicy(delays=dict.fromkeys(Cause, SOON), login=SOON)

Mistake = Callable[[Event], Event | None]


class RecordedTime:
    """A clock that follows the recording: at each frame it shows when the recorded client got this one.

    It is the channel's observer, which hears of a frame before anybody reads it. When the last frame of a connection
    is dealt with, it shows the connection's end.

    Attributes:
        surprises: where another frame came than the recorded one.
        commands: how many the bot has carried out.
    """

    def __init__(self, recording: Recording) -> None:
        self._began = recording.began
        self._now = recording.began
        self._frames = [
            (frame, connection.ended if frame is connection.frames[-1] else None)
            for connection in recording.connections
            for frame in connection.frames
        ]
        self._seen = 0
        self.commands = 0
        self.surprises: list[str] = []

    def __call__(self) -> float:
        return self._now

    @property
    def is_over(self) -> bool:
        """Whether every frame was seen."""
        return self._seen == len(self._frames)

    def frame(self, channel: str, name: str) -> None:
        frame, ended = self._frames[self._seen]
        self._seen += 1
        self.surprises += [] if name == frame.event else [f"{name} in place of {frame.event}"]
        self._now = self._began + frame.time
        if ended is not None:
            asyncio.get_running_loop().call_soon(self._move, ended)

    def _move(self, time: float) -> None:
        self._now = self._began + time

    def connected(self, channel: str, is_connected: bool) -> None: ...

    def connection_ended(self, channel: str, cause: str) -> None: ...

    def command(self, name: str, outcome: str, seconds: float) -> None:
        self.commands += 1

    def command_begins(self, name: str) -> None: ...

    def answered(self) -> None: ...

    def throttled(self, seconds: float) -> None: ...


class Tampering:
    """A sink that makes a mistake of every event."""

    def __init__(self, sink: EventSink, mistake: Mistake) -> None:
        self._sink = sink
        self._mistake = mistake

    def publish(self, event: Event) -> None:
        wrong = self._mistake(event)
        if wrong is not None:
            self._sink.publish(wrong)


@asynccontextmanager
async def running_database(path: Path, nats: Client, clock: Callable[[], float]) -> AsyncIterator[DatabaseService]:
    """A database service on the file at ``path``."""
    database = BotDatabase(path, clock=clock)
    await database.connect()
    service = DatabaseService(nats, database)
    await service.start()
    try:
        yield service
    finally:
        await service.stop()
        await database.close(end_sessions=False)


@asynccontextmanager
async def running_bot(bus: Bus, outbox: Outbox, channel: Channel) -> AsyncIterator[None]:
    """A bot in its channel."""
    await outbox.start()
    await bus.start()
    run = asyncio.create_task(channel.run())
    try:
        yield
    finally:
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        await outbox.close()
        await bus.close()


async def play(
    recording: Recording,
    *,
    database_file: Path,
    spool: Path,
    nats_url: str,
    nats: Client,
    mistake: Mistake | None = None,
) -> None:
    """Play the recording to a bot; returns when everything is stored.

    Args:
        recording: what is played.
        database_file: an empty database.
        spool: the outbox's directory.
        nats_url: where nats-server is.
        nats: a client of it.
        mistake: what the bot publishes in place of an event, nothing where that is ``None``.
    """
    server = RecordingServer(recording.path, speed=SPEED)
    await server.start()
    time = RecordedTime(recording)
    bus = Bus(nats_url, name="rosey-bot")
    outbox = Outbox(bus, spool_directory=spool)
    # What comes at intervals, and not of a frame, is an hour away.
    settings = ChannelSettings(
        key=CHANNEL,
        server=server.url,
        name=CHANNEL,
        credentials=Credentials("RoseyBot", "made-up"),
        user_count_interval=3600,
        status_interval=3600,
        outbound_interval=3600,
    )
    channel = Channel(
        settings,
        sink=outbox if mistake is None else Tampering(outbox, mistake),
        statistics=StatisticsClient(bus),
        outbound=OutboundClient(bus, claimed_by="recordings"),
        observer=time,
        policy=AT_ONCE,
        clock=time,
    )
    expected_commands = len(read(recording)["user_actions"])
    try:
        async with running_database(database_file, nats, time) as service, running_bot(bus, outbox, channel):
            await until(lambda: time.is_over or time.surprises, what="every frame taken")
            assert time.surprises == []
            assert not channel.dispatcher.malformed + channel.dispatcher.failed
            await until(lambda: time.commands >= expected_commands, what="every command carried out")
            await until(lambda: outbox.backlog == 0, what="an empty outbox")
            last = (await nats.jetstream().stream_info(streams.EVENTS)).state.last_seq
            await until(lambda: _position(service) >= last, what="the position at the stream's end")
    finally:
        await server.stop()


def _position(service: DatabaseService) -> int:
    ingest = service.ingest
    return 0 if ingest is None or ingest.position is None else ingest.position.sequence
