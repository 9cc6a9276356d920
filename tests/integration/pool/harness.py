"""A pool of real ``rosey-bot`` processes in simulated rooms, each with a moderator who watches, asks and talks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nats.aio.client import Client

from rosey_cli.channels import bucket
from rosey_simulator.server import SimulatorServer
from tests.chaos.processes import ServiceProcess
from tests.integration.bot.harness import Person
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

BOT = "Rosey"
GUEST = "Visitor"
"""A name that nobody has registered."""


class Watcher(Person):
    """A room's owner, who notes when the bot comes and goes, and when it answers."""

    def __init__(self, server: SimulatorServer, room: str) -> None:
        super().__init__(server)
        self.room = room
        self.moments: list[tuple[str, float]] = []

    async def begin(self) -> Watcher:
        await self.enter("Mod", "pw-Mod", self.room)
        seen = self.socket.handlers["/"]["*"]

        def note(event: str, *arguments: Any) -> None:
            seen(event, *arguments)
            name = arguments[0].get("name", arguments[0].get("username")) if event in _OF_A_USER else None
            if name in (BOT, GUEST):
                self.moments.append((event, time.monotonic()))

        self.socket.on("*", note)
        return self

    @property
    def is_there(self) -> bool:
        """Whether the bot is in the room under its name."""
        last = [event for event, _ in self.moments if event in ("addUser", "userLeave")]
        return last[-1:] == ["addUser"]

    def away(self, since: float) -> float:
        """For how long the bot was away after a moment, until it was logged in with its rank again."""
        left = min((at for event, at in self.moments if event == "userLeave" and at >= since), default=None)
        if left is None:
            return 0.0
        back = [at for event, at in self.moments if event == "addUser" and at >= left]
        return (min(back) if back else time.monotonic()) - left

    async def answer(self, timeout: float) -> None:
        """Ask until the bot answers: what is asked while it is away reaches nobody."""
        before, asked_at = len(self.whispers(BOT)), 0.0
        deadline = time.monotonic() + timeout
        while len(self.whispers(BOT)) == before:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no answer in {self.room} within {timeout:g} s")
            if time.monotonic() - asked_at > 0.3:
                asked_at = time.monotonic()
                await self.whisper(BOT, "current")
            await asyncio.sleep(0.01)


_OF_A_USER = ("addUser", "userLeave", "pm", "chatMsg")


class Pool:
    """The processes, and the rooms.

    Args:
        cytube: the server.
        nats: the server.
        directory: where everything goes.
    """

    def __init__(self, cytube: SimulatorServer, nats: NatsServer, directory: Path) -> None:
        self.cytube = cytube
        self.nats = nats
        self.directory = directory
        self.workers: dict[str, ServiceProcess] = {}
        self.watchers: dict[str, Watcher] = {}

    async def open(self, rooms: Sequence[str]) -> None:
        """Make the rooms, and put a moderator into each."""
        for room in rooms:
            self.cytube.add_channel(room, owner="Mod")
            self.cytube.set_channel_rank(room, BOT, 3)
            self.watchers[room] = await Watcher(self.cytube, room).begin()

    def start(self, name: str, *, ttl: float = 3.0, is_account: bool = True, **bot: Any) -> ServiceProcess:
        """Start a worker that has all rooms in its configuration, as all the others."""
        login = {"user": BOT, "password": "pw-Rosey"} if is_account else {"user": GUEST}
        settings = {
            "spool_dir": str(self.directory / f"{name}-spool"),
            "connections_per_address": 100,
            "connection_interval": 0.001,
            "guest_login_interval": 0.001,
            "outbound_interval": 0.5,
            "pool": {"enabled": True, "name": name, "ttl": ttl},
        }
        config = {
            "nats": {"url": self.nats.url},
            "platforms": [{"channel": room, "server": self.cytube.url, **login} for room in self.watchers],
            "bot": settings | bot,
            # With milliseconds, so that lines of several workers can be put in order.
            "logging": {"format": "json"},
        }
        worker = self.workers[name] = ServiceProcess("rosey-bot", self.directory, name, config)
        worker.start()
        return worker

    async def close(self) -> None:
        for worker in self.workers.values():
            await asyncio.to_thread(worker.kill)
        for watcher in self.watchers.values():
            await watcher.leave()

    async def all_there(self, timeout: float = 20.0) -> None:
        await until(lambda: all(each.is_there for each in self.watchers.values()), timeout=timeout, what="the bots")

    async def holders(self, client: Client) -> dict[str, str | None]:
        """Who has which room, as the list of channels tells it."""
        return {row.key: row.worker for row in await bucket.read(client) if row.state == "joined"}

    async def shared(self, client: Client, *counts: int) -> dict[str, str | None]:
        """Wait until the rooms are shared out in such numbers."""
        held: dict[str, str | None] = {}

        async def is_shared() -> bool:
            nonlocal held
            held = await self.holders(client)
            return sorted(list(held.values()).count(name) for name in set(held.values())) == sorted(counts)

        await until(is_shared, timeout=20, what=f"shares of {counts}")
        return held
