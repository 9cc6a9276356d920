"""A clock that tests move."""

from __future__ import annotations

import time


class MovableClock:
    """Unix seconds that pass when the test says so; give it wherever a ``clock`` is asked for.

    It starts at the present, in whole seconds, so that it agrees with servers that have a clock of their own.
    """

    def __init__(self) -> None:
        self.now = float(int(time.time()))

    def __call__(self) -> float:
        return self.now

    def move(self, seconds: float) -> int:
        """Let so many seconds pass; returns the new time."""
        self.now += seconds
        return int(self.now)
