"""When somebody was in which room, by the record that the simulator keeps of its site."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from rosey_simulator.crowd.record import Entry, Event


@dataclass(frozen=True, slots=True)
class Absence:
    """A room was without somebody who had been there.

    Attributes:
        room: which.
        left: Unix milliseconds; when their last connection ended.
        back: Unix milliseconds; when one had their name again, ``None`` while none has.
    """

    room: str
    left: int
    back: int | None

    @property
    def seconds(self) -> float:
        """How long it took; infinite while it lasts."""
        return math.inf if self.back is None else (self.back - self.left) / 1000


@dataclass(frozen=True, slots=True)
class Attendance:
    """Where somebody was and is.

    Attributes:
        present: the rooms in which they are at the record's end.
        absences: each time that they were not, in order of their leaving.
    """

    present: set[str]
    absences: list[Absence]

    def since(self, moment: int) -> list[Absence]:
        """Those that began after a moment in Unix milliseconds."""
        return [absence for absence in self.absences if absence.left > moment]


def attendance(entries: Iterable[Entry], name: str) -> Attendance:
    """Where somebody of this name was, under which a client counts from its login on."""
    inside: defaultdict[str, set[int]] = defaultdict(set)
    away: dict[str, int] = {}
    found = []
    for entry in entries:
        room, event = entry["room"], entry["event"]
        connections = inside[room]
        if event in (Event.ARRIVED, Event.NAMED):
            if entry["name"].lower() == name.lower():
                connections.add(entry["connection"])
                if room in away:
                    found.append(Absence(room, away.pop(room), entry["at"]))
        elif connections and event in (Event.LEFT, Event.UNLOADED):
            connections.intersection_update(() if event == Event.UNLOADED else connections - {entry["connection"]})
            if not connections:
                away[room] = entry["at"]
    found += [Absence(room, left, None) for room, left in away.items()]
    present = {room for room, connections in inside.items() if connections}
    return Attendance(present, sorted(found, key=lambda absence: absence.left))
