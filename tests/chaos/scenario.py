"""Load from the bot's own outbox while database services and nats-server are killed, paused and set back."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rosey_bot.publish.outbox import Outbox
from rosey_core.bus import Bus
from tests.chaos.processes import ServiceProcess, database_process
from tests.chaos.record import Record
from tests.support.nats_server import NatsServer
from tests.support.verdict import Verdict

CHANNELS = 20
SERVER_CONFIG = 'ping_interval: "2s"\nping_max: 2\nwrite_deadline: "2s"\n'
"""So that a pause of ten seconds is longer than every time-out."""
PAUSE_S = 10.0
DRAIN_TIMEOUT_S = 120.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is done, and in which order: the seed decides.

    Attributes:
        rate: events a second, open loop.
        spacing: seconds between two disturbances, from and to.
    """

    seed: int
    rate: int = 5000
    database_kills: int = 100
    nats_kills: int = 20
    pauses: int = 20
    set_backs: int = 2
    services: int = 2
    pause_s: float = PAUSE_S
    spacing: tuple[float, float] = (0.3, 2.5)

    def disturbances(self) -> list[str]:
        """The kinds of disturbance in the order in which they come."""
        kinds = ["database"] * self.database_kills + ["nats"] * self.nats_kills
        kinds += ["pause"] * self.pauses + ["set_back"] * self.set_backs
        random.Random(self.seed).shuffle(kinds)
        return kinds


@dataclass
class Outcome:
    """What was done, and what came of it."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    verdict: Verdict = field(default_factory=Verdict)

    def as_json(self) -> dict[str, Any]:
        """One object for the last line of the output."""
        verdict = self.verdict
        return {
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
            "kills": dict(self.kills),
            "sent": verdict.sent,
            "lost": verdict.lost,
            "doubled": verdict.doubled,
            "reordered": verdict.reordered,
        }


class Scenario:
    """One run. Use ``run`` once.

    Args:
        plan: what to do.
        directory: empty; everything that is made goes there.
        say: is told of each step.
    """

    def __init__(self, plan: Plan, directory: Path, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._directory = directory
        self._say = say
        self._random = random.Random(plan.seed + 1)
        self._database = directory / "bot_data.db"
        self._record = Record(CHANNELS)
        self._server = NatsServer(directory / "nats", config=SERVER_CONFIG)
        self._services: list[ServiceProcess] = []
        self._outbox: Outbox | None = None
        self._publishing = asyncio.Event()
        self._outcome = Outcome(plan.seed)

    async def run(self) -> Outcome:
        """Do it all, wait until everything published is stored, and compare."""
        begun = time.monotonic()
        self._server.start()
        self._services = [
            database_process(
                self._directory,
                f"database-{number}",
                nats_url=self._server.url,
                database=self._database,
                default_channel="room0",
            )
            for number in range(self._plan.services)
        ]
        bus = Bus(self._server.url, name="chaos")
        try:
            for service in self._services:
                service.start()
                await asyncio.to_thread(service.wait_ready)
            await bus.start()
            self._outbox = Outbox(bus, spool_directory=self._directory / "spool")
            await self._outbox.start()
            load = asyncio.create_task(self._load())
            self._publishing.set()
            await self._disturb()
            load.cancel()
            await asyncio.gather(load, return_exceptions=True)
            await self._drained()
            await self._outbox.close()
        finally:
            for service in self._services:
                await asyncio.to_thread(service.stop)
            await bus.close()
            self._server.kill()
        self._outcome.verdict = self._record.compare(self._database)
        self._outcome.seconds = time.monotonic() - begun
        return self._outcome

    async def _load(self) -> None:
        """Publish at the plan's rate, whatever happens: what is due is published, late where it must be."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        assert self._outbox is not None
        while True:
            if not self._publishing.is_set():
                await self._publishing.wait()
                due = loop.time()
            while due <= loop.time() and self._publishing.is_set():
                self._outbox.publish(self._record.make())
                due += 1 / self._plan.rate
            await asyncio.sleep(0.005)

    async def _disturb(self) -> None:
        actions: dict[str, Callable[[], Awaitable[None]]] = {
            "database": self._kill_database,
            "nats": self._kill_nats,
            "pause": self._pause_database,
            "set_back": self._set_back,
        }
        plan = self._plan.disturbances()
        for number, kind in enumerate(plan, 1):
            await asyncio.sleep(self._random.uniform(*self._plan.spacing))
            self._say(f"{number}/{len(plan)} {kind}; {self._record.sent} sent")
            await actions[kind]()
            self._outcome.kills[kind] += 1

    async def _kill_database(self) -> None:
        service = self._random.choice(self._services)
        await asyncio.to_thread(service.kill)
        service.start()

    async def _kill_nats(self) -> None:
        await asyncio.to_thread(self._server.kill)
        await asyncio.sleep(self._random.uniform(0, 1))
        await asyncio.to_thread(self._server.start)

    async def _pause_database(self) -> None:
        service = self._random.choice(self._services)
        service.pause()
        await asyncio.sleep(self._plan.pause_s)
        service.resume()

    async def _set_back(self) -> None:
        """Bring the stream back to an earlier state, when all that it held since is stored."""
        store = self._directory / "nats" / "store"
        snapshot = self._directory / "snapshot"
        self._publishing.clear()
        await self._drained()
        await asyncio.to_thread(self._server.stop)
        shutil.rmtree(snapshot, ignore_errors=True)
        await asyncio.to_thread(shutil.copytree, store, snapshot)
        await asyncio.to_thread(self._server.start)
        self._publishing.set()
        await asyncio.sleep(1)
        self._publishing.clear()
        await self._drained()
        await asyncio.to_thread(self._server.kill)
        shutil.rmtree(store)
        await asyncio.to_thread(shutil.copytree, snapshot, store)
        await asyncio.to_thread(self._server.start)
        self._publishing.set()

    async def _drained(self) -> None:
        """Return when everything published is stored; what is missing after long shows in the verdict."""
        assert self._outbox is not None
        deadline = time.monotonic() + DRAIN_TIMEOUT_S
        while time.monotonic() < deadline:
            if not self._outbox.backlog and await asyncio.to_thread(self._stored) >= self._record.sent:
                return
            await asyncio.sleep(0.1)
        self._say("not everything is stored after long waiting")

    def _stored(self) -> int:
        connection = sqlite3.connect(self._database)
        try:
            return sum(
                connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("recent_chat", "playlist_changes")
            )
        finally:
            connection.close()
