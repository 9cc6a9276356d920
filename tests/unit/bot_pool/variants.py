"""Members with one rule broken, each of which the simulation must find."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rosey_bot.pool.member import Member, Write
from rosey_core import leases


class WithoutMargin(Member):
    """A holder acts until the very end of its lease."""

    @property
    def _lease(self) -> float:
        return self._ttl


class ByWallClock(Member):
    """Others are judged by the time that they wrote down, on their own clock."""

    stamps: Final[dict[str, float]] = {}

    def _renew(self, now: float, writes: list[Write]) -> None:
        super()._renew(now, writes)
        if self._own is not None:
            self.stamps[self._own.name] = self._own.sent_at

    def _end_silent(self, now: float, since: float, writes: list[Write]) -> None:
        for name in self.view.sessions:
            if name != self.session and now - self.stamps.get(name, now) >= self._ttl:
                self._write(leases.session_key(name), None, now, writes)


class WithoutEnding(Member):
    """Claims are taken from who is silent, without ending its session."""

    def _end_silent(self, now: float, since: float, writes: list[Write]) -> None:
        for name, (_, seen_at) in list(self.view.sessions.items()):
            if name != self.session and now - max(seen_at, since) >= self._ttl:
                self.view.ended.add(name)


class ReleasesBeforeLeaving(Member):
    """A channel is released when the worker begins to leave its room."""

    def _release(self, now: float, takes: Mapping[str, tuple[str, int]], writes: list[Write]) -> None:
        inside, self._inside = self._inside, set()
        super()._release(now, takes, writes)
        self._inside = inside


class CountsFromTheAnswer(Member):
    """The lease runs from when the renewal's answer came, not from when the renewal was sent."""

    def confirmed(self, write: Write, revision: int, now: float) -> None:
        super().confirmed(write, revision, now)
        if self._own is not None and self._is_own(write.key):
            self._own.stored = now


class CountsFromTheSight(Member):
    """A renewal of one's own that is seen, however late, counts from then."""

    def _look_at_own(self, now: float, key: str | None = None) -> None:
        before = None if self._own is None else self._own.stored
        super()._look_at_own(now, key)
        if self._own is not None and self._own.stored != before:
            self._own.stored = now


class UsesWhatItGaveUp(Member):
    """What the worker has tried to delete counts as its own while it is still there."""

    def _is_given_up(self, key: str) -> bool:
        return False


class ReleasesThePlaceInside(Member):
    """The place is given back when the worker begins to leave the room, though the claim is not."""

    def _release(self, now: float, takes: Mapping[str, tuple[str, int]], writes: list[Write]) -> None:
        super()._release(now, takes, writes)
        for channel in self._leaving & self._inside:
            place = self.view.place_of(self.session or "", channel)
            if place is not None:
                self._write(leases.place_key(*place), None, now, writes)


class BeginsAtOnce(Member):
    """What is seen after a look at everything counts at once, although the server may have gone back."""

    def may_begin(self, now: float) -> bool:
        return True
