"""Time that stands still until it is moved."""

from __future__ import annotations

import math


class ManualClock:
    """Unix seconds in whole milliseconds, the grain of CyTube's own times. To be called like `time.time`."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._ms = round(start * 1000)

    def __call__(self) -> float:
        return self._ms / 1000

    @property
    def milliseconds(self) -> int:
        return self._ms

    def move_to(self, seconds: float) -> None:
        """Go to the first whole millisecond that is not before `seconds`; never back."""
        ms = math.floor(seconds * 1000) - 1
        while ms / 1000 < seconds:
            ms += 1
        self._ms = max(self._ms, ms)

    def advance(self, seconds: float) -> None:
        self._ms += round(seconds * 1000)
