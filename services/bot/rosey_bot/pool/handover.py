"""Which channels a worker lets go to others: all when it goes, and one at a time where another has fewer."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

from rosey_bot.pool.plan import PATIENCE, Candidate, Places, Want
from rosey_bot.pool.turns import Turns
from rosey_bot.pool.view import View
from rosey_core import leases

SETTLING: Final = 2.0
"""How many ``ttl`` nothing is moved for evenness after workers have come or gone: they do so in groups."""
INTERVAL: Final = 1 / 12
"""The share of ``ttl`` between two channels that a worker is given for evenness: joining takes processors."""
AT_ONCE: Final = 4
"""How many channels a worker that goes hands over in that time, and how many of them may be without a successor."""
DRAIN: Final = 5.0
"""Seconds after which a worker that goes waits for nothing any more to hand its channels over one by one."""


class Handover:
    """The channels that a worker is about to leave, because others are to have them.

    Args:
        view: what was seen.
        turns: who waits for turns.
        group: the worker's address group.
        ttl: seconds without a renewal after which a session ends.
        connections: how many connections a server allows an address at a time.

    Attributes:
        leaving: those channels.
        moves: how many were handed over for evenness.
    """

    def __init__(self, view: View, turns: Turns, *, group: str, ttl: float, connections: int) -> None:
        self._view: Final = view
        self._turns: Final = turns
        self._group: Final = group
        self._ttl: Final = ttl
        self._connections: Final = connections
        self.leaving: set[str] = set()
        self.moves = 0
        self._handed_over: Final[deque[tuple[str, float]]] = deque(maxlen=100)

    def drain(
        self,
        now: float,
        *,
        session: str,
        since: float,
        inside: set[str],
        wants: Mapping[str, Want],
        candidates: Sequence[Candidate],
    ) -> None:
        """Leave all rooms, few at a time, each when a successor could go there at once.

        The next ones wait for those before to be taken, so that it becomes slower where processors are busy.

        Args:
            now: seconds.
            session: the worker's.
            since: seconds; when the worker was asked to go.
            inside: the channels whose rooms it is in.
            wants: all channels.
            candidates: who takes channels.
        """
        waits = candidates and now - since < DRAIN
        taken = self._view.claims.keys() - self._view.held[session]
        under_way = sum(
            now - at < self._ttl * (INTERVAL if channel in taken else PATIENCE) for channel, at in self._handed_over
        )
        for channel in sorted(inside - self.leaving):
            if waits and under_way >= AT_ONCE:
                return
            want = wants.get(channel)
            if waits and want is not None and not any(self._has_turn(want, each.group, now) for each in candidates):
                continue
            self.leaving.add(channel)
            self._handed_over.append((channel, now))
            under_way += 1

    def even_out(self, now: float, *, session: str, wants: Mapping[str, Want], candidates: Sequence[Candidate]) -> None:
        """Leave one room where another worker has two channels fewer, and this one has the most.

        Args:
            now: seconds.
            session: the worker's.
            wants: all channels.
            candidates: who takes channels.
        """
        if now - self._view.membership_at < self._ttl * SETTLING:
            return
        ranked = sorted(candidates, key=lambda candidate: (candidate.load, candidate.session))
        if len(ranked) < 2 or len(ranked) != len(self._view.sessions) or ranked[-1].session != session:
            return
        places = Places(self._view, self._connections)
        for receiver in ranked[:-1]:
            if receiver.load > ranked[-1].load - 2:
                return
            if now - self._taken_at(receiver.session) < self._ttl * INTERVAL:
                continue
            held = self._view.held[session] & wants.keys()
            for channel in sorted(held, key=lambda key: (wants[key].is_guest, key)):
                budget = wants[channel].budget(receiver.group)
                is_same = budget == wants[channel].budget(self._group)
                if (is_same or places.has(budget)) and self._has_turn(wants[channel], receiver.group, now):
                    self.leaving.add(channel)
                    self.moves += 1
                    return

    def settle(self, concerned: set[str]) -> None:
        """Those are left that are none of the worker's any more: neither held, nor is it in their rooms."""
        self.leaving &= concerned

    def _taken_at(self, session: str) -> float:
        """When the last channel was seen taken that a session holds, whoever left it."""
        held = self._view.held[session]
        return max((self._view.seen(leases.claim_key(channel)).at for channel in held), default=float("-inf"))

    def _has_turn(self, want: Want, group: str, now: float) -> bool:
        """Whether a successor could go into the room at once, those reckoned with who are about to."""
        budget = want.budget(group)
        _, since = self._view.turn(budget, "connect")
        already = sum(at >= since and now - at < self._ttl * PATIENCE for _, at in self._handed_over)
        if self._turns.level(budget, "connect", now) < 1 + already:
            return False
        return not want.is_guest or self._turns.level(budget, "guest", now) >= 1
