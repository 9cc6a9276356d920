"""Moments: later calls are later, whatever the clock does."""

from __future__ import annotations

from rosey_database.moments import Moments
from tests.support.clock import MovableClock


def test_each_moment_is_later_than_the_one_before(clock: MovableClock) -> None:
    moments = Moments(clock)
    seen = [moments.next() for _ in range(5)]
    clock.move(-30)
    seen += [moments.next() for _ in range(5)]
    clock.move(31)
    seen.append(moments.next())
    assert seen == sorted(set(seen))
    assert seen[-1] == clock.now
    assert seen[-2] - seen[0] < 0.001


def test_a_clock_that_is_put_right_is_followed(clock: MovableClock) -> None:
    moments = Moments(clock)
    clock.move(10**8)
    moments.next()
    clock.move(-(10**8))
    assert moments.next() == clock.now
