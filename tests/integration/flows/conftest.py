"""A whole Rosey in this process: a simulated CyTube, a bot in its channel, a real nats-server, a database service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from rosey_bot.channels.channel import Channel, ChannelSettings
from rosey_bot.channels.observer import ChannelObserver
from rosey_bot.cytube.login import Credentials
from rosey_bot.outbound import OutboundQueue
from rosey_bot.outbound_client import OutboundClient
from rosey_bot.publish.outbox import Outbox
from rosey_bot.sink import EventSink
from rosey_bot.statistics_client import Requester, StatisticsClient
from rosey_core.bus import Bus
from rosey_database import BotDatabase
from rosey_simulator.server import SimulatorServer
from tests.integration.bot.conftest import cytube
from tests.integration.bot.harness import CHANNEL, FAST, Person
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

__all__ = ["cytube"]


class Silent:
    """An observer that wants to know nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments: None


class FlowBot:
    """The bot, as its process puts it together; parts that stand between others may be given."""

    def __init__(
        self,
        nats_url: str,
        cytube_url: str,
        spool: Path,
        *,
        bus: Bus | None = None,
        outbox: Outbox | None = None,
        sink: EventSink | None = None,
        requester: Requester | None = None,
        observer: ChannelObserver | None = None,
        outbound: OutboundQueue | None = None,
    ) -> None:
        self.bus = bus or Bus(nats_url, name="rosey-bot")
        self.outbox = outbox or Outbox(self.bus, spool_directory=spool)
        self.channel = Channel(
            ChannelSettings(
                key=CHANNEL,
                server=cytube_url,
                name=CHANNEL,
                credentials=Credentials("Rosey", "pw-Rosey"),
                user_cooldown=0,
                channel_cooldown=0,
            ),
            sink=sink or self.outbox,
            statistics=StatisticsClient(requester or self.bus),
            outbound=outbound or OutboundClient(self.bus, claimed_by="flows"),
            observer=observer or Silent(),
            policy=FAST,
        )
        self._run: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start; it may not be in the room yet."""
        await self.outbox.start()
        await self.bus.start()
        self._run = asyncio.create_task(self.channel.run())

    async def in_the_room(self) -> None:
        """Wait until it is, with its name and rank."""
        await until(lambda: self.channel.joined_since is not None and self.channel.problem is None)

    async def stop(self) -> None:
        """End it; safe to call again."""
        if self._run is not None:
            self._run.cancel()
            await asyncio.gather(self._run, return_exceptions=True)
            self._run = None
            await self.outbox.close()
            await self.bus.close()


@pytest.fixture
async def make_bot(nats_server: NatsServer, cytube: SimulatorServer, tmp_path: Path) -> AsyncIterator[Any]:
    """Make a bot that is in the room."""
    bots: list[FlowBot] = []

    async def make() -> FlowBot:
        bot = FlowBot(nats_server.url, cytube.url, tmp_path / "spool")
        bots.append(bot)
        await bot.start()
        await bot.in_the_room()
        return bot

    yield make
    for bot in bots:
        await bot.stop()


@pytest.fixture
async def bot(make_bot: Callable[[], Awaitable[FlowBot]]) -> FlowBot:
    """A bot in the room."""
    return await make_bot()


@pytest.fixture
async def enter(cytube: SimulatorServer) -> AsyncIterator[Callable[..., Awaitable[Person]]]:
    """Let people enter the room: ``await enter("Mod")``, with an account's password by default."""
    people: list[Person] = []

    async def person(name: str, *, guest: bool = False) -> Person:
        one = Person(cytube)
        people.append(one)
        return await one.enter(name, None if guest else f"pw-{name}")

    yield person
    for one in people:
        await one.leave()


async def row_of(database: BotDatabase, username: str) -> dict[str, Any]:
    """Wait until the database knows the user, and return what it knows."""

    async def known() -> dict[str, Any] | None:
        return await database.get_user_stats(username, channel=CHANNEL)

    found: dict[str, Any] = await until(known, what=f"{username} in the database")
    return found


async def rows_of(database: BotDatabase, query: str, *parameters: object) -> list[dict[str, Any]]:
    """Ask the database in SQL."""
    assert database.conn is not None
    cursor = await database.conn.execute(query, parameters)
    return [dict(row) for row in await cursor.fetchall()]
