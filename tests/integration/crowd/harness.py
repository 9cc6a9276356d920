"""A whole Rosey around a crowd: simulator, bot, outbox, nats-server and database, all but the server in one process.

One clock rules the simulator, the bot and the database, and it moves only when the bot has taken every frame of the
moment. So both sides have the same times, and their books can be compared to the last second.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from nats.aio.client import Client

from rosey_bot.channels.channel import Channel, ChannelSettings
from rosey_bot.cytube.backoff import Cause, Delays, ReconnectPolicy
from rosey_bot.cytube.budget import AddressBudget, AddressLimits
from rosey_bot.cytube.login import Credentials
from rosey_bot.outbound_client import OutboundClient
from rosey_bot.publish.outbox import Outbox
from rosey_bot.sink import EventSink
from rosey_bot.statistics_client import StatisticsClient
from rosey_core import streams
from rosey_core.bus import Bus
from rosey_database import BotDatabase, DatabaseService
from rosey_simulator.crowd.clock import ManualClock
from rosey_simulator.crowd.crowd import PATIENCE_SECONDS, Crowd
from rosey_simulator.crowd.driver import FastDriver
from rosey_simulator.crowd.record import Record
from rosey_simulator.crowd.summary import Summary, summarize
from rosey_simulator.room import Room
from rosey_simulator.server import SimulatorServer
from tests.support.waiting import until

ROOM = "demo"
BOT = "Rosey"
PASSWORD = "bot-password"
SOON = Delays(first=0.01, longest=0.02)
AT_ONCE = ReconnectPolicy(delays=dict.fromkeys(Cause, SOON), login=SOON)
UNLIMITED = AddressLimits(connections=1000, connection_interval=0.001, guest_login_interval=0.0)


class Bot:
    """The bot as a process has it: one outbox, one channel; tells how many frames it took on its connection."""

    def __init__(
        self,
        url: str,
        server: SimulatorServer,
        spool: Path,
        clock: ManualClock,
        *,
        password: str | None,
        wrap: Wrap | None,
    ) -> None:
        self.bus = Bus(url, name="rosey-bot")
        self.outbox = Outbox(self.bus, spool_directory=spool)
        self.frames = 0
        self.commands = 0
        # What a test does not want to happen by itself is an hour away.
        settings = ChannelSettings(
            key=ROOM,
            server=server.url,
            name=ROOM,
            credentials=Credentials(user=BOT, password=password),
            user_count_interval=3600,
            status_interval=3600,
            outbound_interval=3600,
        )
        self.channel = Channel(
            settings,
            sink=self.outbox if wrap is None else wrap(self.outbox),
            statistics=StatisticsClient(self.bus),
            outbound=OutboundClient(self.bus, claimed_by="crowd"),
            observer=self,
            policy=AT_ONCE,
            budget=AddressBudget("the simulator", UNLIMITED),
            clock=clock,
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.outbox.start()
        await self.bus.start()
        self._task = asyncio.create_task(self.channel.run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self.outbox.close()
        await self.bus.close()

    @property
    def is_ready(self) -> bool:
        return self.channel.joined_since is not None and self.channel.problem is None

    # What the channel tells of its work.

    def frame(self, channel: str, name: str) -> None:
        self.frames += 1

    def connected(self, channel: str, is_connected: bool) -> None:
        pass

    def connection_ended(self, channel: str, cause: str) -> None:
        self.frames = 0

    def command(self, name: str, outcome: str, seconds: float) -> None:
        self.commands += 1

    def command_begins(self, name: str) -> None:
        pass

    def answered(self) -> None:
        pass

    def throttled(self, seconds: float) -> None:
        pass


Wrap = Callable[[EventSink], EventSink]


class World:
    """Everything there is; parts of it can be taken away and come back."""

    def __init__(
        self,
        directory: Path,
        nats_url: str,
        nats_client: Client,
        *,
        seed: int = 1,
        bot_is_guest: bool = False,
        wrap: Wrap | None = None,
    ) -> None:
        self.directory = directory
        self.database_path = directory / "bot_data.db"
        self.clock = ManualClock()
        self.server = SimulatorServer(clock=self.clock)
        if not bot_is_guest:
            self.server.add_account(BOT, PASSWORD)
        self.room: Room = self.server.add_channel(ROOM)
        self.server.set_channel_rank(ROOM, BOT, 3)
        self.record = Record()
        self.driver = FastDriver(
            Crowd(self.server.site, [self.room], self.record, seed=seed, rate=20, bot=BOT),
            self.clock,
            self.server.site.scheduler,
            self._settle,
        )
        self._nats_url = nats_url
        self._nats = nats_client
        self._password = None if bot_is_guest else PASSWORD
        self._wrap = wrap
        self.bot: Bot | None = None
        self._commands_of_former_bots = 0
        # When the database was away, in milliseconds.
        self.outages: list[tuple[int, int]] = []
        self._outage_began = 0
        self.database: BotDatabase | None = None
        self.service: DatabaseService | None = None

    def summary(self) -> Summary:
        """What the record says the bot could know."""
        return summarize(self.record.entries, ROOM, BOT)

    # The bot.

    async def start_bot(self) -> None:
        self.bot = Bot(
            self._nats_url,
            self.server,
            self.directory / "spool",
            self.clock,
            password=self._password,
            wrap=self._wrap,
        )
        await self.bot.start()
        await self.bot_is_back()

    async def bot_is_back(self) -> None:
        bot = self.bot
        assert bot is not None
        await until(lambda: bot.is_ready, what="the bot in the room")
        await self._settle()

    async def stop_bot(self) -> None:
        """End the bot's process, so that the next one knows nothing of what this one saw."""
        # CyTube tells no position of endless streams: whether it is the same play nobody can tell who did not see it.
        while self.room.playlist.current is None or not self.room.playlist.current.media.seconds:
            await self.driver.run(1)
        await self._commands_done()
        self.record.observer_ended(self.room)
        bot, self.bot = self.bot, None
        assert bot is not None
        self._commands_of_former_bots += bot.commands
        await bot.stop()
        await until(lambda: not self.server.connections)

    async def cut_bot_off(self) -> None:
        """End the bot's connection. It comes back as soon as the event loop runs."""
        await self._commands_done()
        bot = self.bot
        assert bot is not None
        self.server.drop_connections()
        await until(lambda: bot.channel.joined_since is None, poll=0)

    async def without_bot(self, actions: int) -> None:
        """Let the crowd act while the bot is cut off."""
        for _ in range(actions):
            # Nothing is awaited in here that would let the bot come back.
            await self.driver.run(1)

    async def restart_cytube(self, actions: int) -> None:
        """Restart the simulated site, and let the crowd be back before the bot is."""
        # An item in its lead-in begins anew, and whether that is the same play is a matter of opinion.
        while self.record.seconds_since_change(self.room) < PATIENCE_SECONDS:
            await self.driver.run(1)
        await self._commands_done()
        bot = self.bot
        assert bot is not None
        await self.server.stop()
        await until(lambda: bot.channel.joined_since is None)
        await self.server.start()
        await self.driver.run(actions)
        await self.bot_is_back()

    # The database.

    async def start_database(self) -> None:
        self.database = BotDatabase(self.database_path, clock=self.clock)
        await self.database.connect()
        self.service = DatabaseService(self._nats, self.database)
        await self._commands_done()
        await self.service.start()
        if self._outage_began:
            self.outages.append((self._outage_began, self.clock.milliseconds))

    async def stop_database(self) -> None:
        """End the database's process as a restart does."""
        await self._commands_done()
        self._outage_began = self.clock.milliseconds
        if self.service is not None and self.database is not None:
            await self.service.stop()
            await self.database.close(end_sessions=False)
        self.service = self.database = None

    async def stored(self) -> None:
        """Wait until everything that happened is in the database."""
        await self._commands_done()
        bot, service = self.bot, self.service
        if bot is not None:
            await until(lambda: bot.outbox.backlog == 0, what="an empty outbox")
        last = (await self._nats.jsm().stream_info(streams.EVENTS)).state.last_seq

        def is_stored() -> bool:
            ingest = service.ingest if service is not None else None
            return ingest is not None and ingest.position is not None and ingest.position.sequence >= last

        await until(is_stored, what="the position at the stream's end")

    async def _commands_done(self) -> None:
        """Wait until the bot has answered every command that reached it."""
        await self._settle()
        bot = self.bot
        if bot is not None:
            expected = len(self.summary().commands) - self._commands_of_former_bots
            await until(lambda: bot.commands == expected, what=f"{expected} commands answered")

    async def _settle(self) -> None:
        """Wait until the bot has taken all frames of this moment; at once where it is not connected."""
        if not self._is_settled():
            await until(self._is_settled, poll=0, what="the bot having taken all frames")

    def _is_settled(self) -> bool:
        bot = self.bot
        if bot is None or not bot.is_ready or not self.server.connections:
            return True
        (connection,) = self.server.connections
        # The first packet is the answer to the connect packet, and no frame.
        return bot.frames == connection.sent - 1


@asynccontextmanager
async def world(directory: Path, nats_url: str, nats_client: Client, **options: Any) -> AsyncIterator[World]:
    """A running world with a database and without a bot."""
    made = World(directory, nats_url, nats_client, **options)
    await made.server.start()
    await made.start_database()
    try:
        yield made
    finally:
        if made.bot is not None:
            await made.bot.stop()
        await made.stop_database()
        await made.server.stop()
