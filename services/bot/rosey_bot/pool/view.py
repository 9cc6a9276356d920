"""What one worker has seen of the pool's bucket, and when it saw it by its own clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rosey_core import leases
from rosey_core.leases import Claim, Place, Record, Session, Turn


@dataclass(frozen=True, slots=True)
class Seen:
    """An entry as it was seen.

    Attributes:
        record: what stands there; ``None`` where it was deleted.
        revision: of the entry.
        at: seconds by the own clock; when this revision was seen.
    """

    record: Record | None
    revision: int
    at: float


_NOTHING: Final = Seen(None, 0, 0.0)


class View:
    """The bucket as it was seen last, and what follows from it.

    Attributes:
        sessions: those that nobody has ended, by name, with when their last renewal was seen.
        began: when each of them was first seen.
        ended: those that somebody has ended.
        claims: the channels' claims, by key.
        held: the channels that a session has claimed, by the session's name.
        places: by budget and number.
        membership_at: seconds; when a session began, ended or began to drain, as seen here.
    """

    sessions: dict[str, tuple[Session, float]]
    began: dict[str, float]
    ended: set[str]
    claims: dict[str, Claim]
    held: defaultdict[str, set[str]]
    places: defaultdict[str, dict[int, Place]]
    membership_at: float

    def __init__(self) -> None:
        self._entries: dict[str, Seen] = {}
        self._forget()

    def _forget(self) -> None:
        self._entries = {}
        self._placed: defaultdict[str, dict[str, list[tuple[str, int]]]] = defaultdict(dict)
        self.sessions = {}
        self.began = {}
        self.ended = set()
        self.claims = {}
        self.held = defaultdict(set)
        self.places = defaultdict(dict)
        self.membership_at = 0.0

    def replace(self, entries: Mapping[str, tuple[Record | None, int]], now: float) -> None:
        """Take these for all that stands there; what was seen before in the same revision was seen then.

        A server that has forgotten its last revisions gives their numbers to others: the record must be the same, too.
        """
        before, began = self._entries, self.began
        self._forget()
        for key, (record, revision) in entries.items():
            known = before.get(key)
            is_same = known is not None and (known.revision, known.record) == (revision, record)
            self._take(key, record, revision, known.at if known is not None and is_same else now)
        self.began |= {name: at for name, at in began.items() if name in self.sessions}
        self.membership_at = now

    def observe(self, key: str, record: Record | None, revision: int, now: float) -> bool:
        """Take over what stands under a key; returns whether that is news."""
        if revision <= self.seen(key).revision:
            return False
        self._take(key, record, revision, now)
        return True

    def seen(self, key: str) -> Seen:
        """What was seen under a key."""
        return self._entries.get(key, _NOTHING)

    def revision(self, key: str) -> int:
        """The revision seen under a key; 0 where there never was any."""
        return self.seen(key).revision

    def owner(self, channel: str) -> str | None:
        """The session that holds a channel; ``None`` where none does, or only one that was ended."""
        claim = self.claims.get(channel)
        return None if claim is None or claim.session in self.ended else claim.session

    def unknown_holders(self) -> set[str]:
        """Sessions that hold channels, and of which nothing is known: what they wrote of themselves is lost."""
        return {name for name, held in self.held.items() if held} - self.sessions.keys() - self.ended

    def place_of(self, session: str, channel: str) -> tuple[str, int] | None:
        """Budget and number of the place that a session has for a channel."""
        places = self._placed[session].get(channel)
        return places[0] if places else None

    def places_of(self, session: str) -> Mapping[str, list[tuple[str, int]]]:
        """Budget and number of all places of a session, by channel; more than one only by mistake."""
        return self._placed[session]

    def taken(self, budget: str) -> set[int]:
        """The numbers of a budget's places that a session has which nobody ended."""
        return {number for number, place in self.places[budget].items() if place.session not in self.ended}

    def reserved_by(self, channel: str, since: float) -> str | None:
        """A session that took a place for the channel after ``since``, and is about to claim it."""
        found = []
        for session in self.sessions:
            place = self.place_of(session, channel)
            if place is not None and self.seen(leases.place_key(*place)).at >= since:
                found.append(session)
        return min(found, default=None)

    def turn(self, budget: str, kind: str) -> tuple[Turn | None, float]:
        """The turns of a budget as they were left last, and when that was seen."""
        seen = self.seen(leases.turn_key(budget, kind))
        return (seen.record, seen.at) if isinstance(seen.record, Turn) else (None, 0.0)

    def _take(self, key: str, record: Record | None, revision: int, at: float) -> None:
        kind, *names = leases.parse_key(key)
        self._entries[key] = Seen(record, revision, at)
        if kind == "worker":
            self._take_session(names[0], record, at)
        elif kind == "channel":
            self._take_claim(names[0], record)
        elif kind == "place":
            self._take_place(names[0], int(names[1]), record)

    def _take_session(self, name: str, record: Record | None, at: float) -> None:
        before = self.sessions.get(name)
        if isinstance(record, Session):
            if before is None or before[0].draining != record.draining:
                self.membership_at = at
            self.sessions[name] = (record, at)
            self.began.setdefault(name, at)
            return
        if record is None:
            self.ended.add(name)
        if self.sessions.pop(name, None) is not None:
            del self.began[name]
            self.membership_at = at

    def _take_claim(self, channel: str, record: Record | None) -> None:
        before = self.claims.pop(channel, None)
        if before is not None:
            self.held[before.session].discard(channel)
        if isinstance(record, Claim):
            self.claims[channel] = record
            self.held[record.session].add(channel)

    def _take_place(self, budget: str, number: int, record: Record | None) -> None:
        before = self.places[budget].pop(number, None)
        if before is not None:
            places = self._placed[before.session]
            places[before.channel].remove((budget, number))
            if not places[before.channel]:
                del places[before.channel]
        if isinstance(record, Place):
            self.places[budget][number] = record
            places = self._placed[record.session]
            places[record.channel] = sorted([*places.get(record.channel, ()), (budget, number)])
