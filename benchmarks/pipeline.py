"""The whole way of an event, in real processes: a simulated CyTube, a bot, and what brings its events to a row.

All ways have CyTube's side in common: the frames come over sockets, one connection a channel. They differ in what the
bot does with an event, so that beside Rosey's figure stands that of another way, taken in the same minute.
"""

from __future__ import annotations

import asyncio
import enum
import math
import shutil
import sqlite3
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from benchmarks import bot, counting
from benchmarks.commits import Commits
from benchmarks.load import Schedule
from benchmarks.processes import CpuMeter, Process, Service, module
from benchmarks.simulator import BOT
from benchmarks.stage import Stage
from benchmarks.verdict import Verdict
from rosey_core import events, streams
from rosey_database.ingest.consumer import Consumer
from tests.support.waiting import until

ARRIVAL_TIMEOUT_S: Final = 10.0
AGAIN_TIMEOUT_S: Final = 1.0
"""The same once something has not come."""
ENDLESS: Final = 1 << 40


class Way(enum.Enum):
    """How an event gets from the bot to where it is counted as arrived.

    Attributes:
        value: what it is, for people.
    """

    ROSEY = "Rosey: JetStream, group commit"
    DIRECT = "direct writer: a transaction an event, no NATS"
    TUNED = "direct writer with WAL and synchronous=NORMAL"
    ORIGINAL = "core NATS, fire and forget, a transaction an event"
    RECEIPT = "bound: to receipt from JetStream, no database"


@dataclass(frozen=True)
class Act:
    """Lines that were said.

    Attributes:
        first: the first line's number.
        schedule: when each was due, counted from the first.
        made_s: what the site worked on the frames of a burst before the first one left it, seconds.
    """

    first: int
    count: int
    schedule: Schedule
    made_s: float = 0.0


@dataclass
class Arrivals:
    """What became of everything that was sent.

    Attributes:
        lines: Unix seconds at which each line was there, by its number.
        joins: the same for visitors, by name.
        verdict: what is missing, and what is there too often.
    """

    lines: dict[int, float] = field(default_factory=dict)
    joins: dict[str, float] = field(default_factory=dict)
    verdict: Verdict = field(default_factory=Verdict)

    def latencies(self, act: Act) -> list[float]:
        """Seconds from due to arrived, in the order in which they were due."""
        numbers = range(act.first, act.first + act.count)
        return [self.lines[n] - act.schedule.due(n - act.first) for n in numbers if n in self.lines]

    def seconds(self, act: Act) -> float:
        """From the moment at which the first line was due until all were there; infinite if one never was."""
        taken = [self.lines.get(n, math.inf) for n in range(act.first, act.first + act.count)]
        return max(taken) - act.schedule.start


class Pipeline:
    """One way, started, with people in its rooms. Use as an asynchronous context manager.

    Args:
        way: which.
        channels: how many.
        users: in each; CyTube lets each of them say ten lines a second for long.
        database: a file that the database service is to begin with.
    """

    simulator: Process
    bot: Service
    store: Process | None = None

    def __init__(
        self, way: Way = Way.ROSEY, *, channels: int = 50, users: int = 20, database: Path | None = None
    ) -> None:
        self.way = way
        self.stage = Stage()
        self.channels = channels
        self._users = users
        self._database = database
        self._said = 0
        self._given_up = 0
        self._rows_before = 0
        self._visitors = 0
        self._commands = 0
        self._answered = 0

    async def __aenter__(self) -> Self:
        await self.stage.__aenter__()
        try:
            await self._start()
        except BaseException:
            await self.stage.__aexit__(*sys.exc_info())
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stage.__aexit__(kind, error, traceback)

    async def say(self, count: int, rate: float) -> Act:
        """Say so many lines at a rate that does not wait; all are there when this returns."""
        first, self._said = self._said, self._said + count
        report = await self.simulator.ask(act="say", first=first, count=count, rate=rate)
        await self._settled()
        return Act(first, count, Schedule(report["start"], rate))

    async def burst(self, count: int) -> Act:
        """Say so many lines at one moment; all are there when this returns."""
        first, self._said = self._said, self._said + count
        report = await self.simulator.ask(act="burst", first=first, count=count)
        await self._settled()
        return Act(first, count, Schedule(report["start"], math.inf), report["said"] - report["start"])

    async def command(self, count: int, rate: float, *, lines: int) -> list[float]:
        """Send so many commands by private message, while lines are said; the seconds until each was answered."""
        first, self._said = self._said, self._said + lines
        report = await self.simulator.ask(act="command", count=count, rate=rate, first=first, lines=lines)
        await self._settled()
        return self._note_answers(report)

    async def ask(self, questions: Sequence[tuple[str, str]], count: int, rate: float) -> list[float]:
        """Send commands in turn while nobody talks; the seconds until each was answered, as ``questions`` says how."""
        report = await self.simulator.ask(act="ask", questions=questions, count=count, rate=rate)
        return self._note_answers(report)

    async def mixed(self) -> tuple[Act, list[float]]:
        """In each channel at one moment a join, a line and a command; the lines, and the answers' seconds."""
        first, self._said = self._said, self._said + self.channels
        self._visitors += self.channels
        report = await self.simulator.ask(act="mixed", first=first)
        await self._settled()
        return Act(first, self.channels, Schedule(report["start"], math.inf)), self._note_answers(report)

    def meter(self) -> CpuMeter:
        """Of the processes that bring an event from its frame to its row."""
        pids = {"bot": self.bot.pid, "nats": self.stage.nats.pid}
        return CpuMeter(**pids) if self.store is None else CpuMeter(**pids, service=self.store.pid)

    async def arrivals(self) -> Arrivals:
        """Stop the bot, and find out what has arrived and when."""
        await self.bot.stop()
        if self.way in (Way.ROSEY, Way.RECEIPT):
            return await self._from_stream()
        record = Commits(self._record)
        lines = dict(zip(record.sequences, record.times, strict=True))
        rows, distinct = self._rows("SELECT count(*), count(DISTINCT message) FROM recent_chat")
        return Arrivals(lines, {}, Verdict(self._said, self._said - distinct, rows - distinct))

    @property
    def commands_unanswered(self) -> int:
        """Commands that got no whole answer."""
        return self._commands - self._answered

    async def _start(self) -> None:
        stage, way = self.stage, self.way
        self._record = stage.commits if way is Way.ROSEY else stage.directory / "record"
        self._file = stage.database if way is Way.ROSEY else stage.directory / "direct.db"
        self.simulator = await stage.program("simulator", "--channels", self.channels, "--users", self._users)
        if way is Way.ROSEY:
            if self._database is not None:
                await asyncio.to_thread(shutil.copy, self._database, stage.database)
            self.store = await stage.database_service()
            [(self._rows_before,)] = stage.rows("SELECT count(*) FROM recent_chat")
        elif way is Way.ORIGINAL:
            await stage.client.jsm().delete_stream(streams.EVENTS)
            files = ("--database", self._file, "--commits", self._record)
            self.store = await stage.program("subscriber", *files)
            await self.store.report()
        elif way is Way.RECEIPT:
            self.store = await stage.program("bare", "pull", "--commits", self._record, "--count", ENDLESS)
            await self.store.report()
            self.store.nudge()
        url = (await self.simulator.report())["url"]
        platforms = [
            {"type": "cytube", "server": url, "channel": f"room{number}", "user": BOT}
            for number in range(self.channels)
        ]
        # A CyTube site would let one address in more slowly; what is measured begins when the bot is in all rooms.
        limits = {
            "connections_per_address": self.channels,
            "connection_interval": 0.001,
            "guest_login_interval": 0.001,
        }
        options = {"spool_dir": str(stage.directory / "bot-spool"), **limits}
        configuration = {"platforms": platforms, "bot": options}
        self.bot = await stage.service(self._bot_program(), "bot", configuration, self._bot_environment())

    def _bot_program(self) -> list[str]:
        if counting.is_off() or counting.is_timed():
            return module("uncounted")
        if self.way in (Way.ROSEY, Way.RECEIPT):
            return [sys.executable, "-c", "import sys; from rosey_bot.service import main; sys.exit(main())"]
        return module("bot")

    def _bot_environment(self) -> dict[str, str]:
        return {
            bot.WAY: "original" if self.way is Way.ORIGINAL else "direct",
            bot.RECORD: str(self._record),
            bot.DATABASE: str(self._file),
            bot.JOURNAL: "wal" if self.way is Way.TUNED else "delete",
        }

    def _note_answers(self, report: dict[str, Any]) -> list[float]:
        self._commands += report["sent"]
        self._answered += len(report["answered_s"])
        return list(report["answered_s"])

    def _rows(self, query: str) -> tuple[int, ...]:
        connection = sqlite3.connect(self._file)
        try:
            return tuple(connection.execute(query).fetchone())
        finally:
            connection.close()

    async def _settled(self) -> None:
        """Wait until all lines are there; what has not come in time is not waited for again."""
        timeout = AGAIN_TIMEOUT_S if self._given_up else ARRIVAL_TIMEOUT_S
        try:
            await until(self._all_there, timeout=timeout, poll=0.02)
        except TimeoutError:
            self._given_up = self._said - await self._count()

    async def _all_there(self) -> bool:
        return await self._count() >= self._said - self._given_up

    async def _count(self) -> int:
        if self.way is not Way.RECEIPT:
            try:
                return self._rows("SELECT count(*) FROM recent_chat")[0] - self._rows_before
            except sqlite3.OperationalError:
                return 0
        subject = events.ChatMessage.SUBJECT
        info = await self.stage.client.jsm().stream_info(streams.EVENTS, subjects_filter=f"{subject}.*")
        return sum((info.state.subjects or {}).values())

    async def _from_stream(self) -> Arrivals:
        """Each line's and visitor's time by their sequences in the stream; and what stream and database lack."""
        last = await self.stage.last_sequence()
        await self.stage.reached(last, self._record)
        record = Commits(self._record)
        found = Arrivals()
        doubled = read = 0
        consumer = Consumer(self.stage.client, streams.EVENTS, start=1)
        await consumer.start()
        while read < last:
            for message in await consumer.take(2000):
                read = message.sequence
                event, _ = events.decode(message.subject, message.payload)
                if isinstance(event, events.ChatMessage):
                    number = int(event.message)
                    doubled += number in found.lines
                    found.lines[number] = record.time_of(read)
                elif isinstance(event, events.UserJoined):
                    found.joins[event.username] = record.time_of(read)
        await consumer.stop()
        if self.way is Way.RECEIPT:
            found.verdict = Verdict(self._said, self._said - len(found.lines), doubled)
        else:
            found.verdict = self._stored(doubled)
        return found

    def _stored(self, doubled: int) -> Verdict:
        """What the database holds of lines, visitors and commands against what was sent."""
        own = f"event_id IS NOT NULL AND id > {self._rows_before}"
        rows, lines = self._rows(f"SELECT count(*), count(DISTINCT message) FROM recent_chat WHERE {own}")
        (visitors,) = self._rows("SELECT count(*) FROM user_stats WHERE user_key LIKE 'visitor%'")
        (commands,) = self._rows("SELECT count(*) FROM user_actions WHERE action_type = 'pm_command'")
        lost = self._said - lines + self._visitors - visitors + max(self._commands - commands, 0)
        sent = self._said + self._visitors + self._commands
        lost += self.commands_unanswered
        return Verdict(sent, lost, rows - lines + doubled + max(commands - self._commands, 0))
