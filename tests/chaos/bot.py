"""The bot and CyTube killed while the bot follows busy rooms, and NATS away for a minute: what it was shown is stored
once.

The harness knows what went over the bot's socket and when. The bot promises that of what it was shown only the last
moments before a kill may be missing, and of those CyTube shows the last lines again. So what was shown to a bot that
lived on for ``EXPOSURE_S`` afterwards, or shown again later, must be stored. What CyTube was about to show when it was
killed itself, it may have shown nobody.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tests.chaos.cytube import BOT, PASSWORD, ROOMS, Cytube
from tests.chaos.processes import ServiceProcess, bot_process, database_process
from tests.support.nats_server import NatsServer
from tests.support.verdict import Verdict
from tests.support.waiting import until

EXPOSURE_S = 0.5
"""The outbox's bound of 0.2 s, and the way of a frame to a busy process."""
DRAIN_TIMEOUT_S = 120.0
RECONNECT_TIMEOUT_S = 120.0
"""The bot comes back the later, the more often CyTube was gone."""


@dataclass(frozen=True, kw_only=True)
class BotPlan:
    """How much is done.

    Attributes:
        rate: chat lines a second, over all rooms.
        bot_kills: SIGKILLs of the bot.
        cytube_kills: SIGKILLs of the simulated CyTube, between them as the seed decides.
        away_s: how long NATS is away in the end, at ``away_rate`` lines a second.
    """

    seed: int
    rate: int = 500
    bot_kills: int = 20
    cytube_kills: int = 20
    away_s: float = 60.0
    away_rate: int = 1000
    spacing: tuple[float, float] = (0.3, 2.0)

    def disturbances(self) -> list[str]:
        """What is killed, in the order in which it is."""
        kinds = ["bot"] * self.bot_kills + ["simulator"] * self.cytube_kills
        random.Random(self.seed).shuffle(kinds)
        return kinds


class BotScenario:
    """One run. Use ``run`` once.

    Args:
        plan: what to do.
        directory: empty; everything that is made goes there.
        say: is told of each step.
    """

    def __init__(self, plan: BotPlan, directory: Path, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._directory = directory
        self._say = say
        self._random = random.Random(plan.seed)
        self._server = NatsServer(directory / "bot-nats")
        self._cytube = Cytube()
        self._database = directory / "bot_rooms.db"
        self._blind: list[tuple[float, float]] = []
        self.answer_seconds: float | None = None
        """How long a command took while NATS was away."""

    async def run(self) -> Verdict:
        """Do it all, wait until what must be stored is, and compare."""
        self._server.start()
        await self._cytube.start()
        database = database_process(
            self._directory, "rooms", nats_url=self._server.url, database=self._database, default_channel="room0"
        )
        bot = bot_process(
            self._directory,
            "bot",
            nats_url=self._server.url,
            cytube_url=self._cytube.url,
            channels=list(ROOMS),
            user=BOT,
            password=PASSWORD,
        )
        try:
            for process in (database, bot):
                process.start()
                await asyncio.to_thread(process.wait_ready)
            self._cytube.talk(self._plan.rate)
            disturbances = self._plan.disturbances()
            for number, kind in enumerate(disturbances, 1):
                await asyncio.sleep(self._random.uniform(*self._plan.spacing))
                self._say(f"{number}/{len(disturbances)} {kind}; {len(self._cytube.shown)} lines shown")
                await (self._kill_bot(bot) if kind == "bot" else self._kill_cytube())
            if self._plan.away_s:
                await self._without_nats()
            self._cytube.talk(0)
            await self._stored()
        finally:
            for process in (bot, database):
                await asyncio.to_thread(process.stop)
            await self._cytube.stop()
            self._server.kill()
        return self._compare()

    async def _kill_bot(self, bot: ServiceProcess) -> None:
        bot.kill()
        killed = time.monotonic()
        await until(lambda: not self._cytube.connections)
        # What was put for a dead socket was shown to nobody.
        self._blind.append((killed - EXPOSURE_S, time.monotonic()))
        bot.start()
        await asyncio.to_thread(bot.wait_ready)

    async def _kill_cytube(self) -> None:
        killed = time.monotonic()
        await self._cytube.kill()
        self._blind.append((killed - EXPOSURE_S, time.monotonic()))
        await self._cytube.start()
        await until(lambda: self._cytube.connections == len(ROOMS), timeout=RECONNECT_TIMEOUT_S, what="the bot")

    async def _without_nats(self) -> None:
        self._say(f"NATS away for {self._plan.away_s:g} s at {self._plan.away_rate} lines a second")
        self._cytube.talk(self._plan.away_rate)
        await asyncio.to_thread(self._server.kill)
        ended = time.monotonic() + self._plan.away_s
        # Halfway through, with the spool well filled.
        await asyncio.sleep(self._plan.away_s / 2)
        asked = time.monotonic()
        self._cytube.ask("help")
        await until(lambda: self._cytube.answers, timeout=10, what="an answer while NATS is away")
        self.answer_seconds = time.monotonic() - asked
        await asyncio.sleep(max(0.0, ended - time.monotonic()))
        await asyncio.to_thread(self._server.start)

    def _due(self) -> dict[str, set[int]]:
        """The lines that must be stored, by room: those that were shown at a time that no kill follows too soon."""
        due: dict[str, set[int]] = {room: set() for room in ROOMS}
        for (room, number), times in self._cytube.shown.items():
            if any(not any(begin <= at <= end for begin, end in self._blind) for at in times):
                due[room].add(number)
        return due

    def _rows(self) -> dict[str, list[int]]:
        connection = sqlite3.connect(self._database)
        try:
            rows: dict[str, list[int]] = {room: [] for room in ROOMS}
            for room, message in connection.execute(
                "SELECT c.key, t.message FROM recent_chat t JOIN channels c ON c.id = t.channel_id ORDER BY t.id"
            ):
                rows[room].append(int(message.partition(" ")[2]))
            return rows
        finally:
            connection.close()

    async def _stored(self) -> None:
        deadline = time.monotonic() + DRAIN_TIMEOUT_S
        while time.monotonic() < deadline:
            rows = await asyncio.to_thread(self._rows)
            if all(numbers <= set(rows[room]) for room, numbers in self._due().items()):
                return
            await asyncio.sleep(0.2)
        self._say("not everything is stored after long waiting")

    def _compare(self) -> Verdict:
        rows, due = self._rows(), self._due()
        lost = sum(len(due[room] - set(rows[room])) for room in ROOMS)
        doubled = sum(len(numbers) - len(set(numbers)) for numbers in rows.values())
        reordered = sum(after < before for numbers in rows.values() for before, after in pairwise(numbers))
        connection = sqlite3.connect(self._database)
        try:
            [(counted,)] = connection.execute("SELECT coalesce(sum(total_chat_lines), 0) FROM user_stats")
        finally:
            connection.close()
        distinct = sum(len(set(numbers)) for numbers in rows.values())
        lost += max(0, distinct - counted)
        doubled += max(0, counted - distinct)
        return Verdict(sum(map(len, due.values())), lost, doubled, reordered)
