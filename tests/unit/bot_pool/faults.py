"""What is done to a simulated pool, and how that ends."""

from __future__ import annotations

from typing import Final

from rosey_core import leases
from rosey_core.leases import Claim
from tests.unit.bot_pool.limits import TTL
from tests.unit.bot_pool.world import World

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


def disturb(world: World) -> None:
    """One fault, chosen by chance."""
    running = [node for node in world.nodes if node.is_running] or [world.start()]
    world.story.faults += 1
    [kind] = world.chance.choices(list(FAULTS), list(FAULTS.values()))
    node = world.chance.choice(running)
    seconds = world.chance.choice((0.3, 1.0, 2.4, 2.6, 3.0, 3.3, 5.0, 8.0)) * world.chance.uniform(0.9, 1.1)
    world.tell(f"fault: {kind} {node.name} {seconds:.2f}")
    if kind == "cut":
        node.cut()
        world.later(seconds, node.heal)
    elif kind == "pause":
        node.pause(seconds)
    elif kind == "crash":
        node.crash()
        world.later(world.chance.choice((0.0, 1.0, 5.0)), world.start, world.chance.choice((node.name, "")))
    elif kind == "join" and len(running) < 5:
        world.start()
    elif kind == "drain" and len(running) > 1:
        node.run(node.member.drain, node.now)
    elif kind == "slow":
        node.delay = world.chance.choice((0.001, 0.05, 0.3, 0.7))
    elif kind == "outage":
        for each in running:
            each.cut()
            world.later(seconds + world.chance.uniform(0, 2), each.heal)
    elif kind == "hiccup":
        world.loss = world.chance.choice((0.0, 0.1, 0.5))
    elif kind == "freeze":
        node.freezes = seconds
    elif kind == "stall":
        node.stall(seconds)
    elif kind == "unwanted":
        _unwant(world, world.chance.choice(list(world.wants)), seconds / 4)
    elif kind == "power":
        lose_power(world, seconds)


def lose_power(world: World, seconds: float) -> None:
    """The server dies, and comes back as it was so many seconds before."""
    world.tell(f"the server goes back by {seconds:.2f} s")
    world.store.lose(seconds)
    # Turns that were taken are forgotten, too: the server refuses what comes too soon, and bots hold back then.
    world.rules.forget_turns()
    for node in world.nodes:
        node.lose()
        for channel, session in node.rooms.items():
            claim = world.store.entries.get(leases.claim_key(channel), (None, 0))[0]
            if not (isinstance(claim, Claim) and claim.session == session):
                # It is there by what is forgotten: it may stay in silence until another comes.
                node.rooms[channel] = None
        world.later(world.chance.choice((0.0, 0.5, TTL)) + world.chance.uniform(0, 2), node.run, node.reconnect)


def _unwant(world: World, channel: str, seconds: float) -> None:
    """A channel is removed and added again; each worker hears of it in its time."""
    rest = {key: want for key, want in world.wants.items() if key != channel}
    for node in world.nodes:
        late = world.chance.uniform(0, 0.5)
        world.later(late, node.run, node.member.want, rest)
        world.later(late + seconds, node.run, node.member.want, world.wants)


def calm(world: World) -> None:
    """No fault lasts, and a worker is there."""
    world.loss = 0.0
    for node in world.nodes:
        node.delay = min(node.delay, 0.05)
        node.freezes = 0.0
        # What is late comes no more, and all is looked at anew.
        node.cut()
        node.stall(0.0)
        if node.paused_until is not None:
            node.resume()
        node.run(node.reconnect)
    if not any(node.is_running and not node.member.is_draining for node in world.nodes):
        world.start()
