"""The ten benchmarks. ``python -m benchmarks`` runs them and writes the report; plain pytest runs them, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from benchmarks.outcome import Outcome

OUTCOMES: Final = pytest.StashKey[list[Outcome]]()
"""Where a run's outcomes are."""
HOUR: Final = "test_memory_stability_1hour"
NAMES: Final = (
    "test_single_event_latency",
    "test_request_reply_latency",
    "test_concurrent_event_latency",
    "test_sustained_throughput",
    "test_burst_handling",
    "test_cpu_overhead_comparison",
    "test_memory_baseline",
    HOUR,
    "test_concurrent_event_types",
    "test_service_restart_performance",
)
"""In the order in which they run and are reported."""

Progress = Callable[[str], None]
"""Says what is being done."""
