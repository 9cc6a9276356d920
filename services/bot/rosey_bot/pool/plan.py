"""Who is to take which channel that nobody holds: every worker that sees the same comes to the same answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from rosey_bot.pool.view import View
from rosey_core import leases

PATIENCE: Final = 1 / 3
"""The share of ``ttl`` that a worker has for taking what is its turn to take, before the next one does."""


@dataclass(frozen=True, slots=True)
class Want:
    """A channel that somebody is to sit in.

    Attributes:
        host: of the CyTube site.
        through: the address group of the proxy that it goes through; ``None`` where it goes through none.
        is_guest: whether the bot is a guest there.
    """

    host: str
    through: str | None = None
    is_guest: bool = False

    def budget(self, group: str) -> str:
        """What counts a connection of a worker of this address group to it."""
        return leases.budget_of(self.host, self.through or group)


@dataclass(slots=True)
class Candidate:
    """A worker that takes channels.

    Attributes:
        session: its session's name.
        worker: its own name.
        group: its address group.
        load: how many channels it has, those that it is to take included.
    """

    session: str
    worker: str
    group: str
    load: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to become of the channels that nobody holds.

    Attributes:
        takes: by channel, the session that is to take it, and the place that it is to take for it.
        full: those that no candidate has a place for.
    """

    takes: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    full: list[str] = field(default_factory=list)


class Places:
    """The places that are left.

    Args:
        view: what is taken.
        limit: how many places a budget has.
    """

    def __init__(self, view: View, limit: int) -> None:
        self._view: Final = view
        self._limit: Final = limit
        self._taken: Final[dict[str, set[int]]] = {}
        self._next: Final[dict[str, int]] = {}

    def has(self, budget: str) -> bool:
        """Whether the budget has a place left."""
        return self._first(budget) is not None

    def take(self, budget: str) -> int:
        """Take the first one that is left."""
        number = self._first(budget)
        if number is None:
            raise AssertionError("there is no place left")
        self._taken[budget].add(number)
        return number

    def _first(self, budget: str) -> int | None:
        taken = self._taken.get(budget)
        if taken is None:
            taken = self._taken[budget] = self._view.taken(budget)
        number = self._next.get(budget, 0)
        while number in taken:
            number += 1
        self._next[budget] = number
        return number if number < self._limit else None


def assign(
    view: View,
    candidates: list[Candidate],
    wants: Mapping[str, Want],
    free: Iterable[tuple[str, int]],
    limit: int,
    since: float,
) -> Plan:
    """Share the channels that nobody holds among the candidates, so that their loads come out even.

    Who had a channel before gets it back if that keeps its share. Loads of ``candidates`` are raised by what they get.

    Args:
        view: what is held.
        candidates: who takes channels.
        wants: all channels.
        free: those that nobody holds, each with how many candidates have let it go by already.
        limit: how many places a budget has.
        since: seconds by the own clock; who took a place before and not the channel counts like the others.
    """
    plan, places = Plan(), Places(view, limit)
    share = -(-len(wants) // max(len(candidates), 1))
    by_session = {candidate.session: candidate for candidate in candidates}
    by_worker = {candidate.worker: candidate for candidate in candidates}
    for channel, passed in sorted(free):
        want = wants[channel]
        reserving = by_session.get(view.reserved_by(channel, since) or "")
        able = [
            each
            for each in candidates
            if places.has(want.budget(each.group)) or _number(view, channel, want, each) is not None
        ]
        if not able:
            plan.full.append(channel)
            continue
        if reserving in able:
            taker = reserving
        else:
            before = view.claims.get(channel)
            former = by_worker.get(before.worker) if before is not None else None
            able.sort(key=lambda each: (each.load, each.session))
            if former in able and former.load < share:
                able.remove(former)
                able.insert(0, former)
            taker = able[passed % len(able)]
        number = _number(view, channel, want, taker)
        if number is None:
            number = places.take(want.budget(taker.group))
        taker.load += 1
        plan.takes[channel] = (taker.session, want.budget(taker.group), number)
    return plan


def _number(view: View, channel: str, want: Want, candidate: Candidate) -> int | None:
    """The place that a candidate has for the channel already."""
    place = view.place_of(candidate.session, channel)
    return place[1] if place is not None and place[0] == want.budget(candidate.group) else None
