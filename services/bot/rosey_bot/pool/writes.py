"""The compare-and-sets of one worker: which are to be made, which are under way, and what it has tried to delete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rosey_bot.pool.view import View
from rosey_core.leases import Record


@dataclass(frozen=True, slots=True)
class Write:
    """A compare-and-set to make.

    Attributes:
        key: where.
        record: what; ``None`` deletes.
        expected: the revision that must stand there; 0 where nothing must.
        epoch: of the view that it rests on.
    """

    key: str
    record: Record | None
    expected: int
    epoch: int


class Writes:
    """One at a time for each key, each on the revision that was seen there last.

    Args:
        view: what was seen.
        patience: seconds until a write is tried again that was refused for a reason that is not seen.
    """

    def __init__(self, view: View, patience: float) -> None:
        self._view: Final = view
        self._patience: Final = patience
        self._epoch = 0
        self._due: list[Write] = []
        self._pending: dict[str, Write] = {}
        self._retry: dict[str, float] = {}
        self._given_up: dict[str, int] = {}

    @property
    def pending(self) -> Mapping[str, Write]:
        """Those that are under way, by key."""
        return self._pending

    @property
    def has_given_up(self) -> bool:
        """Whether this worker has tried to delete anything that may stand there still."""
        return bool(self._given_up)

    def put(self, key: str, record: Record | None, now: float) -> bool:
        """Have this written, ``None`` for a deletion, where it may be now; returns whether it is."""
        if key in self._pending or self._retry.get(key, now) > now:
            return False
        write = Write(key, record, self._view.revision(key), self._epoch)
        self._pending[key] = write
        self._retry.pop(key, None)
        if record is None:
            self._given_up[key] = write.expected
        self._due.append(write)
        return True

    def take(self) -> list[Write]:
        """Those to make now."""
        due, self._due = self._due, []
        return due

    def is_given_up(self, key: str) -> bool:
        """Whether this worker has ever tried to delete what stands there: nobody knows when that comes about."""
        return key in self._given_up

    def settle(self, write: Write) -> bool:
        """The outcome of a write is known; returns whether it still says anything about what is seen."""
        return write.epoch == self._epoch and self._pending.pop(write.key, None) is not None

    def refuse(self, write: Write, now: float) -> None:
        """A write is not stored, since something else was; or nobody knows."""
        if self.settle(write) and self._view.revision(write.key) == write.expected:
            # What was stored instead is about to be seen.
            self._retry[write.key] = now + self._patience

    def forget(self) -> None:
        """What becomes of those under way is not told any more."""
        self._epoch += 1
        self._pending.clear()
        self._retry.clear()

    def look_anew(self) -> None:
        """All that is stored was seen anew."""
        self._given_up = {key: it for key, it in self._given_up.items() if self._view.revision(key) == it}

    def news(self, key: str) -> None:
        """Something else stands under a key."""
        self._retry.pop(key, None)
        self._given_up.pop(key, None)
