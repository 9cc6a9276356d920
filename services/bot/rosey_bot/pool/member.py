"""One worker of a pool, as a state machine: what it sees and when goes in, what it writes and holds comes out.

All writes are compare-and-set. A claim holds while its session does, and a session is over when it is *ended*: deleted
in the revision that was seen last. So a worker that stood still cannot renew any more, and knows it.

Why no two workers ever act for one channel: a holder acts until the time at which it *sent* its last successful
renewal, plus ``ttl``, less a margin, by its own clock. Another ends that session not before it has seen nothing new of
it for ``ttl`` by *its* own clock, which cannot begin before the renewal was stored; a later renewal makes the ending
fail. Only then it takes the claims. No clock is compared with another: what must hold is that they run about equally
fast, which is what the margin is for.

A server that loses its power may go back by some seconds, to what workers have left, and forget what they took. So who
has looked at everything anew goes on with what it acts for, if that still is its own, and begins with nothing else for
``ttl``: by then whoever relies on what was forgotten has looked anew, too, or has stopped. A revision, which may come a
second time, is the same only with the same record.

What a server allows an address is part of it: a claim needs a *place*, of which a server's budget has so many.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from rosey_bot.pool.handover import Handover
from rosey_bot.pool.plan import PATIENCE, Candidate, Want
from rosey_bot.pool.session import OwnSession
from rosey_bot.pool.taking import Taking
from rosey_bot.pool.turns import Pace, TurnKind, Turns
from rosey_bot.pool.view import View
from rosey_bot.pool.writes import Write, Writes
from rosey_core import leases
from rosey_core.leases import Record, Turn

STALE: Final = 1 / 2
"""The share of ``ttl`` without a renewal after which a session gets nothing new."""


class Member:
    """One worker.

    Args:
        worker: what it is called.
        suffix: makes a text that was never used before.
        group: workers of one group come from one address.
        ttl: seconds without a renewal after which a session ends.
        connections: how many connections a server allows an address at a time.
        paces: how often a server allows an address something.

    Attributes:
        view: what was seen.
        turns: who waits for turns.
        finished: whether it has drained and ended its session.
        takeovers: how many sessions of others were ended.
    """

    def __init__(
        self,
        worker: str,
        suffix: Callable[[], str],
        *,
        group: str = "",
        ttl: float = 3.0,
        connections: int = 10,
        paces: dict[TurnKind, Pace] | None = None,
    ) -> None:
        self._group: Final = group
        self._ttl: Final = ttl
        self.view: Final = View()
        self.turns: Final = Turns(self.view, paces or {"connect": Pace(4, 11), "guest": Pace(1, 66)})
        self.finished = False
        self.takeovers = 0
        self._writes: Final = Writes(self.view, ttl * PATIENCE)
        self._own: Final = OwnSession(worker, suffix, group, ttl, self.view, self._writes)
        self._taking: Final = Taking(self.view, self._writes, worker=worker, ttl=ttl, connections=connections)
        self._handover: Final = Handover(self.view, self.turns, group=group, ttl=ttl, connections=connections)
        self._wants: dict[str, Want] = {}
        self._sees = False
        self._loaded_at = 0.0
        # What it has acted for without a break since before it looked at everything anew.
        self._kept: set[str] = set()
        self._judges_from: float | None = None
        self._was_valid = False
        self._inside: set[str] = set()
        self._drains_since: float | None = None

    # What is wanted, and what is so

    def want(self, channels: Mapping[str, Want]) -> None:
        """These are the channels, and only these."""
        self._wants = dict(channels)

    def entered(self, channel: str) -> None:
        """The worker goes into the room."""
        self._inside.add(channel)

    def left(self, channel: str) -> None:
        """The worker is out of the room, and its connection is closed."""
        self._inside.discard(channel)

    def drain(self, now: float) -> None:
        """Hand everything over, and end the session."""
        if self._drains_since is None:
            self._drains_since = now
            self._taking.waiting = {}
            self._own.renew_soon()

    # What is seen

    def interrupted(self) -> None:
        """What is stored is not seen any more, and what becomes of writes under way is not told."""
        self._sees = False
        self._writes.forget()

    def loaded(self, entries: Mapping[str, tuple[Record | None, int]], now: float) -> None:
        """This is all that is stored; from now on each change is told."""
        self._kept = {channel for channel in self._claimed if self.acts(channel, now)}
        self.interrupted()
        self.view.replace(entries, now)
        self._sees = True
        self._loaded_at = now
        self._taking.look_anew()
        self._writes.look_anew()
        self._look_at_own(now)

    def observe(self, key: str, record: Record | None, revision: int, now: float) -> None:
        """This is stored now."""
        if self.view.observe(key, record, revision, now):
            self._writes.news(key)
            if key == self._own.key:
                self._look_at_own(now)

    def confirmed(self, write: Write, revision: int, now: float) -> None:
        """A write is stored, in this revision."""
        if not self._writes.settle(write):
            return
        if isinstance(write.record, Turn):
            self.turns.taken(write.key)
        elif write.record is None and leases.is_session_key(write.key):
            self.takeovers += write.key != self._own.key
        self.observe(write.key, write.record, revision, now)

    def refused(self, write: Write, now: float) -> None:
        """A write is not stored, since something else was; or nobody knows."""
        self._writes.refuse(write, now)

    # What follows

    @property
    def session(self) -> str | None:
        """The name of the own session."""
        return self._own.name

    @property
    def is_draining(self) -> bool:
        """Whether it is about to go."""
        return self._drains_since is not None

    @property
    def waiting(self) -> Mapping[str, str]:
        """The channels that nobody can take now, and why."""
        return self._taking.waiting

    @property
    def moves(self) -> int:
        """How many channels were handed over for evenness."""
        return self._handover.moves

    def is_valid(self, now: float) -> bool:
        """Whether what the worker holds is certainly its own now."""
        return self._own.is_valid(now)

    def may_begin(self, now: float) -> bool:
        """Whether nobody relies any more on what the server may have forgotten."""
        return now - self._loaded_at >= self._ttl

    @property
    def renewed_at(self) -> float | None:
        """When the last renewal was sent that is known to be stored, by the own clock; ``None`` without one."""
        return self._own.stored

    def holds(self, channel: str) -> bool:
        """Whether the channel is the worker's as long as its session is valid."""
        session = self._own.name
        if session is None or channel not in self.view.held[session] or channel in self._handover.leaving:
            return False
        want, place = self._wants.get(channel), self.view.place_of(session, channel)
        if want is None or place is None or place[0] != want.budget(self._group):
            return False
        return not (
            self._writes.has_given_up
            and (self._is_given_up(leases.claim_key(channel)) or self._is_given_up(leases.place_key(*place)))
        )

    def acts(self, channel: str, now: float) -> bool:
        """Whether the worker may answer, post and connect for a channel now."""
        may_act = channel in self._kept or self.may_begin(now)
        return may_act and self.is_valid(now) and self.holds(channel)

    def rooms(self, now: float) -> set[str]:
        """The channels that the worker is to be in now: in silence where it does not act."""
        enters = self._drains_since is None
        found = {
            channel
            for channel in self._claimed
            if (channel in self._inside and self.holds(channel)) or (enters and self.acts(channel, now))
        }
        for channel in self._inside - found - self._handover.leaving:
            owner = self.view.owner(channel)
            is_anothers = owner is not None and (owner == self.session or owner in self.view.sessions)
            if channel in self._wants and not is_anothers:
                # It was the worker's, and nobody else has it: perhaps it will be the worker's again.
                found.add(channel)
        return found

    def reports(self, now: float) -> bool:
        """Whether it is this worker that tells of the channels that nobody holds."""
        return self.is_valid(now) and self.session == min(self.view.sessions, default=None)

    # What is to be written

    def step(self, now: float) -> list[Write]:
        """What is to be written now; the outcome of each comes by ``confirmed`` or ``refused``."""
        if self._sees and not self.finished:
            self._renew(now)
            is_valid = self.is_valid(now)
            if is_valid and not self._was_valid:
                # After a time without NATS the others have been away, too: they get the time to come back.
                self._judges_from = self._loaded_at if self._judges_from is None else now + self._ttl
            self._was_valid = is_valid
            if is_valid and self.session is not None:
                self._work(now, self.session)
        return self._writes.take()

    @property
    def _claimed(self) -> set[str]:
        return set() if self.session is None else self.view.held[self.session]

    def _is_given_up(self, key: str) -> bool:
        return self._writes.is_given_up(key)

    def _renew(self, now: float) -> None:
        # A little sooner than it takes anything: those who begin together know of each other by then.
        begins = now - self._loaded_at >= self._ttl * (1 - PATIENCE)
        self._own.renew(now, begins=begins, draining=self.is_draining)

    def _look_at_own(self, now: float) -> None:
        if not self.is_valid(now):
            self._kept.clear()
        if self._own.look():
            self.finished = self.is_draining
            self._kept.clear()
            self._handover.leaving.clear()

    def _work(self, now: float, session: str) -> None:
        self._end_silent(now, self._judges_from or now)
        candidates = self._candidates(now)
        takes = self._take(now, session, candidates) if self._drains_since is None else {}
        for key, turn, count in self.turns.due(now):
            if self._writes.put(key, turn, now):
                self.turns.take(key, count)
        if self._drains_since is not None:
            own = self.view.sessions.get(session)
            # Before they know of it, others would leave to this worker what it lets go.
            if own is not None and own[0].draining:
                self._handover.drain(
                    now,
                    session=session,
                    since=self._drains_since,
                    inside=self._inside,
                    wants=self._wants,
                    candidates=candidates,
                )
        elif not self._taking.goes_on and not self._handover.leaving:
            self._handover.even_out(now, session=session, wants=self._wants, candidates=candidates)
        self._release(now, takes)
        if self.is_draining and self._is_rid_of_all():
            self._writes.put(leases.session_key(session), None, now)

    def _end_silent(self, now: float, since: float) -> None:
        for name, (session, seen_at) in self.view.sessions.items():
            if name != self.session and now - max(seen_at, since) >= session.ttl:
                self._writes.put(leases.session_key(name), None, now)
        for name in sorted(self.view.unknown_holders()):
            key = leases.session_key(name)
            if now - max(self.view.seen(key).at, self._loaded_at, since) >= self._ttl:
                self._writes.put(key, None, now)

    def _candidates(self, now: float) -> list[Candidate]:
        began, own, held = self.view.began, self.session, self.view.held
        # Who has just begun may not take anything yet: it counts only among others that have just begun.
        least = self._ttl * PATIENCE if any(now - at >= self._ttl for at in began.values()) else 0.0
        return [
            Candidate(name, session.worker, session.group, len(held[name]))
            for name, (session, seen_at) in self.view.sessions.items()
            if not session.draining
            and now - began[name] >= least
            and (name == own or now - seen_at < self._ttl * STALE)
        ]

    def _take(self, now: float, session: str, candidates: list[Candidate]) -> Mapping[str, tuple[str, int]]:
        free = {channel for channel in self._wants if self.view.owner(channel) is None}
        if not self.may_begin(now):
            # What the worker acts for is still its own, although the server has forgotten it.
            free &= self._kept & self._inside
            candidates = [candidate for candidate in candidates if candidate.session == session]
        return self._taking.take(now, session=session, free=free, wants=self._wants, candidates=candidates)

    def _release(self, now: float, takes: Mapping[str, tuple[str, int]]) -> None:
        """Let go of what the worker does not hold: never before it has left the room."""
        held, places = self._claimed, self.view.places_of(self.session or "")
        kept = {channel for channel in held if self._drains_since is None and self.holds(channel)} | self._inside
        # The place first: who has one without the channel is about to take the channel.
        for channel in sorted(held - kept - places.keys()):
            self._writes.put(leases.claim_key(channel), None, now)
        for channel, all_places in sorted(places.items()):
            is_needed = channel in kept or leases.claim_key(channel) in self._writes.pending
            for place in all_places[1 if is_needed else 0 :]:
                if takes.get(channel) != place:
                    self._writes.put(leases.place_key(*place), None, now)
        self._handover.settle(held | self._inside)
        if self.reports(now):
            for channel in sorted(self.view.claims.keys() - self._wants.keys()):
                if self.view.owner(channel) is None:
                    self._writes.put(leases.claim_key(channel), None, now)

    def _is_rid_of_all(self) -> bool:
        others = self._writes.pending.keys() - {self._own.key}
        return not (self._inside or self._claimed or self.view.places_of(self.session or "") or others)
