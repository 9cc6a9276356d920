"""How fast a token may post, by a clock that the test moves."""

from __future__ import annotations

import pytest

from rosey_database.api.posting_rate import PostingRate
from tests.support.clock import MovableClock


@pytest.fixture
def rate(clock: MovableClock) -> PostingRate:
    return PostingRate(burst=3, interval=2.0, clock=clock)


def test_so_many_at_once_and_then_one_each_interval(rate: PostingRate, clock: MovableClock) -> None:
    assert [rate.take("a") for _ in range(5)] == [0, 0, 0, 2, 2]
    clock.move(1.5)
    assert rate.take("a") == 0.5
    clock.move(0.5)
    assert [rate.take("a"), rate.take("a")] == [0, 2]


def test_who_is_silent_for_long_may_post_a_burst_and_no_more(rate: PostingRate, clock: MovableClock) -> None:
    assert [rate.take("a") for _ in range(3)] == [0, 0, 0]
    clock.move(1000)
    assert [rate.take("a") for _ in range(4)] == [0, 0, 0, 2]


def test_each_token_is_counted_by_itself_and_forgotten(rate: PostingRate, clock: MovableClock) -> None:
    assert [rate.take(f"token {number}") for number in range(100)] == [0] * 100
    assert rate.take("token 5") == 0
    clock.move(4)
    rate.take("another")
    assert len(rate._free) == 1
