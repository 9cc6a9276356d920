"""A pool in a world of its own: workers with clocks that differ, a store, and a network that delays and loses.

Time here is true time, which no worker sees. All chance comes from one seed, so that a schedule can be run again.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from rosey_bot.pool.member import Member
from rosey_bot.pool.plan import Want
from rosey_bot.pool.turns import Pace
from rosey_bot.pool.writes import Write
from tests.unit.bot_pool.limits import TTL, Limits
from tests.unit.bot_pool.node import Node
from tests.unit.bot_pool.rules import Rules
from tests.unit.bot_pool.store import Store

WRITE_TIMEOUT: Final = 1.0


@dataclass
class Story:
    """What a schedule is made of, and what it came to.

    Attributes:
        seed: of all chance.
        channels: how many there are.
        events: what happened, for people; only where it is told.
        acts: how often a worker began to act.
        faults: how many faults there were.
    """

    seed: int
    channels: int
    events: list[str] = field(default_factory=list)
    acts: int = 0
    faults: int = 0


class World:
    """One schedule.

    Args:
        seed: of all chance.
        make: makes a member.
        is_told: whether to keep what happens for people.
        limits: what a server allows an address.
        unconditional: which keys the store writes without looking at the revision; a fault of the members' making.
    """

    def __init__(
        self,
        seed: int,
        *,
        make: Callable[..., Member] = Member,
        is_told: bool = False,
        limits: Limits | None = None,
        channels: int | None = None,
        unconditional: str | None = None,
    ) -> None:
        self.chance: Final = random.Random(seed)
        self.now = 0.0
        self._make: Final = make
        self._is_told: Final = is_told
        self._unconditional: Final = unconditional
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._ticket: Final = itertools.count()
        self._names: Final = itertools.count(1)
        count = self.chance.choice((1, 2, 3, 4, 6)) if channels is None else channels
        self.limits: Final = limits or self.chance.choice(
            (Limits(), Limits(), Limits(connections=3), Limits(connect=Pace(4, 2.0)))
        )
        self.story: Final = Story(seed, count)
        self.wants: Final = {f"room{number}": Want("cytube") for number in range(count)}
        self.groups: Final = self.chance.choice((("",), ("",), ("a", "b")))
        self.tick: Final = self.chance.choice((TTL / 30, TTL / 12))
        self.store: Final = Store(self)
        self.nodes: list[Node] = []
        self.loss = self.chance.choice((0.0, 0.0, 0.02, 0.1))
        self.rules: Final = Rules(self)

    # What happens

    def at(self, when: float, work: Callable[..., None], *arguments: Any) -> None:
        heapq.heappush(self._heap, (when, next(self._ticket), work, arguments))

    def later(self, seconds: float, work: Callable[..., None], *arguments: Any) -> None:
        heapq.heappush(self._heap, (self.now + seconds, next(self._ticket), work, arguments))

    def run(self, until: float) -> None:
        heap = self._heap
        while heap and heap[0][0] <= until:
            self.now, _, work, arguments = heapq.heappop(heap)
            work(*arguments)
        self.now = until

    def tell(self, text: str) -> None:
        if self._is_told:
            self.story.events.append(f"{self.now:8.3f}  {text}")

    def start(self, name: str = "") -> Node:
        name = name or f"w{next(self._names)}"
        group = self.groups[len(self.nodes) % len(self.groups)]
        member = self._make(
            name,
            lambda: str(next(self._ticket)),
            group=group,
            ttl=TTL,
            connections=self.limits.connections,
            paces=self.limits.paces,
        )
        member.want(self.wants)
        node = Node(self, name, group, member)
        self.nodes.append(node)
        self.tell(f"{name} starts")
        node.start()
        return node

    def latency(self, node: Node) -> float:
        return node.delay * self.chance.uniform(0.2, 2.0)

    def ignores_revision(self, write: Write) -> bool:
        return self._unconditional is not None and write.key.startswith(self._unconditional)

    def send(self, node: Node, write: Write) -> None:
        """A worker writes; what becomes of it may get lost."""
        # A network that takes its time: the worker has long given up when it arrives.
        slow = self.chance.choice((0.5, 2.0, 8.0)) if self.chance.random() < self.loss / 2 else 0.0
        there, back = self.latency(node) + slow, self.latency(node)
        back += self.chance.uniform(0, 1) if self.chance.random() < self.loss else 0.0
        is_answered = self.chance.random() >= self.loss and there + back <= WRITE_TIMEOUT
        if node.is_linked and self.chance.random() >= self.loss:
            self.later(there, self._arrive, node, write, self.store.losses, back if is_answered else None)
        else:
            is_answered = False
        if not is_answered:
            self.later(WRITE_TIMEOUT, node.run, self._unanswered, node, write)

    def _arrive(self, node: Node, write: Write, losses: int, back: float | None) -> None:
        # What was under way to a server that has died since goes with the connection.
        revision = self.store.write(write) if losses == self.store.losses else None
        if back is None:
            return
        if not node.is_linked:
            self.later(WRITE_TIMEOUT, node.run, self._unanswered, node, write)
        elif revision is None:
            self.later(back, node.run, self._unanswered, node, write)
        else:
            self.later(back, node.run, self._answered, node, write, revision)

    def connects(self, node: Node, channel: str, budget: str) -> None:
        """A worker has its turn to connect."""
        self.rules.connects(node, channel, budget)
        self.later(0.05, node.run, node.is_in, channel)

    @staticmethod
    def _unanswered(node: Node, write: Write) -> None:
        node.member.refused(write, node.now)

    @staticmethod
    def _answered(node: Node, write: Write, revision: int) -> None:
        node.member.confirmed(write, revision, node.now)

    # What came of it

    def actors(self, channel: str) -> list[str]:
        return [node.name for node in self.nodes if node.is_running and channel in node.acting]

    def loads(self) -> list[int]:
        return sorted(len(node.acting) for node in self.nodes if node.is_running and not node.member.finished)
