"""What a worker takes of the channels that nobody holds: the place first, then the channel."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from rosey_bot.pool.plan import PATIENCE, Candidate, Plan, Want, assign
from rosey_bot.pool.view import View
from rosey_bot.pool.writes import Writes
from rosey_core import leases
from rosey_core.leases import Claim, Place


class Taking:
    """The channels that nobody holds, and since when.

    Args:
        view: what was seen.
        writes: what is written.
        worker: what the worker is called.
        ttl: seconds without a renewal after which a session ends.
        connections: how many connections a server allows an address at a time.

    Attributes:
        waiting: those that nobody can take now, and why.
        goes_on: whether there are some that somebody is to take.
    """

    def __init__(self, view: View, writes: Writes, *, worker: str, ttl: float, connections: int) -> None:
        self._view: Final = view
        self._writes: Final = writes
        self._worker: Final = worker
        self._ttl: Final = ttl
        self._connections: Final = connections
        self._free: dict[str, float] = {}
        self.waiting: dict[str, str] = {}
        self.goes_on = False

    def look_anew(self) -> None:
        """All that is stored was seen anew."""
        self._free.clear()

    def take(
        self,
        now: float,
        *,
        session: str,
        free: Collection[str],
        wants: Mapping[str, Want],
        candidates: list[Candidate],
    ) -> dict[str, tuple[str, int]]:
        """Take what is this worker's to take.

        Args:
            now: seconds.
            session: the worker's.
            free: the channels that nobody holds.
            wants: all channels.
            candidates: who takes channels.

        Returns:
            By channel, budget and number of the place that it takes, or has taken, for it.
        """
        self._free = {channel: self._free.get(channel, now) for channel in free}
        self.waiting = {}
        self.goes_on = False
        if not free:
            return {}
        patience = self._ttl * PATIENCE
        passed = [(channel, int((now - since) / patience)) for channel, since in self._free.items()]
        plan = assign(self._view, candidates, wants, passed, self._connections, now - self._ttl)
        self.goes_on = bool(plan.takes)
        self._tell_waiting(plan, wants, now)
        takes = {}
        for channel, (taker, budget, number) in plan.takes.items():
            if taker != session:
                continue
            if self._writes.is_given_up(leases.place_key(budget, number)):
                # Left by a session of before: once it is gone for certain, it can be taken.
                self._writes.put(leases.place_key(budget, number), None, now)
            else:
                takes[channel] = (budget, number)
                self._take_one(channel, session, budget, number, now)
        return takes

    def _take_one(self, channel: str, session: str, budget: str, number: int, now: float) -> None:
        if self._view.place_of(session, channel) == (budget, number):
            self._writes.put(leases.claim_key(channel), Claim(session=session, worker=self._worker), now)
        elif not any(
            isinstance(write.record, Place) and write.record.channel == channel
            for write in self._writes.pending.values()
        ):
            self._writes.put(leases.place_key(budget, number), Place(session=session, channel=channel), now)

    def _tell_waiting(self, plan: Plan, wants: Mapping[str, Want], now: float) -> None:
        for channel in plan.full:
            self.waiting[channel] = f"a place: {wants[channel].host} allows an address {self._connections}"
            # Who has not taken it could not.
            self._free[channel] = now
        for channel in plan.takes:
            if now - self._free[channel] > self._ttl:
                self.waiting[channel] = "a worker that takes it"
