"""How much CPU and memory a program takes, over all its processes."""

from __future__ import annotations

import psutil

from rosey_cli.data_directory import ProcessIdentity, identity


class Usage:
    """The use of one program.

    Attributes:
        cpu_seconds: user and system time of all its processes together.
        cpu_percent: of one core, between the last two looks.
        rss: bytes that its present, or last, process has in memory.
        rss_max: the most that was seen.
    """

    def __init__(self) -> None:
        self.cpu_seconds = 0.0
        self.cpu_percent = 0.0
        self.rss = 0
        self.rss_max = 0
        self._identity: ProcessIdentity | None = None
        self._cpu_before = 0.0
        self._looked_at: float | None = None

    def look(self, pid: int | None, now: float) -> None:
        """Look at the present process, ``None`` where there is none.

        Args:
            now: monotonic seconds.
        """
        who = None if pid is None else identity(pid)
        if who != self._identity:
            self._identity = who
            self._cpu_before = self.cpu_seconds
        process = None if who is None else who.process
        if process is None:
            self.cpu_percent = 0.0
            return
        try:
            with process.oneshot():
                times, self.rss = process.cpu_times(), process.memory_info().rss
        except psutil.Error:
            return
        self.rss_max = max(self.rss_max, self.rss)
        total = self._cpu_before + times.user + times.system
        if self._looked_at is not None and now > self._looked_at:
            self.cpu_percent = 100 * max(0.0, total - self.cpu_seconds) / (now - self._looked_at)
        self.cpu_seconds, self._looked_at = total, now
