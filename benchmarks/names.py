"""The ten benchmarks, by their names."""

from __future__ import annotations

from typing import Final

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
