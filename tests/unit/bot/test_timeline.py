"""The times of events."""

from __future__ import annotations

from rosey_bot.timeline import Timeline
from tests.unit.bot.harness import NOON, Clock


def test_times_follow_the_clock() -> None:
    clock = Clock()
    timeline = Timeline(clock)
    assert timeline.now() == NOON
    clock.advance(1)
    assert timeline.now() == NOON + 1


def test_times_always_increase() -> None:
    clock = Clock()
    timeline = Timeline(clock)
    times = [timeline.now() for _ in range(1000)]
    clock.advance(-60)
    times.append(timeline.now())
    assert times == sorted(set(times))
    assert times[-1] - NOON < 0.01
