"""A worker that goes while all share one processor, which is too slow for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from rosey_bot.pool import handover
from tests.unit.bot_pool.limits import TTL, Limits
from tests.unit.bot_pool.node import Node
from tests.unit.bot_pool.world import World

COSTS: Final = {Node.is_in.__name__: 0.025, Node.is_out.__name__: 0.005}
"""Seconds of the processor that going into a room takes, and leaving it."""
LOOK: Final = 0.0004
"""Seconds of the processor that everything else takes, which is told of one thing and looks what follows."""


class Processor:
    """Does what all processes have to do, in the order in which it comes.

    Attributes:
        slowness: how many times longer everything takes.
    """

    def __init__(self, world: World, run: Callable[..., None]) -> None:
        self.slowness = 0.1
        self._world: Final = world
        self._run: Final = run
        self._free_at = 0.0

    def run(self, node: Node, work: Callable[..., None], *arguments: Any) -> None:
        """Do it when it is its turn."""
        seconds = self.slowness * COSTS.get(work.__name__, LOOK)
        self._free_at = max(self._free_at, self._world.now) + seconds
        self._world.at(self._free_at, self._run, node, work, *arguments)


@pytest.mark.parametrize("is_paced_by_time", [False, True], ids=["", "broken_variant_paced_by_time"])
def test_where_processors_are_busy_the_rooms_of_a_worker_that_goes_do_not_wait_in_a_heap(
    monkeypatch: pytest.MonkeyPatch, is_paced_by_time: bool
) -> None:
    if is_paced_by_time:
        monkeypatch.setattr(handover, "PATIENCE", handover.INTERVAL)
    world = World(1, channels=60, limits=Limits())
    world.loss = 0.0
    processor = Processor(world, Node.run)

    def run(node: Node, work: Callable[..., None], *arguments: Any) -> None:
        processor.run(node, work, *arguments)

    monkeypatch.setattr(Node, "run", run)
    for _ in range(3):
        node = world.start()
        node.delay, node.rate = 0.002, 1.0
    world.run(6 * TTL)
    processor.slowness = 3.0
    going = world.nodes[0]
    held = set(going.connected)
    assert len(held) == 20
    going.member.drain(going.now)
    away = dict.fromkeys(held, 0.0)
    while held & going.rooms.keys() or not all(world.actors(channel) for channel in held):
        world.run(world.now + 0.02)
        for channel in held:
            away[channel] += 0.02 * (not world.actors(channel))
    too_long = sum(seconds > 1.0 for seconds in away.values())
    assert (too_long > 4) == is_paced_by_time, f"{too_long} of 20 were away for longer than a second"
