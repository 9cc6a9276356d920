"""CyTube's rate limit on chat and private messages, kept from the safe side.

CyTube takes 20 in a burst, then one per 100 ms; after 2 s without an accepted message the burst is full again
(PROTOCOL.md 5). What comes faster is dropped. This is the same algorithm with smaller numbers, so that a message
that travels faster than the one before it still arrives in time.
"""

from __future__ import annotations

from typing import Final

BURST: Final = 10
INTERVAL: Final = 1 / 8
"""Seconds between two messages after a burst."""
RECOVERY: Final = 2.5
"""Seconds of silence after which the next message begins a new burst."""


class Throttle:
    """Says when the next message may be sent; times are seconds of any one clock."""

    def __init__(self) -> None:
        self._sent = 0
        self._last = float("-inf")
        self._blocked_until = float("-inf")

    def wait(self, now: float) -> float:
        """Seconds until a message may be sent."""
        limited = 0.0
        if now - self._last < RECOVERY and self._sent >= BURST:
            limited = self._last + INTERVAL - now
        return max(limited, self._blocked_until - now, 0.0)

    def sent(self, now: float) -> None:
        """A message was sent."""
        self._sent = 1 if now - self._last >= RECOVERY else self._sent + 1
        self._last = now

    def refused(self, now: float, seconds: float) -> None:
        """CyTube dropped a message and wants ``seconds`` of silence; from now on there is no burst."""
        self._blocked_until = now + seconds
        self._sent = max(self._sent, BURST)
