"""What ``rosey up`` and its children have to say, on its way to whoever shows it."""

from __future__ import annotations

import contextlib
import enum
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from rosey_core.telemetry.logs import redacted
from rosey_core.text import one_line

KEPT_PROBLEMS: Final = 5


class Level(enum.IntEnum):
    """How much a line matters."""

    INFO = 1
    WARNING = 2
    ERROR = 3


class Entry(NamedTuple):
    """One line.

    Attributes:
        time: Unix seconds.
        source: the process that says it.
        text: printable, without line breaks.
        level: how much it matters.
    """

    time: float
    source: str
    text: str
    level: Level


class Journal:
    """Hands each line on as it comes, and keeps the last problems.

    Args:
        show: called with each entry.
        clock: Unix seconds.
    """

    def __init__(
        self, show: Callable[[Entry], None] = lambda entry: None, clock: Callable[[], float] = time.time
    ) -> None:
        self.problems: deque[Entry] = deque(maxlen=KEPT_PROBLEMS)
        self._show = show
        self._clock = clock

    def say(self, source: str, text: str, level: Level = Level.INFO) -> None:
        """Take one line; several become one."""
        entry = Entry(self._clock(), source, one_line(text), level)
        if level >= Level.WARNING:
            self.problems.append(entry)
        self._show(entry)


@contextlib.contextmanager
def logged_to(journal: Journal) -> Iterator[None]:
    """Within the block, this process's own log goes to ``journal``, from warnings on."""
    handler = _Handler(journal)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


class _Handler(logging.Handler):
    def __init__(self, journal: Journal) -> None:
        super().__init__(logging.WARNING)
        self._journal = journal

    def emit(self, record: logging.LogRecord) -> None:
        level = Level.ERROR if record.levelno >= logging.ERROR else Level.WARNING
        self._journal.say("rosey", redacted(record.getMessage()), level)
