"""Random schedules: never two workers for one channel, never more than a server allows, and always one again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from rosey_bot.pool.member import Member
from tests.unit.bot_pool import variants
from tests.unit.bot_pool.simulation import Violation, run_schedule

SCHEDULES: Final = 1500
PARTS: Final = 6


@pytest.mark.parametrize("part", range(PARTS))
def test_no_schedule_breaks_a_rule(part: int) -> None:
    worlds = [run_schedule(seed) for seed in range(part, SCHEDULES, PARTS)]
    assert sum(world.story.acts for world in worlds) > len(worlds), "workers must have been at work"


def found(**options: Any) -> str:
    """What the normal run says of this variant, as far as it gets."""
    for seed in range(SCHEDULES):
        try:
            run_schedule(seed, **options)
        except Violation as violation:
            return str(violation)
    return ""


@pytest.mark.parametrize(
    ("variant", "what"),
    [
        (variants.WithoutMargin, "which has a valid lease, is there"),
        (variants.ByWallClock, ""),
        (variants.WithoutEnding, "which has a valid lease, is there"),
        (variants.ReleasesBeforeLeaving, "which has a valid lease, is there"),
        (variants.CountsFromTheAnswer, "both act for"),
        (variants.CountsFromTheSight, "both act for"),
        (variants.ReleasesThePlaceInside, "and the server allows"),
    ],
)
def test_broken_variant_of_a_rule_is_found(variant: type[Member], what: str) -> None:
    message = found(make=variant)
    assert message
    assert what in message


@pytest.mark.parametrize(
    ("unconditional", "what"),
    [
        ("channel.", "which has a valid lease, is there"),
        ("place.", "and the server allows"),
        ("turn.", "sooner than the server allows"),
    ],
)
def test_broken_variant_that_writes_without_comparing_is_found(unconditional: str, what: str) -> None:
    assert what in found(unconditional=unconditional)


def test_a_violation_names_its_seed() -> None:
    message = found(make=variants.ByWallClock)
    seed = int(message.split()[1].rstrip(","))
    with pytest.raises(Violation, match=f"seed {seed}, at"):
        run_schedule(seed, make=variants.ByWallClock)


def test_the_same_seed_tells_the_same_story() -> None:
    tell: Callable[[], list[str]] = lambda: run_schedule(4, is_told=True).story.events  # noqa: E731
    assert tell() == tell()
