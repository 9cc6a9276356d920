"""What keeps one message that comes again and again from filling the log: it is counted, and summed up in one line."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

LIMIT: Final = 10
WINDOW_S: Final = 60.0
CAPACITY: Final = 1000


class _Run:
    """One message within one window."""

    __slots__ = ("began", "count", "record")

    def __init__(self, began: float, record: logging.LogRecord) -> None:
        self.began = began
        self.count = 0
        self.record = record


class Repetitions:
    """Says which entries are written. The same message is the same text of one logger at one level.

    Args:
        limit: times that a message is written in one window.
        window: seconds, from the first time on.
        capacity: messages that are told apart; beyond it the oldest window ends early.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        *,
        limit: int = LIMIT,
        window: float = WINDOW_S,
        capacity: int = CAPACITY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit: Final = limit
        self._window: Final = window
        self._capacity: Final = capacity
        self._clock: Final = clock
        self._runs: OrderedDict[tuple[str, int, str], _Run] = OrderedDict()

    def admit(self, record: logging.LogRecord) -> list[logging.LogRecord]:
        """What to write now that this comes: what is over summed up, and the entry itself unless it is one too many."""
        now = self._clock()
        written = []
        while self._runs and next(iter(self._runs.values())).began + self._window <= now:
            written += self._end_oldest()
        key = record.name, record.levelno, record.getMessage()
        run = self._runs.get(key)
        if run is None:
            if len(self._runs) >= self._capacity:
                written += self._end_oldest()
            run = self._runs[key] = _Run(now, record)
        run.count += 1
        return [*written, record] if run.count <= self._limit else written

    def end(self) -> list[logging.LogRecord]:
        """End all windows; what was left out is summed up."""
        written = []
        while self._runs:
            written += self._end_oldest()
        return written

    def _end_oldest(self) -> list[logging.LogRecord]:
        _, run = self._runs.popitem(last=False)
        left_out = run.count - self._limit
        if left_out <= 0:
            return []
        summary = logging.makeLogRecord(vars(run.record))
        summary.created = time.time()
        summary.msg = f"{left_out} times more in {self._window:g} s: {run.record.getMessage()}"
        summary.args = summary.exc_info = summary.exc_text = summary.stack_info = None
        return [summary]
