"""Verdicts of figures, and what is kept of them."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from benchmarks import intervals
from benchmarks.comparison import changes
from benchmarks.outcome import Outcome
from benchmarks.rows import Bound, Rating, Row, Summary, bound
from benchmarks.verdict import Verdict


@pytest.mark.parametrize(
    ("limit", "value", "rating"),
    [
        (Bound("<", 5), 4.999, Rating.PASS),
        (Bound("<", 5), 5.0, Rating.WARN),
        (Bound("<", 5), 5.99, Rating.WARN),
        (Bound("<", 5), 6.0, Rating.FAIL),
        (Bound(">", 100), 100.1, Rating.PASS),
        (Bound(">", 100), 81, Rating.WARN),
        (Bound(">", 100), 80, Rating.FAIL),
        (Bound("<=", 0), 0, Rating.PASS),
        (Bound("<=", 0), 1, Rating.FAIL),
        (Bound("<", 5), -8, Rating.PASS),
        (Bound("<", 5), math.nan, Rating.FAIL),
        (Bound("<", 5), math.inf, Rating.FAIL),
    ],
)
def test_a_figure_passes_warns_within_a_fifth_beyond_and_fails_further(
    limit: Bound, value: float, rating: Rating
) -> None:
    assert limit.rate(value) is rating


@pytest.mark.parametrize("written", [Bound("<", 5), Bound(">=", 20_000), Bound("<=", 0), Bound(">", 0.5)])
def test_a_bound_is_read_as_it_was_written(written: Bound) -> None:
    assert bound(str(written)) == written


def test_what_is_no_bound_is_refused() -> None:
    with pytest.raises(ValueError, match="no bound"):
        bound("about 5")


def test_a_row_is_read_as_it_was_written() -> None:
    row = Row("a", "b", "ms", 1.5, (1.0, 2.0), Bound("<", 5), Bound("<", 1), Summary.of([1.0, 2.0]))
    assert Row.from_json(row.as_json()).as_json() == row.as_json()


def test_one_lost_event_fails_a_benchmark_whose_figures_are_good() -> None:
    outcome = Outcome("test_x")
    outcome.latency("way", [[0.001, 0.002]], required={"mean": Bound("<", 5)})
    outcome.judge_fate(Verdict(1000, 1, 0))
    outcome.finish()
    assert outcome.verdict is Rating.FAIL


def test_a_doubled_event_fails_it_too() -> None:
    outcome = Outcome("test_x")
    outcome.judge_fate(Verdict(1000, 0, 1))
    outcome.finish()
    assert outcome.verdict is Rating.FAIL


def test_a_latency_of_which_nothing_arrived_fails() -> None:
    outcome = Outcome("test_x")
    outcome.latency("way", [[]], required={"mean": Bound("<", 5)})
    assert outcome.verdict is Rating.FAIL


def test_a_benchmark_that_did_not_finish_fails() -> None:
    assert Outcome("test_x", error="RuntimeError").verdict is Rating.FAIL


def test_a_benchmark_without_figures_is_not_run() -> None:
    assert Outcome("test_x").verdict is Rating.NOT_RUN


def test_of_several_rounds_the_worst_counts_where_asked() -> None:
    outcome = Outcome("test_x")
    outcome.figure("slow", "s", [1.0, 3.0], required=Bound("<", 2), worst=True)
    outcome.figure("fast", "1/s", [10.0, 30.0], required=Bound(">", 20), worst=True)
    assert [row.result for row in outcome.rows] == [3.0, 10.0]


def test_what_never_came_fails_and_has_no_interval() -> None:
    outcome = Outcome("test_x")
    outcome.figure("500 lines", "s", [0.1, math.inf], required=Bound("<", 1))
    [row] = outcome.rows
    assert row.verdict is Rating.FAIL
    assert row.interval is None
    assert row.as_json()["result"] is None


def test_an_interval_by_blocks_is_wider_than_one_of_independent_samples() -> None:
    chance = random.Random(1)
    # Two rounds that differ by far more than their samples do among themselves.
    rounds = [[level + chance.gauss(0, 0.01) for _ in range(200)] for level in (1.0, 2.0)]
    found = intervals.of_samples(rounds, statistics.fmean)
    assert found is not None
    everything = [sample for each in rounds for sample in each]
    independent = 1.96 * statistics.stdev(everything) / math.sqrt(len(everything))
    assert (found[1] - found[0]) / 2 > 3 * independent


def test_an_interval_of_runs_holds_their_mean_and_is_missing_for_one() -> None:
    found = intervals.of_runs([10.0, 11.0, 12.0])
    assert found is not None
    assert found[0] == pytest.approx(11 - 4.303 / math.sqrt(3), abs=1e-3)
    assert intervals.of_runs([10.0]) is None


def row(result: float, interval: tuple[float, float] | None, *, higher: bool = False) -> Row:
    requirement = Bound(">", 1) if higher else Bound("<", 1000)
    return Row("test_x", "figure", "ms", result, interval, requirement)


def test_slower_by_more_than_a_tenth_beyond_noise_is_a_warning() -> None:
    [change] = changes([row(10, (9.5, 10.5))], [row(12, (11.5, 12.5))])
    assert change.is_warning


def test_slower_within_noise_is_named_noise() -> None:
    [change] = changes([row(10, (8, 12))], [row(12, (11, 13))])
    assert not change.is_warning
    assert "within noise" in str(change)


def test_faster_is_no_warning_and_less_throughput_is() -> None:
    [faster] = changes([row(10, (9, 11))], [row(5, (4, 6))])
    assert not faster.is_warning
    [less] = changes([row(100, (99, 101), higher=True)], [row(50, (49, 51), higher=True)])
    assert less.is_warning


def test_on_a_busy_machine_nothing_is_certain() -> None:
    [change] = changes([row(10, (9.5, 10.5))], [row(12, (11.5, 12.5))], is_quiet=False)
    assert not change.is_warning
    assert str(change).endswith("within noise")


def test_a_tenth_is_no_change() -> None:
    assert changes([row(10, None)], [row(10.9, None)]) == []
