"""Members with one rule broken, each of which the simulation must find."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rosey_bot.pool.member import Member
from rosey_bot.pool.writes import Write
from rosey_core import leases


class WithoutMargin(Member):
    """A holder acts until the very end of its lease."""

    def is_valid(self, now: float) -> bool:
        return self._own.stored is not None and now < self._own.stored + self._ttl


class ByWallClock(Member):
    """Others are judged by the time that they wrote down, on their own clock."""

    stamps: Final[dict[str, float]] = {}

    def _renew(self, now: float) -> None:
        super()._renew(now)
        if self.session is not None:
            self.stamps[self.session] = self._own.sent_at

    def _end_silent(self, now: float, since: float) -> None:
        for name in self.view.sessions:
            if name != self.session and now - self.stamps.get(name, now) >= self._ttl:
                self._writes.put(leases.session_key(name), None, now)


class WithoutEnding(Member):
    """Claims are taken from who is silent, without ending its session."""

    def _end_silent(self, now: float, since: float) -> None:
        for name, (_, seen_at) in list(self.view.sessions.items()):
            if name != self.session and now - max(seen_at, since) >= self._ttl:
                self.view.ended.add(name)


class ReleasesBeforeLeaving(Member):
    """A channel is released when the worker begins to leave its room."""

    def _release(self, now: float, takes: Mapping[str, tuple[str, int]]) -> None:
        inside, self._inside = self._inside, set()
        super()._release(now, takes)
        self._inside = inside


class CountsFromTheAnswer(Member):
    """The lease runs from when the renewal's answer came, not from when the renewal was sent."""

    def confirmed(self, write: Write, revision: int, now: float) -> None:
        super().confirmed(write, revision, now)
        if write.key == self._own.key:
            self._own.stored = now


class CountsFromTheSight(Member):
    """A renewal of one's own that is seen, however late, counts from then."""

    def _look_at_own(self, now: float) -> None:
        before = self._own.stored
        super()._look_at_own(now)
        if self._own.stored not in (None, before):
            self._own.stored = now


class UsesWhatItGaveUp(Member):
    """What the worker has tried to delete counts as its own while it is still there."""

    def _is_given_up(self, key: str) -> bool:
        return False


class ReleasesThePlaceInside(Member):
    """The place is given back when the worker begins to leave the room, though the claim is not."""

    def _release(self, now: float, takes: Mapping[str, tuple[str, int]]) -> None:
        super()._release(now, takes)
        for channel in self._handover.leaving & self._inside:
            place = self.view.place_of(self.session or "", channel)
            if place is not None:
                self._writes.put(leases.place_key(*place), None, now)


class BeginsAtOnce(Member):
    """What is seen after a look at everything counts at once, although the server may have gone back."""

    def may_begin(self, now: float) -> bool:
        return True
