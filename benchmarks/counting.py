"""Whether the processes of a measurement count what they do, and a watch on what that takes.

Apart, since whoever asks imports nothing more for it.
"""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

METRICS: Final = "BENCHMARK_METRICS"
"""Names the variable that is ``off`` where nothing is to be counted, ``timed`` where counting is to be timed."""
WATCH: Final = "BENCHMARK_WATCH"
"""Names the variable with the file to which each process adds, at its end, the seconds that its counting took."""


def is_off() -> bool:
    """Whether this process is to count nothing."""
    return os.environ.get(METRICS) == "off"


def is_timed() -> bool:
    """Whether this process is to time its counting."""
    return os.environ.get(METRICS) == "timed"


class Watch:
    """Adds up the processor's time of some functions, none of which calls another; that of its own clock is in it."""

    def __init__(self) -> None:
        self._nanoseconds = 0
        atexit.register(self._write)

    def put_on(self, owner: Any, name: str) -> None:
        """Time a function of a class or a module from now on."""
        function: Callable[..., Any] = getattr(owner, name)

        def timed(*arguments: Any) -> Any:
            begun = time.thread_time_ns()
            try:
                return function(*arguments)
            finally:
                self._nanoseconds += time.thread_time_ns() - begun

        setattr(owner, name, timed)

    def _write(self) -> None:
        with Path(os.environ[WATCH]).open("a") as file:
            file.write(f"{self._nanoseconds / 1e9}\n")
