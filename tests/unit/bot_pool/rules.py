"""What must not happen in a simulated pool, and what must."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.unit.bot_pool.limits import TTL

if TYPE_CHECKING:
    from tests.unit.bot_pool.node import Node
    from tests.unit.bot_pool.world import World

RECOVERY: Final = 4 * TTL
"""Seconds within which every channel has a worker that acts, once nothing disturbs the pool any more."""


class Violation(AssertionError):
    """Something happened that must not."""


class Rules:
    """Watches over a world.

    Args:
        world: that world.
    """

    def __init__(self, world: World) -> None:
        self._world: Final = world
        self._levels: Final[dict[str, tuple[float, float]]] = {}

    def begins(self, node: Node, channel: str) -> None:
        """A worker begins to act for a channel."""
        self._world.story.acts += 1
        self._world.tell(f"{node.name} acts for {channel}")
        for other in self._others(node):
            if channel in other.connected and other.member.acts(channel, other.now):
                raise Violation(f"{node.name} and {other.name} both act for {channel}")

    def enters(self, node: Node, channel: str) -> None:
        """A worker goes into a room."""
        self._world.tell(f"{node.name} enters {channel}")
        for other in self._others(node):
            member = other.member
            if channel in other.rooms and member.is_valid(other.now) and other.rooms[channel] == member.session:
                raise Violation(f"{node.name} enters {channel} while {other.name}, which has a valid lease, is there")
        budget = self._world.wants[channel].budget(node.group)
        count = 1
        for other in self._world.nodes:
            is_good = other.is_running and other.paused_until is None and other.member.is_valid(other.now)
            for room, session in other.rooms.items() if is_good else ():
                count += session == other.member.session and self._world.wants[room].budget(other.group) == budget
        if count > self._world.limits.connections:
            raise Violation(f"{count} connections, and the server allows {self._world.limits.connections}")

    def connects(self, node: Node, channel: str, budget: str) -> None:
        """A worker has its turn to connect."""
        pace = self._world.limits.connect
        level, at = self._levels.get(budget, (pace.burst + 1, 0.0))
        level = min(level + (self._world.now - at) / (pace.interval / 1.1), pace.burst + 1) - 1
        self._levels[budget] = (level, self._world.now)
        if level < 0:
            raise Violation(f"{node.name} connects to {channel} sooner than the server allows")

    def forget_turns(self) -> None:
        """No turn counts that was taken until now."""
        self._levels.clear()

    def _others(self, node: Node) -> list[Node]:
        nodes = self._world.nodes
        return [other for other in nodes if other is not node and other.is_running and other.paused_until is None]


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
