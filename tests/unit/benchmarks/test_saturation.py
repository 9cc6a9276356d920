"""The search for the highest rate that holds."""

from __future__ import annotations

import math

import pytest

from benchmarks import saturation
from benchmarks.load import Schedule
from benchmarks.pipeline import Act, Arrivals
from benchmarks.saturation import Point, limit, search


def pretend(monkeypatch: pytest.MonkeyPatch, capacity: float, *, loses: bool = False) -> None:
    """A system that is late above ``capacity``, or loses there."""

    async def measure(channels: int, rate: float, seconds: float) -> Point:
        over = rate > capacity
        return Point(rate, 1.0, 500.0 if over and not loses else 2.0, int(over and loses), {})

    monkeypatch.setattr(saturation, "measure", measure)


@pytest.mark.parametrize("capacity", [30.0, 500.0, 3210.0, 40_000.0])
async def test_the_highest_rate_is_found_to_within_the_precision(
    monkeypatch: pytest.MonkeyPatch, capacity: float
) -> None:
    pretend(monkeypatch, capacity)
    found = limit(await search(10, seconds=1, precision=0.05))
    assert found <= capacity <= found * 1.06 + 1


async def test_a_rate_at_which_something_is_lost_does_not_hold_however_fast_the_rest_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pretend(monkeypatch, 2000, loses=True)
    assert limit(await search(1, seconds=1, precision=0.05)) <= 2000


async def test_a_rate_that_was_late_once_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[float] = []

    async def measure(channels: int, rate: float, seconds: float) -> Point:
        tried.append(rate)
        return Point(rate, 1.0, 500.0 if rate > 2000 or tried == [500] else 2.0, 0, {})

    monkeypatch.setattr(saturation, "measure", measure)
    assert limit(await search(1, seconds=1, precision=0.05)) > 1900
    assert tried[:3] == [500, 500, 1000]


async def test_where_nothing_holds_the_search_ends_with_none(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, 0)
    assert limit(await search(1, seconds=1, precision=0.05)) == 0


def test_a_rate_at_which_nothing_arrived_does_not_hold() -> None:
    assert not Point(500, None, None, 10, {}).holds


def test_latency_counts_from_the_moment_at_which_a_line_was_due() -> None:
    arrivals = Arrivals({5: 100.5, 6: 101.5})
    act = Act(5, 2, Schedule(100.0, 2.0))
    assert arrivals.latencies(act) == [0.5, 1.0]
    assert arrivals.seconds(act) == 1.5


def test_a_burst_of_which_a_line_never_came_took_for_ever() -> None:
    arrivals = Arrivals({0: 100.5})
    assert arrivals.seconds(Act(0, 2, Schedule(100.0, math.inf))) == math.inf
