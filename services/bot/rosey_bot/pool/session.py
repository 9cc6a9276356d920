"""A worker's own session: renewed, and valid for a time that ends sooner than others may see it end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rosey_bot.pool.view import View
from rosey_bot.pool.writes import Writes
from rosey_core import leases
from rosey_core.leases import Session

MARGIN: Final = 1 / 6
"""The share of ``ttl`` by which a holder stops earlier: clocks may differ in speed by a twelfth each way."""
RENEWAL: Final = 1 / 4
"""The share of ``ttl`` after which a session is renewed."""


class OwnSession:
    """One session after the other, each under a name of its own.

    Args:
        worker: what the worker is called.
        suffix: makes a text that was never used before.
        group: workers of one group come from one address.
        ttl: seconds without a renewal after which a session ends.
        view: what was seen.
        writes: what is written.

    Attributes:
        name: the session's; ``None`` between two.
        stored: when the last renewal was sent that is known to be stored, by the own clock; ``None`` without one.
    """

    def __init__(
        self, worker: str, suffix: Callable[[], str], group: str, ttl: float, view: View, writes: Writes
    ) -> None:
        self._worker: Final = worker
        self._suffix: Final = suffix
        self._group: Final = group
        self._ttl: Final = ttl
        self._view: Final = view
        self._writes: Final = writes
        self.name: str | None = None
        self.stored: float | None = None
        self._begun_at = 0.0
        self._beat = 0
        self.sent_at = float("-inf")
        self._sent: dict[int, float] = {}

    @property
    def key(self) -> str | None:
        """Where it stands."""
        return None if self.name is None else leases.session_key(self.name)

    def is_valid(self, now: float) -> bool:
        """Whether what it holds is certainly its own now."""
        return self.stored is not None and now < self.stored + self._ttl * (1 - MARGIN)

    def renew(self, now: float, *, begins: bool, draining: bool) -> None:
        """Write that it goes on, when it is time.

        Args:
            now: seconds.
            begins: whether a session may begin where there is none.
            draining: whether the worker is about to go.
        """
        if self.name is not None and self.stored is None and now - self._begun_at > self._ttl:
            # Whether it was ever stored nobody knows; a name is used for one session only.
            self.name = None
        if self.name is None:
            if not begins:
                return
            self.name = leases.session_name(self._worker, self._suffix())
            self.stored, self._begun_at, self._beat, self.sent_at, self._sent = None, now, 0, float("-inf"), {}
        if now - self.sent_at < self._ttl * RENEWAL:
            return
        beat = self._beat + 1
        record = Session(worker=self._worker, group=self._group, ttl=self._ttl, beat=beat, draining=draining)
        if self._writes.put(leases.session_key(self.name), record, now):
            self._beat = beat
            self.sent_at = self._sent[beat] = now

    def renew_soon(self) -> None:
        """Renew it with the next step: others are to know what has changed."""
        self.sent_at = float("-inf")

    def look(self) -> bool:
        """Look at what stands there; returns whether somebody has ended it, or the server has lost it."""
        if self.name is None:
            return False
        record = self._view.seen(leases.session_key(self.name)).record
        if isinstance(record, Session):
            # The server may have gone back to an earlier one. The later ones have counted all the same.
            if record.beat in self._sent:
                self.stored = self._sent[record.beat]
                self._sent = {beat: at for beat, at in self._sent.items() if beat >= record.beat}
        elif self.stored is not None or self.name in self._view.ended:
            self.name = self.stored = None
            return True
        return False
