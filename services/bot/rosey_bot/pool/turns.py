"""What a CyTube server allows an address in a time, as the workers of that address share it.

A record tells how many turns were left when the last was taken. How many have grown since, each worker counts by its
own clock from when it saw the record, which is never before it was written: so nobody counts too many, and no two
clocks are compared.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from rosey_bot.pool.view import View
from rosey_core import leases
from rosey_core.leases import Turn

TurnKind = Literal["connect", "guest"]


@dataclass(frozen=True, slots=True)
class Pace:
    """How often there is a turn.

    Attributes:
        burst: turns that may be taken at once.
        interval: seconds in which one more grows.
    """

    burst: float
    interval: float


@dataclass(eq=False, slots=True)
class Ticket:
    """Somebody who waits for a turn.

    Attributes:
        budget: of which budget.
        kind: of turn.
        granted: called when it has come.
    """

    budget: str
    kind: TurnKind
    granted: Callable[[], None]


class Turns:
    """Who of this worker waits for a turn, and whose it is next.

    Args:
        view: what was seen of the turns.
        paces: how often there is one, by kind.
    """

    def __init__(self, view: View, paces: dict[TurnKind, Pace]) -> None:
        self._view: Final = view
        self._paces: Final = paces
        self._waiting: Final[dict[str, deque[Ticket]]] = {}
        self._under_way: Final[dict[str, int]] = {}

    def ask(self, ticket: Ticket) -> None:
        """Wait for a turn."""
        self._waiting.setdefault(leases.turn_key(ticket.budget, ticket.kind), deque()).append(ticket)

    def give_up(self, ticket: Ticket) -> None:
        """Wait no longer."""
        waiting = self._waiting.get(leases.turn_key(ticket.budget, ticket.kind))
        if waiting and ticket in waiting:
            waiting.remove(ticket)

    def level(self, budget: str, kind: TurnKind, now: float) -> float:
        """How many turns there are now, as far as is certain."""
        pace = self._paces[kind]
        turn, at = self._view.turn(budget, kind)
        return pace.burst if turn is None else min(turn.level + (now - at) / pace.interval, pace.burst)

    def due(self, now: float) -> list[tuple[str, Turn, int]]:
        """The records to write, by key, and how many turns each takes: as many as there are for those who wait."""
        found = []
        for key, waiting in self._waiting.items():
            if waiting and (level := self.level(waiting[0].budget, waiting[0].kind, now)) >= 1:
                count = min(len(waiting), int(level))
                found.append((key, Turn(level=level - count), count))
        return found

    def take(self, key: str, count: int) -> None:
        """So many turns are about to be taken."""
        self._under_way[key] = count

    def taken(self, key: str) -> None:
        """They were taken, for those who wait longest."""
        waiting = self._waiting.get(key)
        for _ in range(self._under_way.pop(key, 0)):
            if waiting:
                waiting.popleft().granted()
