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

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from rosey_bot.pool.plan import Candidate, Places, Plan, Want, assign
from rosey_bot.pool.turns import Pace, TurnKind, Turns
from rosey_bot.pool.view import View
from rosey_core import leases
from rosey_core.leases import Claim, Place, Record, Session, Turn

MARGIN: Final = 1 / 6
"""The share of ``ttl`` by which a holder stops earlier: clocks may differ in speed by a twelfth each way."""
RENEWAL: Final = 1 / 4
"""The share of ``ttl`` after which a session is renewed."""
STALE: Final = 1 / 2
"""The share of ``ttl`` without a renewal after which a session gets nothing new."""
PATIENCE: Final = 1 / 3
"""The share of ``ttl`` that a worker has for taking what is its turn to take, before the next one does."""
SETTLING: Final = 2.0
"""How many ``ttl`` nothing is moved for evenness after workers have come or gone: they do so in groups."""
AT_ONCE: Final = 4
"""How many channels a worker that goes hands over in a third of a renewal's interval: joining takes processors."""
DRAIN: Final = 5.0
"""Seconds after which a worker that goes waits no longer for turns to hand its channels over one by one."""


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


@dataclass(slots=True)
class _Own:
    """The own session: the beats that were sent and when, and which is known to have been stored."""

    name: str
    began: float
    beat: int
    sent_at: float
    sent: dict[int, float]
    stored: float | None = None


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
        waiting: the channels that nobody can take now, and why.
        moves: how many channels were handed over for evenness.
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
        self._worker: Final = worker
        self._suffix: Final = suffix
        self._group: Final = group
        self._ttl: Final = ttl
        self._connections: Final = connections
        self.view: Final = View()
        self.turns: Final = Turns(self.view, paces or {"connect": Pace(4, 11), "guest": Pace(1, 66)})
        self.finished = False
        self.waiting: dict[str, str] = {}
        self.moves = 0
        self.takeovers = 0
        self._wants: dict[str, Want] = {}
        self._own: _Own | None = None
        self._epoch = 0
        self._sees = False
        self._loaded_at = 0.0
        self._kept: set[str] = set()
        self._judges_from: float | None = None
        self._was_valid = False
        self._pending: dict[str, Write] = {}
        self._retry: dict[str, float] = {}
        self._given_up: dict[str, int] = {}
        self._free: dict[str, float] = {}
        self._takes_away = False
        self._inside: set[str] = set()
        self._leaving: set[str] = set()
        self._handed_over: deque[float] = deque(maxlen=100)
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
            self.waiting = {}
            if self._own is not None:
                self._own.sent_at = float("-inf")

    # What is seen

    def interrupted(self) -> None:
        """What is stored is not seen any more, and what becomes of writes under way is not told."""
        self._epoch += 1
        self._sees = False
        self._pending.clear()
        self._retry.clear()

    def loaded(self, entries: Mapping[str, tuple[Record | None, int]], now: float) -> None:
        """This is all that is stored; from now on each change is told."""
        held = set() if self._own is None else self.view.held[self._own.name]
        self._kept = {channel for channel in held if self.acts(channel, now)}
        self.interrupted()
        self.view.replace(entries, now)
        self._sees = True
        self._loaded_at = now
        self._free.clear()
        self._given_up = {key: it for key, it in self._given_up.items() if self.view.revision(key) == it}
        self._look_at_own(now)

    def observe(self, key: str, record: Record | None, revision: int, now: float) -> None:
        """This is stored now."""
        if self.view.observe(key, record, revision, now):
            self._retry.pop(key, None)
            self._given_up.pop(key, None)
            self._look_at_own(now, key)

    def confirmed(self, write: Write, revision: int, now: float) -> None:
        """A write is stored, in this revision."""
        if write.epoch != self._epoch or self._pending.pop(write.key, None) is None:
            return
        if isinstance(write.record, Turn):
            self.turns.taken(write.key)
        elif write.record is None and leases.is_session_key(write.key):
            self.takeovers += not self._is_own(write.key)
        self.observe(write.key, write.record, revision, now)

    def refused(self, write: Write, now: float) -> None:
        """A write is not stored, since something else was; or nobody knows."""
        if write.epoch != self._epoch or self._pending.pop(write.key, None) is None:
            return
        if self.view.revision(write.key) == write.expected:
            # What was stored instead is about to be seen.
            self._retry[write.key] = now + self._ttl * PATIENCE

    # What follows

    @property
    def session(self) -> str | None:
        """The name of the own session."""
        return None if self._own is None else self._own.name

    @property
    def is_draining(self) -> bool:
        """Whether it is about to go."""
        return self._drains_since is not None

    def is_valid(self, now: float) -> bool:
        """Whether what the worker holds is certainly its own now."""
        return self._own is not None and self._own.stored is not None and now < self._own.stored + self._lease

    def may_begin(self, now: float) -> bool:
        """Whether nobody relies any more on what the server may have forgotten."""
        return now - self._loaded_at >= self._ttl

    @property
    def renewed_at(self) -> float | None:
        """When the last renewal was sent that is known to be stored, by the own clock; ``None`` without one."""
        return None if self._own is None else self._own.stored

    def holds(self, channel: str) -> bool:
        """Whether the channel is the worker's as long as its session is valid."""
        own = self._own
        if own is None or channel not in self.view.held[own.name] or channel in self._leaving:
            return False
        want, place = self._wants.get(channel), self.view.place_of(own.name, channel)
        if want is None or place is None or place[0] != want.budget(self._group):
            return False
        if not self._given_up:
            return True
        return not (self._is_given_up(leases.claim_key(channel)) or self._is_given_up(leases.place_key(*place)))

    def acts(self, channel: str, now: float) -> bool:
        """Whether the worker may answer, post and connect for a channel now."""
        may_act = channel in self._kept or self.may_begin(now)
        return may_act and self.is_valid(now) and self.holds(channel)

    def rooms(self, now: float) -> set[str]:
        """The channels that the worker is to be in now: in silence where it does not act."""
        own = self._own
        found = set()
        if own is not None:
            enters = self._drains_since is None
            found = {
                channel
                for channel in self.view.held[own.name]
                if (channel in self._inside and self.holds(channel)) or (enters and self.acts(channel, now))
            }
        for channel in self._inside - found - self._leaving:
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
        writes: list[Write] = []
        if not self._sees or self.finished:
            return writes
        self._renew(now, writes)
        is_valid = self.is_valid(now)
        if is_valid and not self._was_valid:
            # After a time without NATS the others have been away, too: they get the time to come back.
            self._judges_from = self._loaded_at if self._judges_from is None else now + self._ttl
        self._was_valid = is_valid
        if not is_valid or self._own is None:
            return writes
        self._end_silent(now, self._judges_from or now, writes)
        takes = self._take(now, writes) if self._drains_since is None else {}
        self._take_turns(now, writes)
        if self._drains_since is not None:
            self._drain(now)
        elif not self._takes_away and not self._leaving:
            self._even_out(now)
        self._release(now, takes, writes)
        if self._drains_since is not None and self._is_rid_of_all():
            self._write(leases.session_key(self._own.name), None, now, writes)
        return writes

    @property
    def _lease(self) -> float:
        return self._ttl * (1 - MARGIN)

    def _write(self, key: str, record: Record | None, now: float, writes: list[Write]) -> bool:
        if key in self._pending or self._retry.get(key, now) > now:
            return False
        write = Write(key, record, self.view.revision(key), self._epoch)
        self._pending[key] = write
        self._retry.pop(key, None)
        if record is None:
            self._given_up[key] = write.expected
        writes.append(write)
        return True

    def _is_given_up(self, key: str) -> bool:
        """Whether this worker has ever tried to delete what stands there: nobody knows when that comes about."""
        return key in self._given_up

    def _renew(self, now: float, writes: list[Write]) -> None:
        own = self._own
        if own is not None and own.stored is None and now - own.began > self._ttl:
            # Whether it was ever stored nobody knows; a name is used for one session only.
            own = self._own = None
        if own is None:
            if now - self._loaded_at < self._ttl * (1 - PATIENCE):
                # A little sooner than it takes anything: those who begin together know of each other by then.
                return
            name = leases.session_name(self._worker, self._suffix())
            own = self._own = _Own(name, now, 0, float("-inf"), {})
        if now - own.sent_at < self._ttl * RENEWAL:
            return
        session = Session(
            worker=self._worker,
            group=self._group,
            ttl=self._ttl,
            beat=own.beat + 1,
            draining=self._drains_since is not None,
        )
        if self._write(leases.session_key(own.name), session, now, writes):
            own.beat += 1
            own.sent_at = own.sent[own.beat] = now

    def _look_at_own(self, now: float, key: str | None = None) -> None:
        own = self._own
        if own is None or (key is not None and not self._is_own(key)):
            return
        record = self.view.seen(leases.session_key(own.name)).record
        if isinstance(record, Session):
            if record.beat not in own.sent:
                # The server has gone back to an earlier one. The later ones have counted all the same.
                return
            if not self.is_valid(now):
                self._kept.clear()
            own.stored = own.sent[record.beat]
            for beat in [beat for beat in own.sent if beat < record.beat]:
                del own.sent[beat]
        elif own.stored is not None or own.name in self.view.ended:
            # Somebody has ended it, or it is gone with what the server has lost.
            self.finished = self._drains_since is not None
            self._own = None
            self._kept.clear()
            self._leaving.clear()

    def _is_own(self, key: str) -> bool:
        return self._own is not None and key == leases.session_key(self._own.name)

    def _end_silent(self, now: float, since: float, writes: list[Write]) -> None:
        for name, (session, seen_at) in self.view.sessions.items():
            if name != self.session and now - max(seen_at, since) >= session.ttl:
                self._write(leases.session_key(name), None, now, writes)
        for name in self.view.unknown_holders():
            key = leases.session_key(name)
            if now - max(self.view.seen(key).at, self._loaded_at, since) >= self._ttl:
                self._write(key, None, now, writes)

    def _candidates(self, now: float) -> list[Candidate]:
        return [
            Candidate(name, session.worker, session.group, len(self.view.held[name]))
            for name, (session, seen_at) in self.view.sessions.items()
            if not session.draining and (name == self.session or now - seen_at < self._ttl * STALE)
        ]

    def _take(self, now: float, writes: list[Write]) -> dict[str, tuple[str, int]]:
        """Take what is this worker's to take: the place first, then the channel."""
        free = {channel for channel in self._wants if self.view.owner(channel) is None}
        candidates = self._candidates(now)
        if not self.may_begin(now):
            # What the worker acts for is still its own, although the server has forgotten it.
            free &= self._kept & self._inside
            candidates = [candidate for candidate in candidates if candidate.session == self.session]
        self._free = {channel: self._free.get(channel, now) for channel in free}
        self.waiting = {}
        self._takes_away = False
        if not free:
            return {}
        patience = self._ttl * PATIENCE
        passed = [(channel, int((now - since) / patience)) for channel, since in self._free.items()]
        since = now - self._ttl
        plan = assign(self.view, candidates, self._wants, passed, self._connections, since)
        self._takes_away = bool(plan.takes)
        self._tell_waiting(plan, now)
        takes = {}
        for channel, (session, budget, number) in plan.takes.items():
            if session != self.session:
                continue
            if self._is_given_up(leases.place_key(budget, number)):
                # Left by a session of before: once it is gone for certain, it can be taken.
                self._write(leases.place_key(budget, number), None, now, writes)
            else:
                takes[channel] = (budget, number)
                self._take_one(channel, budget, number, now, writes)
        return takes

    def _take_one(self, channel: str, budget: str, number: int, now: float, writes: list[Write]) -> None:
        session = self.session or ""
        if self.view.place_of(session, channel) == (budget, number):
            claim = Claim(session=session, worker=self._worker)
            self._write(leases.claim_key(channel), claim, now, writes)
        elif not any(isinstance(it.record, Place) and it.record.channel == channel for it in self._pending.values()):
            self._write(leases.place_key(budget, number), Place(session=session, channel=channel), now, writes)

    def _tell_waiting(self, plan: Plan, now: float) -> None:
        for channel in plan.full:
            host = self._wants[channel].host
            self.waiting[channel] = f"a place: {host} allows an address {self._connections}"
            # Who has not taken it could not.
            self._free[channel] = now
        for channel in plan.takes:
            if now - self._free[channel] > self._ttl:
                self.waiting[channel] = "a worker that takes it"

    def _take_turns(self, now: float, writes: list[Write]) -> None:
        for key, turn in self.turns.due(now):
            self._write(key, turn, now, writes)

    def _has_turn(self, channel: str, group: str, now: float) -> bool:
        """Whether a successor could go into the room at once, those reckoned with who are about to."""
        want = self._wants[channel]
        budget = want.budget(group)
        _, since = self.view.turn(budget, "connect")
        already = sum(at >= since and now - at < self._ttl * PATIENCE for at in self._handed_over)
        if self.turns.level(budget, "connect", now) < 1 + already:
            return False
        return not want.is_guest or self.turns.level(budget, "guest", now) >= 1

    def _even_out(self, now: float) -> None:
        """Give one channel away where another worker has two fewer, and this one has the most."""
        if now - self.view.membership_at < self._ttl * SETTLING or self._own is None:
            return
        candidates = sorted(self._candidates(now), key=lambda candidate: (candidate.load, candidate.session))
        if len(candidates) < 2 or len(candidates) != len(self.view.sessions) or candidates[-1].session != self.session:
            return
        places = Places(self.view, self._connections)
        for receiver in candidates[:-1]:
            if receiver.load > candidates[-1].load - 2:
                return
            held = self.view.held[self._own.name] & self._wants.keys()
            for channel in sorted(held, key=lambda key: (self._wants[key].is_guest, key)):
                budget = self._wants[channel].budget(receiver.group)
                is_same = budget == self._wants[channel].budget(self._group)
                if (is_same or places.has(budget)) and self._has_turn(channel, receiver.group, now):
                    self._leaving.add(channel)
                    self.moves += 1
                    return

    def _drain(self, now: float) -> None:
        own = self.view.sessions.get(self.session or "")
        if own is None or not own[0].draining:
            # Others would leave to this worker what it lets go.
            return
        candidates = self._candidates(now)
        waits = candidates and now - (self._drains_since or now) < DRAIN
        lately = sum(now - at < self._ttl * RENEWAL / 3 for at in self._handed_over)
        for channel in sorted(self._inside - self._leaving):
            if waits and lately >= AT_ONCE:
                return
            is_wanted = channel in self._wants
            if waits and is_wanted and not any(self._has_turn(channel, each.group, now) for each in candidates):
                continue
            self._leaving.add(channel)
            self._handed_over.append(now)
            lately += 1

    def _release(self, now: float, takes: Mapping[str, tuple[str, int]], writes: list[Write]) -> None:
        """Let go of what the worker does not hold: never before it has left the room."""
        session = self.session or ""
        held = self.view.held[session]
        places = self.view.places_of(session)
        kept = {channel for channel in held if self._drains_since is None and self.holds(channel)} | self._inside
        # The place first: who has one without the channel is about to take the channel.
        for channel in sorted(held - kept - places.keys()):
            self._write(leases.claim_key(channel), None, now, writes)
        for channel, all_places in sorted(places.items()):
            is_needed = channel in kept or leases.claim_key(channel) in self._pending
            for place in all_places[1 if is_needed else 0 :]:
                if takes.get(channel) != place:
                    self._write(leases.place_key(*place), None, now, writes)
        self._leaving = {channel for channel in self._leaving if channel in held or channel in self._inside}
        if self.reports(now):
            for channel in self.view.claims.keys() - self._wants.keys():
                if self.view.owner(channel) is None:
                    self._write(leases.claim_key(channel), None, now, writes)

    def _is_rid_of_all(self) -> bool:
        session = self.session or ""
        others = self._pending.keys() - {leases.session_key(session)}
        return not (self._inside or self.view.held[session] or self.view.places_of(session) or others)
