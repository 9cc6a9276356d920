"""While others flood the bot with commands it answers everybody else as ever."""

from __future__ import annotations

from typing import Final

from rosey_bot.commands.turns import UNDER_WAY
from tests.integration.bot.harness import CHANNEL, Person
from tests.integration.commands.conftest import Scene
from tests.support.waiting import until
from tests.unit.bot.test_commands import FakeStatistics

BOUND: Final = 1.0
"""Seconds that statistics may take (REQUIREMENTS 4)."""


async def flood(scene: Scene) -> None:
    """Let two moderators ask for more pages than CyTube lets through in twenty seconds."""
    scene.channel._router._statistics = FakeStatistics()
    scene.play(*(f"v{number}" for number in range(60)))
    await scene.seen(60)
    scene.server.add_account("Third", "pw-Third")
    scene.server.set_channel_rank(CHANNEL, "Third", 2)
    third = await scene.enter("Third")
    for _ in range(UNDER_WAY):
        for person in (scene.mod, third):
            await person.whisper("Rosey", "playlist 60")
    # The burst is over, and from now on every message is one that somebody else has to wait for.
    await until(lambda: len(scene.mod.whispers("Rosey")) + len(third.whispers("Rosey")) > 12)


async def is_answered(person: Person, typed: str, lines: int) -> None:
    """Fails where the whole answer takes longer than it may."""
    heard = len(person.whispers("Rosey"))
    await person.whisper("Rosey", typed)
    await until(lambda: len(person.whispers("Rosey")) == heard + lines, timeout=BOUND)


async def test_statistics_are_answered_within_a_second_whoever_floods(scene: Scene) -> None:
    other = await scene.enter("Other")
    alice = await scene.enter("Alice")
    await flood(scene)
    await is_answered(other, "stats", 4)
    await is_answered(other, "user Alice", 2)
    await alice.say("!stats")
    await until(lambda: alice.heard("Rosey"), timeout=BOUND)
    assert len(scene.channel._sending) > 50, "the flood is over: it has tested nothing"
