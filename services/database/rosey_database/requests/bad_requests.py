"""Requests that could not be read: counted, and the last of them kept for the operator to see."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from rosey_core.queries import BadRequest, BadRequestList

KEPT: Final = 100
_EXCERPT: Final = 200
_SUBJECT_LIMIT: Final = 200


class BadRequestLog:
    """The last bad requests of this process.

    Args:
        clock: Unix seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last: deque[BadRequest] = deque(maxlen=KEPT)
        self.count: Counter[str] = Counter()
        """How many there were, by the subject's template."""

    def add(self, template: str, subject: str, payload: bytes, error: str) -> None:
        """Keep one."""
        self.count[template] += 1
        self._last.append(
            BadRequest(
                timestamp=self._clock(),
                subject=subject[:_SUBJECT_LIMIT],
                error=error,
                payload=payload[:_EXCERPT].decode(errors="replace"),
                size=len(payload),
            )
        )

    def newest(self, limit: int) -> BadRequestList:
        """The last ones, newest first."""
        return BadRequestList(total=self.count.total(), requests=list(reversed(self._last))[:limit])
