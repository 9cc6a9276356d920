"""The present as a caller's calls see it: each call is later than the one before."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

BELIEVED_S: Final = 60.0
"""A clock that is set back by more was wrong before: it is followed."""


class Moments:
    """Times that only grow: what is called later has happened later, also where the clock stands or is set back a bit.

    Args:
        clock: Unix seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last = -math.inf

    def next(self) -> float:
        """Now, in Unix seconds; later than whatever this returned before, by the least that a float can tell."""
        now = self._clock()
        if self._last - now < BELIEVED_S:
            now = max(now, math.nextafter(self._last, math.inf))
        self._last = now
        return now
