"""Looks at the processes of a run again and again: their metrics, readiness, logs, CPU and memory."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from rosey_cli.up.channel import Channel
from rosey_cli.up.child import Child, State
from rosey_cli.up.journal import Journal, Level
from rosey_cli.up.logfile import LogFile
from rosey_cli.up.programs import Service
from rosey_cli.up.scrape import Totals, Unreachable, get_readiness, get_samples, is_alive
from rosey_cli.up.snapshot import Latency, ProcessState, Snapshot
from rosey_cli.up.usage import Usage

BOT: Final = "rosey-bot"
DATABASE: Final = "rosey-database"

INTERVAL_S: Final = 0.5
UNANSWERED_S: Final = 30.0
"""A process whose health does not answer for this long hangs, and is killed."""
_RATE_WINDOW_S: Final = 3.0


class Monitor:
    """What is known of a run.

    Args:
        children: its processes.
        journal: takes what their logs say.
        channels: by key; somebody else fills them.
        clock: Unix seconds.
    """

    def __init__(
        self,
        children: Sequence[Child],
        journal: Journal,
        *,
        channels: Mapping[str, Channel] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.reads_logs = True
        """Whether what the processes log is handed on."""
        self._children = children
        self._journal = journal
        self._channels = {} if channels is None else channels
        self._clock = clock
        self._began = time.monotonic()
        self._totals = {child.name: Totals() for child in children}
        self._usage = {child.name: Usage() for child in children}
        # That they have started is known. What the bot says of its start is of plugins, and of where it goes.
        begins = {child.name: child.log_start if child.name == BOT else None for child in children}
        self._logs = {child.name: LogFile(child.program.log_file, start=begins[child.name]) for child in children}
        self._reasons: dict[str, list[str]] = {}
        self._answered: dict[tuple[str, int], float] = {}
        self._stored: deque[tuple[float, float]] = deque()

    async def look(self) -> Snapshot:
        """Look once at everything."""
        await asyncio.gather(*map(self._look_at, self._children))
        if self.reads_logs:
            self._read_logs()
        now = time.monotonic()
        for child in self._children:
            self._usage[child.name].look(child.pid, now)
        self._stored.append((now, self._totals[DATABASE].value("rosey_database_events_stored_total")))
        while now - self._stored[0][0] > _RATE_WINDOW_S:
            self._stored.popleft()
        return self.snapshot()

    def _read_logs(self) -> None:
        for name, log in self._logs.items():
            for line in log.read():
                self._journal.say(name, line.text, line.level)

    def snapshot(self) -> Snapshot:
        """What was last found."""
        bot, database = self._totals[BOT], self._totals[DATABASE]
        rooms = bot.by_label("rosey_bot_connected", "channel").values()
        return Snapshot(
            time=self._clock(),
            seconds=time.monotonic() - self._began,
            published=int(bot.value("rosey_bot_events_published_total")),
            stored=int(database.value("rosey_database_events_stored_total")),
            rejected=int(database.value("rosey_database_events_rejected_total")),
            waiting=int(database.value("rosey_database_ingest_lag_messages")),
            held=int(bot.value("rosey_bot_outbox_depth_messages")),
            dropped=int(bot.value("rosey_bot_outbox_dropped_total")),
            per_second=self._per_second(),
            in_room=bool(rooms) and all(rooms),
            frame_to_row=Latency.of(database, "rosey_database_frame_to_row_seconds"),
            publish_to_row=Latency.of(database, "rosey_database_publish_to_row_seconds"),
            channels=list(self._channels.values()),
            processes=[self._process_state(child) for child in self._children],
            problems=[f"{name}: {reason}" for name, reasons in self._reasons.items() for reason in reasons],
            journal=list(self._journal.problems),
        )

    def _per_second(self) -> float:
        if len(self._stored) < 2:
            return 0.0
        (begun, before), (ended, after) = self._stored[0], self._stored[-1]
        return max(0.0, after - before) / (ended - begun)

    async def _look_at(self, child: Child) -> None:
        pid, program = child.pid, child.program
        if pid is None:
            self._reasons[child.name] = [child.state.value]
            return
        if not isinstance(program, Service):
            self._reasons[child.name] = []
            return
        url = program.health_url
        if url is None:
            self._reasons[child.name] = [child.state.value]
            return
        readiness = await get_readiness(url)
        child.note_readiness(readiness.ready)
        self._reasons[child.name] = list(readiness.reasons)
        try:
            samples = await get_samples(url)
            alive = await is_alive(url)
        except Unreachable:
            alive = not self._hangs(child, pid)
        else:
            self._answered[child.name, pid] = time.monotonic()
            if child.pid == pid:
                self._totals[child.name].update(pid, samples)
        if not alive and child.pid == pid and child.state is not State.STOPPING:
            self._journal.say(child.name, "says that only a new process helps, or hangs: killed", Level.ERROR)
            child.kill()

    def _hangs(self, child: Child, pid: int) -> bool:
        since = self._answered.setdefault((child.name, pid), time.monotonic())
        return time.monotonic() - since > UNANSWERED_S

    def _process_state(self, child: Child) -> ProcessState:
        usage = self._usage[child.name]
        return ProcessState(
            name=child.name,
            state=child.state,
            pid=child.pid,
            restarts=child.restarts,
            cpu_seconds=usage.cpu_seconds,
            cpu_percent=usage.cpu_percent,
            rss=usage.rss,
            rss_max=usage.rss_max,
        )
