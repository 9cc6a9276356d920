"""The bot killed while it follows busy rooms, and NATS away for a minute: what it was shown is stored once.

The simulated CyTube lives in the harness, which notes what went over the bot's socket and when. The bot promises that
of what it was shown only the last moments before a kill may be missing, and of those CyTube shows the last lines
again. So what was shown to a bot that lived on for ``EXPOSURE_S`` afterwards, or shown again later, must be stored.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from rosey_simulator.connection import Connection
from rosey_simulator.frames import Frame
from rosey_simulator.member import Member
from rosey_simulator.server import SimulatorServer
from tests.chaos.processes import ServiceProcess, bot_process, database_process
from tests.chaos.record import Verdict
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

ROOMS = 5
TALKERS = 60
"""People in each room: CyTube lets one say ten lines a second at most."""
EXPOSURE_S = 0.5
"""The outbox's bound of 0.2 s, and the way of a frame to a busy process."""
DRAIN_TIMEOUT_S = 120.0
BOT, PASSWORD = "Rosey", "made-up-password"


@dataclass(frozen=True, kw_only=True)
class BotPlan:
    """How much is done.

    Attributes:
        rate: chat lines a second, over all rooms.
        kills: SIGKILLs of the bot.
        away_s: how long NATS is away in the end, at ``away_rate`` lines a second.
    """

    seed: int
    rate: int = 500
    kills: int = 20
    away_s: float = 60.0
    away_rate: int = 1000
    spacing: tuple[float, float] = (0.3, 2.0)


class WatchedServer(SimulatorServer):
    """A simulated CyTube that notes which chat lines went to its only client, the bot, and when.

    Attributes:
        shown: (room, number of the line) to the times at which it was shown, monotonic seconds.
    """

    def __init__(self) -> None:
        super().__init__()
        self.shown: dict[tuple[str, int], list[float]] = {}

    def connect(self, connection: Connection) -> None:
        put = connection.put

        def note(text: str | None) -> None:
            if text is not None and text.startswith('2["chatMsg"'):
                line = json.loads(text[1:])[1]
                room, _, number = line["msg"].partition(" ")
                if number.isdigit():
                    self.shown.setdefault((room, int(number)), []).append(time.monotonic())
            put(text)

        connection.put = note  # type: ignore[method-assign]
        super().connect(connection)


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
        self._cytube = WatchedServer()
        self._rooms = [f"room{number}" for number in range(ROOMS)]
        self._database = directory / "bot_rooms.db"
        self._talkers: dict[str, list[Member]] = {}
        self._said = dict.fromkeys(self._rooms, 0)
        self._blind: list[tuple[float, float]] = []
        self._rate = plan.rate
        self._answers: list[str] = []
        self.answer_seconds: float | None = None
        """How long a command took while NATS was away."""

    async def run(self) -> Verdict:
        """Do it all, wait until what must be stored is, and compare."""
        self._server.start()
        self._cytube.add_account(BOT, PASSWORD)
        for room in self._rooms:
            self._cytube.add_channel(room, owner=BOT)
        await self._cytube.start()
        database = database_process(
            self._directory, "rooms", nats_url=self._server.url, database=self._database, default_channel="room0"
        )
        bot = bot_process(
            self._directory,
            "bot",
            nats_url=self._server.url,
            cytube_url=self._cytube.url,
            channels=self._rooms,
            user=BOT,
            password=PASSWORD,
        )
        load: asyncio.Task[None] | None = None
        try:
            for process in (database, bot):
                process.start()
                await asyncio.to_thread(process.wait_ready)
            self._fill_rooms()
            load = asyncio.create_task(self._talk())
            for number in range(1, self._plan.kills + 1):
                await asyncio.sleep(self._random.uniform(*self._plan.spacing))
                self._say(f"bot kill {number}/{self._plan.kills}; {len(self._cytube.shown)} lines shown")
                await self._kill(bot)
            if self._plan.away_s:
                await self._without_nats()
            load.cancel()
            await asyncio.gather(load, return_exceptions=True)
            await self._stored()
        finally:
            if load is not None:
                load.cancel()
            for process in (bot, database):
                await asyncio.to_thread(process.stop)
            await self._cytube.stop()
            self._server.kill()
        return self._compare()

    def _fill_rooms(self) -> None:
        for room in self._rooms:
            self._talkers[room] = []
            for number in range(TALKERS):
                member = Member(f"10.0.0.{number}")
                member.become(f"{room}-talker{number}", registered=False, global_rank=0.0)
                self._cytube.channel(room).join(member)
                self._talkers[room].append(member)

    async def _talk(self) -> None:
        loop = asyncio.get_running_loop()
        due, turn = loop.time(), 0
        while True:
            while due <= loop.time():
                room = self._rooms[turn % ROOMS]
                talkers = self._talkers[room]
                number = self._said[room]
                self._said[room] += 1
                self._cytube.channel(room).say(talkers[number % len(talkers)], f"{room} {number}")
                turn += 1
                due += 1 / self._rate
            await asyncio.sleep(0.005)

    async def _kill(self, bot: ServiceProcess) -> None:
        bot.kill()
        killed = time.monotonic()
        await until(lambda: not self._cytube.connections)
        # What was put for a dead socket was shown to nobody.
        self._blind.append((killed - EXPOSURE_S, time.monotonic()))
        bot.start()
        await asyncio.to_thread(bot.wait_ready)

    async def _without_nats(self) -> None:
        self._say(f"NATS away for {self._plan.away_s:g} s at {self._plan.away_rate} lines a second")
        self._rate = self._plan.away_rate
        await asyncio.to_thread(self._server.kill)
        moderator = Member("10.0.1.1", sink=self._hear)
        moderator.become("Moderator", registered=True, global_rank=3.0)
        room = self._cytube.channel(self._rooms[0])
        room.join(moderator)
        ended = time.monotonic() + self._plan.away_s
        # Halfway through, with the spool well filled.
        await asyncio.sleep(self._plan.away_s / 2)
        asked = time.monotonic()
        room.handle(moderator, "pm", [{"to": BOT, "msg": "help", "meta": {}}])
        await until(lambda: self._answers, timeout=10, what="an answer while NATS is away")
        self.answer_seconds = time.monotonic() - asked
        await asyncio.sleep(max(0.0, ended - time.monotonic()))
        room.leave(moderator)
        await asyncio.to_thread(self._server.start)

    def _hear(self, frame: Frame) -> None:
        if frame.event == "pm" and frame.args[0]["username"] == BOT:
            self._answers.append(frame.args[0]["msg"])

    def _due(self) -> dict[str, set[int]]:
        """The lines that must be stored, by room: those that were shown at a time that no kill follows too soon."""
        due: dict[str, set[int]] = {room: set() for room in self._rooms}
        for (room, number), times in self._cytube.shown.items():
            if any(not any(begin <= at <= end for begin, end in self._blind) for at in times):
                due[room].add(number)
        return due

    def _rows(self) -> dict[str, list[int]]:
        connection = sqlite3.connect(self._database)
        try:
            rows: dict[str, list[int]] = {room: [] for room in self._rooms}
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
        lost = sum(len(due[room] - set(rows[room])) for room in self._rooms)
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
