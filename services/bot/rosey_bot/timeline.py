"""The times of a channel's events, where CyTube gives none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

STEP: Final = 1e-6
"""Seconds; the least difference of two times."""


class Timeline:
    """A clock whose times are all different and in order, so that a channel's events have one order by time.

    Args:
        clock: Unix seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last = 0.0

    def now(self) -> float:
        """Unix seconds, later than each time before."""
        self._last = max(self._clock(), self._last + STEP)
        return self._last
