"""How fast one token may post: so many messages at once, and from then on one as each time passes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

BURST: Final = 10
INTERVAL_S: Final = 1.0
"""Seconds; the bot could post faster, but nobody could read it."""


class PostingRate:
    """Counts what each token posts.

    Args:
        burst: messages at once.
        interval: seconds until there may be one more.
        clock: seconds.
    """

    def __init__(
        self, *, burst: int = BURST, interval: float = INTERVAL_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ahead = (burst - 1) * interval
        self._interval = interval
        self._clock = clock
        self._free: dict[str, float] = {}

    def take(self, token: str) -> float:
        """Count a message of this token and return 0; or count none and return the seconds until there may be one."""
        now = self._clock()
        if token not in self._free:
            # Of each token that posts there is one entry, and of those that have long been silent none.
            self._free = {key: free for key, free in self._free.items() if free > now}
        free = max(self._free.get(token, now), now)
        wait = free - self._ahead - now
        if wait > 0:
            return wait
        self._free[token] = free + self._interval
        return 0.0
