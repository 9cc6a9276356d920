"""Random schedules: never two workers for one channel, never more than a server allows, and always one again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from rosey_bot.pool.member import Member
from tests.unit.bot_pool import variants
from tests.unit.bot_pool.rules import Violation
from tests.unit.bot_pool.simulation import duel, kind_of, run_schedule, rush, setback
from tests.unit.bot_pool.world import World

SCHEDULES: Final = 1000
PARTS: Final = 6


@pytest.mark.parametrize("part", range(PARTS))
def test_no_schedule_breaks_a_rule(part: int) -> None:
    worlds = [run_schedule(seed) for seed in range(part, SCHEDULES, PARTS)]
    assert sum(world.story.acts for world in worlds) > len(worlds), "workers must have been at work"


def found(kind: Callable[[World], None], what: str = "", **options: Any) -> str:
    """The first time that the normal run says this of a variant; only its schedules of this kind, to be quick."""
    for seed in range(SCHEDULES):
        if kind_of(seed) is not kind:
            continue
        try:
            run_schedule(seed, **options)
        except Violation as violation:
            if what in str(violation):
                return str(violation)
    return ""


@pytest.mark.parametrize(
    ("variant", "kind", "what"),
    [
        (variants.WithoutMargin, duel, "which has a valid lease, is there"),
        (variants.ByWallClock, setback, "have a worker again"),
        (variants.WithoutEnding, duel, "which has a valid lease, is there"),
        (variants.ReleasesBeforeLeaving, duel, "which has a valid lease, is there"),
        (variants.CountsFromTheAnswer, duel, "both act for"),
        (variants.CountsFromTheSight, duel, "both act for"),
        (variants.ReleasesThePlaceInside, duel, "and the server allows"),
        (variants.BeginsAtOnce, setback, "both act for"),
    ],
)
def test_broken_variant_of_a_rule_is_found(variant: type[Member], kind: Callable[[World], None], what: str) -> None:
    assert found(kind, what, make=variant)


@pytest.mark.parametrize(
    ("unconditional", "kind", "what"),
    [
        ("channel.", rush, "which has a valid lease, is there"),
        ("place.", rush, "and the server allows"),
        ("turn.", rush, "sooner than the server allows"),
    ],
)
def test_broken_variant_that_writes_without_comparing_is_found(
    unconditional: str, kind: Callable[[World], None], what: str
) -> None:
    assert found(kind, what, unconditional=unconditional)


def test_a_violation_names_its_seed() -> None:
    message = found(duel, make=variants.WithoutEnding)
    seed = int(message.split()[1].rstrip(","))
    with pytest.raises(Violation, match=f"seed {seed}, at"):
        run_schedule(seed, make=variants.WithoutEnding)


def test_the_same_seed_tells_the_same_story() -> None:
    tell: Callable[[], list[str]] = lambda: run_schedule(4, is_told=True).story.events  # noqa: E731
    assert tell() == tell()
