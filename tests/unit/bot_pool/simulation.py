"""Random schedules of a pool: ``python -m tests.unit.bot_pool.simulation SEED`` tells the story of one."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any, Final

from rosey_bot.pool.turns import Pace
from tests.unit.bot_pool.faults import calm, disturb, lose_power
from tests.unit.bot_pool.limits import TTL, Limits
from tests.unit.bot_pool.node import DRIFT
from tests.unit.bot_pool.rules import Violation, expect_recovery
from tests.unit.bot_pool.world import World

BEGUN: Final = 1.3 * TTL
"""Seconds within which those who begin together have taken what there is."""


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
        disturb(world)
        world.run(world.now + world.chance.choice((0.05, 0.5, 1.5, TTL)) * world.chance.random())
    calm(world)
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
    lose_power(world, world.chance.choice((0.3, 1.0, TTL, 3 * TTL)) * world.chance.uniform(0.5, 1.5))
    if world.chance.random() < 0.5:
        # One that has seen nothing of before.
        world.later(world.chance.uniform(0, 1), world.start)
    world.run(world.now + 2.5 * TTL)
    calm(world)
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
