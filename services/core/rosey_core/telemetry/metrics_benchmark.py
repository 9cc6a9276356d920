"""The metrics of a run of the benchmarks."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Gauge

from rosey_core.telemetry.metrics import Children

VERDICTS: Final = {"PASS": 0, "WARN": 1, "FAIL": 2}
"""Values of ``rosey_benchmark_verdict`` by what the report says; what is only reported has none."""


class BenchmarkMetrics:
    """What a run of the benchmarks tells: its figures, what is required of them, and how they compare.

    A figure is in the unit that its label says, as in the report: what is measured differs too much for one unit.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.result = Children(
            Gauge(
                "rosey_benchmark_result",
                "A figure, in the unit of its label; NaN where it could not be taken.",
                ["benchmark", "figure", "unit"],
                registry=registry,
            )
        )
        self.requirement = Children(
            Gauge(
                "rosey_benchmark_requirement",
                "What a figure should be below or above, as the relation says.",
                ["benchmark", "figure", "unit", "relation"],
                registry=registry,
            )
        )
        self.verdict = Children(
            Gauge(
                "rosey_benchmark_verdict",
                "How a figure compares with its requirement: 0 meets it, 1 misses it by a fifth at most, 2 by more.",
                ["benchmark", "figure"],
                registry=registry,
            )
        )
        self.finished = Gauge(
            "rosey_benchmark_finished_timestamp_seconds", "When the run ended; 0 until then.", registry=registry
        )
