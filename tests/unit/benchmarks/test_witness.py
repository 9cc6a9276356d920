"""What a release tells is held against what was measured: counts, means, percentiles, traces."""

from __future__ import annotations

import dataclasses
from bisect import bisect_left
from itertools import accumulate

import pytest

from benchmarks.outcome import Outcome
from benchmarks.release.reading import Distribution
from benchmarks.release.results import has_failed
from benchmarks.release.target import Said
from benchmarks.release.witness import Account, Comparison
from rosey_core.telemetry.metrics import LATENCY_BUCKETS

BOUNDS = (*LATENCY_BUCKETS, float("inf"))
STAMPED = [1_700_000_000.0 + number / 100 for number in range(100)]
LATENCIES = [0.004 if number < 95 else 0.02 for number in range(100)]
ROWS = [stamp + late for stamp, late in zip(STAMPED, LATENCIES, strict=True)]
SAID = Said(
    first=0,
    due=STAMPED,
    stamped=STAMPED,
    ids=[f"id{number}" for number in range(100)],
    seen=[row + 0.001 for row in ROWS],
    unseen=[row - 0.001 for row in ROWS],
)


def distribution(latencies: list[float]) -> Distribution:
    counts = [0] * len(BOUNDS)
    for late in latencies:
        counts[bisect_left(BOUNDS, late)] += 1
    return Distribution(len(latencies), sum(latencies), tuple(zip(BOUNDS, accumulate(counts), strict=True)))


TRUE = Account(100, 0, distribution(LATENCIES), {f"id{number}": [row] for number, row in enumerate(ROWS)})


def wrong(account: Account, said: Said = SAID) -> list[str]:
    outcome = Outcome("test_x")
    comparison = Comparison(outcome)
    comparison.add([said], account)
    assert has_failed([outcome], loss_only=True) == bool(comparison.wrong)
    return [sentence.partition(":")[0] + sentence.partition(":")[2].partition(":")[0] for sentence in comparison.wrong]


def test_a_true_account_agrees_with_and_without_traces() -> None:
    assert wrong(TRUE) == wrong(dataclasses.replace(TRUE, rows=None)) == []


@pytest.mark.parametrize("stored", [99, 101])
def test_a_line_more_or_fewer_is_told_of(stored: int) -> None:
    assert wrong(dataclasses.replace(TRUE, stored=stored)) == ["metrics lines stored, more or fewer than sent"]


def test_a_release_that_others_use_meanwhile_is_not_measured() -> None:
    assert wrong(dataclasses.replace(TRUE, others=1)) == ["metrics events of others meanwhile"]


def test_a_histogram_without_one_of_the_events_is_told_of() -> None:
    assert wrong(dataclasses.replace(TRUE, latency=distribution(LATENCIES[1:]))) == [
        "metrics latencies counted, more or fewer than sent"
    ]


@pytest.mark.parametrize(("factor", "agrees"), [(1.08, True), (0.92, True), (1.12, False), (0.88, False)])
def test_means_are_within_a_tenth(factor: float, agrees: bool) -> None:
    told = dataclasses.replace(TRUE.latency, total=TRUE.latency.total * factor)
    found = wrong(dataclasses.replace(TRUE, latency=told))
    assert found == ([] if agrees else ["metrics mean apart from that of the events"])


def test_a_histogram_that_tells_half_is_refused_by_what_was_seen_alone() -> None:
    told = distribution([late / 2 for late in LATENCIES])
    found = wrong(dataclasses.replace(TRUE, latency=told, rows=None))
    assert found == ["metrics mean beyond what was seen", "metrics p99 beyond what was seen"]


@pytest.mark.parametrize(("worst", "agrees"), [(0.024, True), (0.049, True), (0.09, False)])
def test_the_99th_percentile_is_within_one_bucket(worst: float, agrees: bool) -> None:
    told = distribution([*LATENCIES[:95], *([worst] * 5)])
    told = dataclasses.replace(told, total=TRUE.latency.total)
    found = wrong(dataclasses.replace(TRUE, latency=told))
    assert found == (
        [] if agrees else ["metrics p99 beyond what was seen", "metrics p99 apart from that of the events"]
    )


def test_an_event_without_a_trace_and_one_with_two_are_told_of() -> None:
    assert TRUE.rows is not None
    without = {event: rows for event, rows in TRUE.rows.items() if event != "id7"}
    assert wrong(dataclasses.replace(TRUE, rows=without)) == [
        "traces events, more or fewer than sent",
        "traces events without one",
    ]
    twice = TRUE.rows | {"id7": TRUE.rows["id7"] * 2}
    assert wrong(dataclasses.replace(TRUE, rows=twice)) == ["traces events, more or fewer than sent"]


@pytest.mark.parametrize("seconds", [-0.02, 0.02])
def test_a_row_that_a_trace_puts_where_it_cannot_have_been_is_told_of(seconds: float) -> None:
    assert TRUE.rows is not None
    moved = TRUE.rows | {"id7": [TRUE.rows["id7"][0] + seconds]}
    assert wrong(dataclasses.replace(TRUE, rows=moved)) == ["traces rows that came before or after they can have"]


def test_what_was_slow_fails_a_run_unless_only_losses_do() -> None:
    outcome = Outcome("test_x")
    outcome.figure("slow", "ms", [float("nan")])
    assert not has_failed([outcome], loss_only=False)
    outcome.error = "TimeoutError: no answer"
    assert has_failed([outcome], loss_only=True)
