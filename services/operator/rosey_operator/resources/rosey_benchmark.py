"""``RoseyBenchmark``: a run of benchmarks against the release, and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field

from rosey_operator.resources.conditions import Condition
from rosey_operator.resources.model import Part, rules

KIND: Final = "RoseyBenchmark"
PLURAL: Final = "roseybenchmarks"

COMPLETE: Final = "Complete"
"""The condition that the run of this generation has ended."""
PASSED: Final = "Passed"
"""The condition that every figure met its requirement."""

BENCHMARKS: Final = (
    "test_single_event_latency",
    "test_request_reply_latency",
    "test_concurrent_event_latency",
    "test_sustained_throughput",
    "test_burst_handling",
    "test_cpu_overhead_comparison",
    "test_memory_baseline",
    "test_memory_stability_1hour",
    "test_concurrent_event_types",
    "test_service_restart_performance",
)
"""The names of the benchmarks, which the image of the Jobs has."""

Verdict = Literal["PASS", "WARN", "FAIL", "ERROR"]


class BenchmarkSpec(Part):
    """What is measured. Each change of it, but for historyLimit, is one run more."""

    benchmarks: list[Annotated[str, Field(max_length=100)]] = Field(
        default=[],
        description=(
            "The names of the benchmarks to run, like test_single_event_latency; where none is named, all but "
            "test_memory_stability_1hour, which takes an hour."
        ),
        max_length=32,
        json_schema_extra=rules(
            (f"self.all(name, name in {list(BENCHMARKS)})", f"benchmarks should be among {', '.join(BENCHMARKS)}")
        ),
    )
    rate: int = Field(
        default=1000,
        description="Events a second of a load that is held for a time, 1 to 20000; 1000 unless given.",
        ge=1,
        le=20000,
    )
    duration_seconds: int = Field(
        default=10, description="Seconds for which each load is held, 1 to 3600; 10 unless given.", ge=1, le=3600
    )
    run: int = Field(
        default=0,
        description="Any number from 0 on. Another one than before has the same benchmarks run once more.",
        ge=0,
    )
    history_limit: int = Field(
        default=5,
        description="How many runs before the latest are kept, with their Jobs and results: 0 to 50; 5 unless given.",
        ge=0,
        le=50,
    )


class Figure(Part):
    """What was measured of one thing."""

    name: str = Field(description="The benchmark.")
    metric: str = Field(default="", description="What of it.")
    unit: str = Field(default="", description="In which unit.")
    requirement: str = Field(default="", description="What is demanded.")
    goal: str = Field(default="", description="What is aimed at.")
    result: str = Field(default="", description="What was measured.")
    interval: str = Field(default="", description="Between what it lies by the samples.")
    verdict: str = Field(default="", description="PASS; WARN where it was missed by a little, FAIL by more.")


class Run(Part):
    """A run that has ended."""

    generation: int = Field(description="The generation of the resource that it ran for.")
    verdict: Verdict = Field(description="The worst of its figures; ERROR where it came to no result.")
    p99: str | None = Field(default=None, description="The 99th percentile of the latency.")
    job: str = Field(description="The Job.")
    config_map: str | None = Field(default=None, description="The ConfigMap with the results, in latest.json.")
    completed_at: datetime | None = Field(default=None, description="When it ended.")


class BenchmarkStatus(Part):
    """What came of the latest run, and of those before."""

    observed_generation: int = Field(default=0, description="The generation of the resource that this is about.")
    verdict: str | None = Field(
        default=None,
        description="PASS, WARN or FAIL, the worst of its figures; ERROR without any; Running, Waiting.",
    )
    p99: str | None = Field(default=None, description="The 99th percentile of the latency.")
    job: str | None = Field(default=None, description="The Job.")
    measured: str | None = Field(
        default=None, description="A digest of what was measured; where spec comes to another one there is another run."
    )
    config_map: str | None = Field(default=None, description="The ConfigMap with the results, in latest.json.")
    started_at: datetime | None = Field(default=None, description="When it began.")
    completed_at: datetime | None = Field(default=None, description="When it ended.")
    figures: list[Figure] = Field(default=[], description="All that was measured.", max_length=200)
    history: list[Run] = Field(default=[], description="Earlier runs, the latest first.", max_length=50)
    conditions: list[Condition] = Field(
        default=[],
        description="Complete: the run has ended. Passed: every figure met its requirement.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
