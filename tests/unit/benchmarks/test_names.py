"""The ten benchmarks have the names and groups that they should, and each says what it measures."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final

import pytest

from benchmarks.names import HOUR, NAMES
from benchmarks.release.suite import ALL
from benchmarks.suite import test_concurrency, test_cpu, test_latency, test_memory, test_recovery, test_throughput

MODULES: Final = (test_latency, test_throughput, test_cpu, test_memory, test_concurrency, test_recovery)
GROUPS: Final = [
    "TestLatencyBenchmarks",
    "TestThroughputBenchmarks",
    "TestCPUOverhead",
    "TestMemoryOverhead",
    "TestConcurrentOperations",
    "TestFailureRecovery",
]
LOCAL: Final[dict[str, tuple[str, Callable[..., Any]]]] = {
    name: (group, function)
    for module in MODULES
    for group, members in vars(module).items()
    if group.startswith("Test")
    for name, function in vars(members).items()
    if name.startswith("test_")
}


def test_the_ten_are_there_in_their_groups() -> None:
    assert tuple(LOCAL) == tuple(ALL) == NAMES
    assert list(dict.fromkeys(group for group, _ in LOCAL.values())) == GROUPS


@pytest.mark.parametrize("name", NAMES)
def test_each_says_its_way_why_it_matters_how_much_is_sampled_and_what_would_make_it_lie(name: str) -> None:
    text = inspect.getdoc(LOCAL[name][1]) or ""
    for part in ("**The way:**", "**Why a user feels it:**", "**Samples:**", "**It would lie**"):
        assert part in text, part


@pytest.mark.parametrize("name", NAMES)
def test_of_a_release_it_is_in_the_same_group_and_says_what_differs(name: str) -> None:
    group, function = ALL[name]
    assert group == LOCAL[name][0]
    text = inspect.getdoc(function) or ""
    assert "It would lie" in text or name in (HOUR, "test_service_restart_performance")
