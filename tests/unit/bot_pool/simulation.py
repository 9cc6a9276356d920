"""A pool in a world of its own: workers with clocks that differ, a store, a network that delays and loses, and faults.

Time here is true time, which no worker sees. All chance comes from one seed, so that a schedule can be run again:
``python -m tests.unit.bot_pool.simulation SEED`` tells its story.
"""

from __future__ import annotations

import heapq
import itertools
import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rosey_bot.pool.member import Member
from rosey_bot.pool.plan import Want
from rosey_bot.pool.turns import Pace, Ticket, TurnKind
from rosey_bot.pool.writes import Write
from rosey_core import leases
from rosey_core.leases import Claim, Record

TTL: Final = 3.0
FAULTS: Final = {
    "cut": 4,
    "pause": 2,
    "freeze": 3,
    "stall": 1,
    "crash": 1,
    "join": 1,
    "drain": 1,
    "slow": 1,
    "outage": 1,
    "hiccup": 1,
    "unwanted": 1,
    "power": 1,
}
"""What can happen, and how often."""
DRIFT: Final = 0.05
"""By how much a clock may run too fast or too slow."""
WRITE_TIMEOUT: Final = 1.0
PLENTY: Final = Pace(100, 0.01)
BEGUN: Final = 1.3 * TTL
"""Seconds within which those who begin together have taken what there is."""
RECOVERY: Final = 4 * TTL
"""Seconds within which every channel has a worker that acts, once nothing disturbs the pool any more."""


class Violation(AssertionError):
    """Something happened that must not."""


@dataclass(frozen=True)
class Limits:
    """What a CyTube server allows an address here."""

    connections: int = 100
    connect: Pace = PLENTY
    guest: Pace = PLENTY

    @property
    def paces(self) -> dict[TurnKind, Pace]:
        return {"connect": self.connect, "guest": self.guest}


class Store:
    """The key-value bucket.

    Attributes:
        entries: what stands there.
        sequence: the last revision.
        losses: how often it has lost what was written last.
    """

    def __init__(self, world: World) -> None:
        self._world: Final = world
        self.entries: dict[str, tuple[Record | None, int]] = {}
        self.sequence = 0
        self.losses = 0
        self._written: Final[list[tuple[float, str, tuple[Record | None, int] | None]]] = []

    def write(self, write: Write) -> int | None:
        """The new revision; ``None`` where another one stands there."""
        if self.entries.get(write.key, (None, 0))[1] != write.expected and not self._world.ignores_revision(write):
            return None
        self.sequence += 1
        self._written.append((self._world.now, write.key, self.entries.get(write.key)))
        self.entries[write.key] = (write.record, self.sequence)
        for node in self._world.nodes:
            if node.watches:
                node.tell(write.key, write.record, self.sequence)
        return self.sequence

    def lose(self, seconds: float) -> None:
        """Go back to what was written by then, and give the revisions since then to others."""
        self.losses += 1
        while self._written and self._written[-1][0] > self._world.now - seconds:
            _, key, before = self._written.pop()
            self.sequence -= 1
            if before is None:
                del self.entries[key]
            else:
                self.entries[key] = before


class Node:
    """A worker's process."""

    def __init__(self, world: World, name: str, group: str, member: Member) -> None:
        self.world: Final = world
        self.name: Final = name
        self.group: Final = group
        self.member: Final = member
        self.rate = 1 + world.chance.choice((-DRIFT, 0, DRIFT))
        self.offset = world.chance.uniform(0, 1e6)
        self.delay = world.chance.choice((0.001, 0.005, 0.05))
        self.is_linked = True
        self.is_told = True
        """Whether it knows of the end of its last connection; it makes no other one before."""
        self.watches = False
        self.is_running = True
        self.paused_until: float | None = None
        self.freezes = 0.0
        """For how long the process stands still after it has sent the next thing."""
        self.rooms: dict[str, str | None] = {}
        """Where it is connected, or about to, and under which session it went there."""
        self.going: set[str] = set()
        self.connected: set[str] = set()
        self.acting: set[str] = set()
        self._told = 0.0
        self._waits: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self._watch = 0

    @property
    def now(self) -> float:
        return self.offset + self.world.now * self.rate

    def start(self) -> None:
        self.world.later(0, self.watch)
        self.world.later(self.world.tick * self.world.chance.random(), self.tick)

    def run(self, work: Callable[..., None], *arguments: Any) -> None:
        """Do something in this process, as soon as it runs."""
        if not self.is_running:
            return
        if self.paused_until is not None:
            self._waits.append((work, arguments))
            return
        work(*arguments)
        self.pump()

    def pump(self) -> None:
        member, now = self.member, self.now
        for write in member.step(now):
            self.world.send(self, write)
            if self.freezes:
                seconds, self.freezes = self.freezes, 0.0
                self.pause(seconds)
        wanted = set() if member.finished else member.rooms(now)
        for channel in sorted(wanted - self.rooms.keys()):
            member.entered(channel)
            self.enter(channel)
        for channel in sorted(self.rooms.keys() - wanted - self.going):
            self.leave(channel)
        acting = {channel for channel in self.connected if member.acts(channel, now)}
        for channel in sorted(acting - self.acting):
            self.world.begins(self, channel)
        self.acting = acting
        if member.finished and not self.rooms:
            self.is_running = False

    def enter(self, channel: str) -> None:
        self.world.enters(self, channel)
        self.rooms[channel] = self.member.session
        budget = self.world.wants[channel].budget(self.group)
        self.member.turns.ask(Ticket(budget, "connect", lambda: self.world.connects(self, channel, budget)))

    def leave(self, channel: str) -> None:
        self.going.add(channel)
        self.connected.discard(channel)
        self.world.later(self.world.chance.choice((0.01, 0.1, 0.5)), self.run, self.is_out, channel)

    def is_out(self, channel: str) -> None:
        self.rooms.pop(channel, None)
        self.going.discard(channel)
        self.member.left(channel)

    def is_in(self, channel: str) -> None:
        if channel in self.rooms and channel not in self.going:
            self.connected.add(channel)

    def tick(self) -> None:
        self.run(_nothing)
        if self.is_running:
            self.world.later(self.world.tick / self.rate, self.tick)

    def tell(self, key: str, record: Record | None, revision: int) -> None:
        """Something was stored; it comes in order."""
        self._told = max(self._told, self.world.now + self.world.latency(self))
        self.world.at(self._told, self._hear, self._watch, key, record, revision)

    def _hear(self, watch: int, key: str, record: Record | None, revision: int) -> None:
        if watch == self._watch:
            self.run(self._observe, watch, key, record, revision)

    def _observe(self, watch: int, key: str, record: Record | None, revision: int) -> None:
        if watch == self._watch:
            self.member.observe(key, record, revision, self.now)

    def cut(self) -> None:
        self.is_linked = self.watches = False
        self._watch += 1
        # What the process is told of the connection's end, it is told at the latest when it watches anew.

    def lose(self) -> None:
        """The server of the connection is gone."""
        self.cut()
        self.is_told = False

    def reconnect(self) -> None:
        """What the process does, once it runs."""
        if not self.is_told:
            self.member.interrupted()
            self.is_told = True
        self.heal()

    def heal(self) -> None:
        if not self.is_linked and self.is_told:
            self.is_linked = True
            self.world.later(self.world.chance.uniform(0.01, 0.5), self.watch)

    def watch(self) -> None:
        self.run(self._begin_watch)

    def _begin_watch(self) -> None:
        if self.watches or not self.is_linked:
            return
        self.member.interrupted()
        self._watch += 1
        self.watches = True
        self._told = self.world.now + self.world.latency(self)
        self.world.at(self._told, self.run, self._load, self._watch, dict(self.world.store.entries))

    def _load(self, watch: int, entries: Mapping[str, tuple[Record | None, int]]) -> None:
        if watch == self._watch:
            self.member.loaded(entries, self.now)

    def pause(self, seconds: float) -> None:
        if self.is_running and self.paused_until is None:
            self.paused_until = self.world.now + seconds
            self.acting = set()
            self.world.later(seconds, self.resume)

    def stall(self, seconds: float) -> None:
        """What is stored comes late for a time; answers do not."""
        self._told = self.world.now + seconds

    def resume(self) -> None:
        self.paused_until = None
        waits, self._waits = self._waits, []
        for work, arguments in waits:
            self.run(work, *arguments)

    def crash(self) -> None:
        self.is_running = self.watches = False
        self.rooms.clear()
        self.connected.clear()
        self.acting.clear()


def _nothing() -> None:
    pass


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
        self._levels: Final[dict[str, tuple[float, float]]] = {}

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

    @staticmethod
    def _unanswered(node: Node, write: Write) -> None:
        node.member.refused(write, node.now)

    @staticmethod
    def _answered(node: Node, write: Write, revision: int) -> None:
        node.member.confirmed(write, revision, node.now)

    # What must not happen

    def others(self, node: Node) -> list[Node]:
        return [other for other in self.nodes if other is not node and other.is_running and other.paused_until is None]

    def begins(self, node: Node, channel: str) -> None:
        """A worker begins to act for a channel."""
        self.story.acts += 1
        self.tell(f"{node.name} acts for {channel}")
        for other in self.others(node):
            if channel in other.connected and other.member.acts(channel, other.now):
                raise Violation(f"{node.name} and {other.name} both act for {channel}")

    def enters(self, node: Node, channel: str) -> None:
        """A worker goes into a room."""
        self.tell(f"{node.name} enters {channel}")
        for other in self.others(node):
            member = other.member
            if channel in other.rooms and member.is_valid(other.now) and other.rooms[channel] == member.session:
                raise Violation(f"{node.name} enters {channel} while {other.name}, which has a valid lease, is there")
        budget = self.wants[channel].budget(node.group)
        count = 1
        for other in self.nodes:
            is_good = other.is_running and other.paused_until is None and other.member.is_valid(other.now)
            for room, session in other.rooms.items() if is_good else ():
                count += session == other.member.session and self.wants[room].budget(other.group) == budget
        if count > self.limits.connections:
            raise Violation(f"{count} connections, and the server allows {self.limits.connections}")

    def connects(self, node: Node, channel: str, budget: str) -> None:
        """A worker has its turn to connect."""
        pace = self.limits.connect
        level, at = self._levels.get(budget, (pace.burst + 1, 0.0))
        level = min(level + (self.now - at) / (pace.interval / 1.1), pace.burst + 1) - 1
        self._levels[budget] = (level, self.now)
        if level < 0:
            raise Violation(f"{node.name} connects to {channel} sooner than the server allows")
        self.later(0.05, node.run, node.is_in, channel)

    # What is done to them

    def disturb(self) -> None:
        """One fault, chosen by chance."""
        running = [node for node in self.nodes if node.is_running] or [self.start()]
        self.story.faults += 1
        [kind] = self.chance.choices(list(FAULTS), list(FAULTS.values()))
        node = self.chance.choice(running)
        seconds = self.chance.choice((0.3, 1.0, 2.4, 2.6, 3.0, 3.3, 5.0, 8.0)) * self.chance.uniform(0.9, 1.1)
        self.tell(f"fault: {kind} {node.name} {seconds:.2f}")
        if kind == "cut":
            node.cut()
            self.later(seconds, node.heal)
        elif kind == "pause":
            node.pause(seconds)
        elif kind == "crash":
            node.crash()
            self.later(self.chance.choice((0.0, 1.0, 5.0)), self.start, self.chance.choice((node.name, "")))
        elif kind == "join" and len(running) < 5:
            self.start()
        elif kind == "drain" and len(running) > 1:
            node.run(node.member.drain, node.now)
        elif kind == "slow":
            node.delay = self.chance.choice((0.001, 0.05, 0.3, 0.7))
        elif kind == "outage":
            for each in running:
                each.cut()
                self.later(seconds + self.chance.uniform(0, 2), each.heal)
        elif kind == "hiccup":
            self.loss = self.chance.choice((0.0, 0.1, 0.5))
        elif kind == "freeze":
            node.freezes = seconds
        elif kind == "stall":
            node.stall(seconds)
        elif kind == "unwanted":
            self._unwant(self.chance.choice(list(self.wants)), seconds / 4)
        elif kind == "power":
            self.lose_power(seconds)

    def lose_power(self, seconds: float) -> None:
        """The server dies, and comes back as it was so many seconds before."""
        self.tell(f"the server goes back by {seconds:.2f} s")
        self.store.lose(seconds)
        # Turns that were taken are forgotten, too: the server refuses what comes too soon, and bots hold back then.
        self._levels.clear()
        for node in self.nodes:
            node.lose()
            for channel, session in node.rooms.items():
                claim = self.store.entries.get(leases.claim_key(channel), (None, 0))[0]
                if not (isinstance(claim, Claim) and claim.session == session):
                    # It is there by what is forgotten: it may stay in silence until another comes.
                    node.rooms[channel] = None
            self.later(self.chance.choice((0.0, 0.5, TTL)) + self.chance.uniform(0, 2), node.run, node.reconnect)

    def _unwant(self, channel: str, seconds: float) -> None:
        """A channel is removed and added again; each worker hears of it in its time."""
        rest = {key: want for key, want in self.wants.items() if key != channel}
        for node in self.nodes:
            late = self.chance.uniform(0, 0.5)
            self.later(late, node.run, node.member.want, rest)
            self.later(late + seconds, node.run, node.member.want, self.wants)

    def calm(self) -> None:
        """No fault lasts, and a worker is there."""
        self.loss = 0.0
        for node in self.nodes:
            node.delay = min(node.delay, 0.05)
            node.freezes = 0.0
            # What is late comes no more, and all is looked at anew.
            node.cut()
            node.stall(0.0)
            if node.paused_until is not None:
                node.resume()
            node.run(node.reconnect)
        if not any(node.is_running and not node.member.is_draining for node in self.nodes):
            self.start()

    def actors(self, channel: str) -> list[str]:
        return [node.name for node in self.nodes if node.is_running and channel in node.acting]

    def loads(self) -> list[int]:
        return sorted(len(node.acting) for node in self.nodes if node.is_running and not node.member.finished)


def run_schedule(seed: int, *, is_told: bool = False, **options: Any) -> World:
    """Run one schedule: faults for a time, then calm.

    Raises:
        Violation: something happened that must not; the text begins with the seed.
    """
    kind, channels, limits = _kind(seed)
    world = World(seed, is_told=is_told, channels=channels, limits=limits, **options)
    try:
        kind(world)
    except Violation as violation:
        story = "\n".join(["", *world.story.events])
        raise Violation(f"seed {seed}, at {world.now:.3f}: {violation}{story}") from None
    return world


def _kind(seed: int) -> tuple[Callable[[World], None], int | None, Limits | None]:
    return random.Random(~seed).choice(KINDS)


def kind_of(seed: int) -> Callable[[World], None]:
    """Which kind of schedule a seed makes."""
    return _kind(seed)[0]


def storm(world: World) -> None:
    """Faults of all kinds."""
    for _ in range(world.chance.choice((1, 2, 2, 3, 3))):
        world.start()
    world.run(world.chance.uniform(0.1, 2 * BEGUN))
    for _ in range(5):
        world.disturb()
        world.run(world.now + world.chance.choice((0.05, 0.5, 1.5, TTL)) * world.chance.random())
    world.calm()
    expect_recovery(world)


def duel(world: World) -> None:
    """A holder that falters for about as long as its lease, and another that is after its channel."""
    world.loss = 0.0
    nodes = [world.start(), world.start()]
    for node in nodes:
        node.rate = 1 + world.chance.choice((-DRIFT, DRIFT))
        node.delay = world.chance.choice((0.001, 0.01))
    world.run(BEGUN + world.chance.uniform(0, TTL / 4))
    holder = next((node for node in nodes if node.acting), nodes[0])
    seconds = TTL * world.chance.uniform(0.9, 1.4)
    kind = world.chance.choice(("cut", "freeze", "stall", "drain"))
    world.tell(f"fault: {kind} {holder.name} {seconds:.2f}")
    if kind == "cut":
        holder.cut()
        world.later(seconds, holder.heal)
    elif kind == "freeze":
        holder.freezes = seconds
    elif kind == "stall":
        # The one who is to judge sees late what the holder does, and the holder sees late what becomes of it.
        for node in nodes:
            node.stall(seconds)
    else:
        holder.run(holder.member.drain, holder.now)
    world.run(world.now + 2.2 * TTL)


def rush(world: World) -> None:
    """Many channels at once, of a server that allows little."""
    for _ in range(3):
        world.start()
    world.run(BEGUN + TTL / 2)


def setback(world: World) -> None:
    """A server that loses what was written last, while a channel goes from one to another."""
    world.loss = 0.0
    for _ in range(world.chance.choice((2, 2, 3))):
        world.start()
    world.run(BEGUN + world.chance.uniform(0, TTL))
    holder = next((node for node in world.nodes if node.acting), world.nodes[0])
    seconds = TTL * world.chance.uniform(0.5, 1.5)
    kind = world.chance.choice(("crash", "drain", "cut", "pause", "nothing"))
    world.tell(f"fault: {kind} {holder.name} {seconds:.2f}")
    if kind == "crash":
        holder.crash()
    elif kind == "drain":
        holder.run(holder.member.drain, holder.now)
    elif kind == "cut":
        holder.cut()
        world.later(seconds, holder.heal)
    elif kind == "pause":
        holder.pause(seconds)
    world.run(world.now + world.chance.uniform(0, 2 * TTL))
    world.lose_power(world.chance.choice((0.3, 1.0, TTL, 3 * TTL)) * world.chance.uniform(0.5, 1.5))
    if world.chance.random() < 0.5:
        # One that has seen nothing of before.
        world.later(world.chance.uniform(0, 1), world.start)
    world.run(world.now + 2.5 * TTL)
    world.calm()
    expect_recovery(world)


KINDS: Final[tuple[tuple[Callable[[World], None], int | None, Limits | None], ...]] = (
    (storm, None, None),
    (storm, None, None),
    (duel, 1, Limits()),
    (duel, 3, Limits(connections=2)),
    (rush, 8, Limits(connections=5)),
    (rush, 12, Limits(connect=Pace(4, 2.0))),
    (setback, None, Limits()),
    (setback, 2, Limits(connections=2)),
)


def expect_recovery(world: World) -> None:
    """Within the bound every channel that there is a place for has a worker that acts."""
    turns = len(world.wants) * world.limits.connect.interval
    places = world.limits.connections * len(
        {node.group for node in world.nodes if node.is_running and not node.member.is_draining}
    )
    expected, end = min(len(world.wants), places), world.now + RECOVERY + turns
    while world.now < end:
        world.run(world.now + TTL / 12)
        acting = sum(bool(world.actors(channel)) for channel in world.wants)
        if acting >= expected:
            # More where another has come meanwhile, from another address.
            return
    raise Violation(
        f"only {acting} of {expected} channels have a worker again {RECOVERY + turns:g} s after the last fault"
    )


def main() -> None:
    """Tell a schedule's story, or run many."""
    first, count = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    for seed in range(first, first + count):
        try:
            world = run_schedule(seed, is_told=count == 1)
        except Violation as violation:
            print(violation)
        else:
            if count == 1:
                print("\n".join(world.story.events))


if __name__ == "__main__":
    main()
