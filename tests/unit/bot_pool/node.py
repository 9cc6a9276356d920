"""A worker's process in a simulated pool: its clock, its connection, its rooms, and how it stands still and dies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from rosey_bot.pool.member import Member
from rosey_bot.pool.turns import Ticket
from rosey_core.leases import Record

if TYPE_CHECKING:
    from tests.unit.bot_pool.world import World

DRIFT: Final = 0.05
"""By how much a clock may run too fast or too slow."""


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
            self.world.rules.begins(self, channel)
        self.acting = acting
        if member.finished and not self.rooms:
            self.is_running = False

    def enter(self, channel: str) -> None:
        self.world.rules.enters(self, channel)
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
