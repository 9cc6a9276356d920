"""From ``RoseyBenchmark`` resources to Jobs, and from what these measured to the status of each resource.

A run belongs to what is measured: a spec that changes in that is another run, one that stays is never run again,
whatever becomes of its Job. One runs at a time, since two would measure each other.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from rosey_operator.reconcile.declared import Declared, Event, SetStatus
from rosey_operator.resources.conditions import ConditionStatus, condition, continued
from rosey_operator.resources.rosey_benchmark import (
    COMPLETE,
    PASSED,
    BenchmarkSpec,
    BenchmarkStatus,
    Figure,
    Run,
    Verdict,
)

RUNNING: Final = "Running"
WAITING: Final = "Waiting"
_GRACE: Final = 600
"""Seconds that a run may take beyond the load itself."""
_LOADS: Final = 40
"""How many times its duration a run of all benchmarks may take."""
_HOUR: Final = "test_memory_stability_1hour"
_MOST_FIGURES: Final = 200

Benchmark = Declared[BenchmarkSpec, BenchmarkStatus]
"""A ``RoseyBenchmark`` as it stands."""


@dataclass(frozen=True, slots=True)
class Job:
    """A Job of a run.

    Attributes:
        name: its name, which is that of the ConfigMap in which its results are kept, too.
        owner: the uid of the resource that it is for.
        state: how it stands.
        started: when it began.
        completed: when it ended.
        message: what Kubernetes says of its failure.
    """

    name: str
    owner: str
    state: Literal["running", "complete", "failed"]
    started: datetime | None = None
    completed: datetime | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class StartJob:
    """Begin a run."""

    benchmark: Benchmark
    job: str
    arguments: tuple[str, ...]
    deadline: int


@dataclass(frozen=True, slots=True)
class DeleteRun:
    """Delete a Job, and with it its results."""

    job: str


@dataclass(frozen=True, slots=True)
class KeepResults:
    """Keep the results of a run in a ConfigMap of its own, which goes with its Job."""

    job: str


Action = StartJob | DeleteRun | KeepResults | SetStatus[BenchmarkSpec, BenchmarkStatus]
Rows = Sequence[Mapping[str, Any]]


def reconcile(
    benchmarks: Collection[Benchmark],
    jobs: Collection[Job],
    results: Mapping[str, Rows | None],
    *,
    namespace: str,
    impossible: str,
    refused: Mapping[str, str] | None = None,
    now: float,
) -> list[Action]:
    """What is to be done, in order.

    Args:
        benchmarks: what people have declared.
        jobs: those of runs; none where there can be no runs.
        results: the rows that each ended Job has written, by its name; ``None`` where there are none.
        namespace: where the release is, and so where runs are.
        impossible: why there can be no runs; empty where there can.
        refused: by its name, why a Job could not be made when it was tried last.
        now: Unix seconds.
    """
    actions: list[Action] = []
    by_name = {job.name: job for job in jobs}
    kept: set[str] = set()
    running = next((job.name for job in jobs if job.state == "running"), None)
    for benchmark in sorted(benchmarks, key=lambda one: (one.created, one.uid)):
        name = _run(benchmark)
        job = by_name.get(name)
        problem = impossible
        if benchmark.namespace != namespace:
            problem = f"benchmarks run in the release's namespace, {namespace}: declare it there"
        elif isinstance(benchmark.spec, str):
            problem = benchmark.spec
        if job is None and _is_done(benchmark):
            status = _as_it_was(benchmark)
        elif problem and job is None:
            status = _refused(benchmark, problem, now)
        elif job is None and running is not None:
            status = _waiting(benchmark, running, now)
        elif job is None:
            actions.append(StartJob(benchmark, name, _arguments(benchmark), _deadline(benchmark)))
            running = name
            why = (refused or {}).get(name)
            status = _running(benchmark, name, None, now) if why is None else _held_up(benchmark, why, now)
        elif job.state == "running":
            status = _running(benchmark, name, job.started, now)
        elif _is_done(benchmark):
            status = _as_it_was(benchmark)
        else:
            rows = results.get(name)
            if rows is not None:
                actions.append(KeepResults(name))
            status = _ended(benchmark, job, rows, now)
        history = _trimmed(status, benchmark)
        status = status.model_copy(update={"history": history})
        kept |= {name, *(run.job for run in history)}
        if status.as_json() != benchmark.status.as_json():
            actions.append(SetStatus(benchmark, status, _events(benchmark, status)))
    actions += [DeleteRun(job.name) for job in jobs if job.name not in kept]
    return actions


def job_name(benchmark: Benchmark) -> str:
    """The name of the run's Job: the same for the same generation, so that no run is begun twice."""
    plain = re.sub(r"[^a-z0-9-]", "-", benchmark.name)[:36].strip("-")
    return f"{plain}-{benchmark.uid[:8]}-{benchmark.generation}"


def _run(benchmark: Benchmark) -> str:
    """The Job of what is wanted now: that of the latest run where the same was measured."""
    latest, name = benchmark.status.job, job_name(benchmark)
    is_own = latest is not None and latest.rpartition("-")[0] == name.rpartition("-")[0]
    is_same = benchmark.status.measured is not None and benchmark.status.measured == _measured(benchmark)
    return latest if latest is not None and is_own and is_same else name


def _measured(benchmark: Benchmark) -> str | None:
    if isinstance(benchmark.spec, str):
        return None
    # Without defaults: a field that a newer release adds is no reason to run again.
    wanted = benchmark.spec.model_dump_json(exclude={"history_limit"}, exclude_defaults=True)
    return hashlib.sha256(wanted.encode()).hexdigest()[:16]


def _is_done(benchmark: Benchmark) -> bool:
    status = benchmark.status
    return status.job == _run(benchmark) and status.completed_at is not None


def _as_it_was(benchmark: Benchmark) -> BenchmarkStatus:
    status, now = benchmark.status, {"observed_generation": benchmark.generation}
    return status.model_copy(update={**now, "conditions": [one.model_copy(update=now) for one in status.conditions]})


def _arguments(benchmark: Benchmark) -> tuple[str, ...]:
    spec = _spec(benchmark)
    only = [part for one in spec.benchmarks for part in ("--only", one)]
    return (*only, "--rate", str(spec.rate), "--duration", str(spec.duration_seconds))


def _deadline(benchmark: Benchmark) -> int:
    spec = _spec(benchmark)
    hour = 3600 if _HOUR in spec.benchmarks else 0
    return _GRACE + hour + _LOADS * spec.duration_seconds


def _spec(benchmark: Benchmark) -> BenchmarkSpec:
    if isinstance(benchmark.spec, str):
        raise TypeError(benchmark.spec)
    return benchmark.spec


def _with(
    status: BenchmarkStatus,
    benchmark: Benchmark,
    now: float,
    complete: tuple[ConditionStatus, str, str],
    passed: tuple[ConditionStatus, str, str],
) -> BenchmarkStatus:
    made = [
        condition(type, *words, generation=benchmark.generation, now=now)
        for type, words in ((COMPLETE, complete), (PASSED, passed))
    ]
    conditions = continued(made, benchmark.status.conditions)
    return status.model_copy(update={"observed_generation": benchmark.generation, "conditions": conditions})


def _refused(benchmark: Benchmark, problem: str, now: float) -> BenchmarkStatus:
    status = BenchmarkStatus(verdict="ERROR", history=_history(benchmark))
    return _with(status, benchmark, now, ("False", "Impossible", problem), ("False", "Impossible", problem))


def _waiting(benchmark: Benchmark, other: str, now: float) -> BenchmarkStatus:
    status = BenchmarkStatus(verdict=WAITING, history=_history(benchmark))
    text = f"waits for the end of {other}: two at once would measure each other"
    return _with(status, benchmark, now, ("False", WAITING, text), ("Unknown", WAITING, text))


def _held_up(benchmark: Benchmark, why: str, now: float) -> BenchmarkStatus:
    status = BenchmarkStatus(verdict=WAITING, history=_history(benchmark))
    text = f"the Job cannot be made, which is tried again: {why}"
    return _with(status, benchmark, now, ("False", "Refused", text), ("Unknown", "Refused", text))


def _running(benchmark: Benchmark, name: str, started: datetime | None, now: float) -> BenchmarkStatus:
    began = started or benchmark.status.started_at if benchmark.status.job == name else started
    status = BenchmarkStatus(
        verdict=RUNNING,
        job=name,
        measured=_measured(benchmark),
        started_at=began or datetime.fromtimestamp(int(now), UTC),
        history=_history(benchmark),
    )
    text = f"the Job {name} is at work"
    return _with(status, benchmark, now, ("False", RUNNING, text), ("Unknown", RUNNING, text))


def _ended(benchmark: Benchmark, job: Job, rows: Rows | None, now: float) -> BenchmarkStatus:
    figures = [_figure(row) for row in rows or []][:_MOST_FIGURES]
    verdict = _verdict(figures, job)
    status = BenchmarkStatus(
        verdict=verdict,
        p99=p99(figures),
        job=job.name,
        measured=_measured(benchmark),
        config_map=None if rows is None else job.name,
        started_at=job.started or benchmark.status.started_at,
        completed_at=job.completed or datetime.fromtimestamp(int(now), UTC),
        figures=figures,
        history=_history(benchmark),
    )
    if verdict == "ERROR":
        text = job.message or "the Job ended without results: its log says why"
        return _with(status, benchmark, now, ("True", "Error", text), ("False", "Error", text))
    missed = [f"{one.name}: {one.metric}" for one in figures if one.verdict in ("FAIL", "WARN")]
    text = f"missed: {'; '.join(missed)}" if missed else f"all of {len(figures)} figures are as they should be"
    passed: ConditionStatus = "False" if verdict == "FAIL" else "True"
    ended = ("True", "Ended", f"the Job {job.name} has ended")
    return _with(status, benchmark, now, ended, (passed, verdict.capitalize(), text))  # type: ignore[arg-type]


def _verdict(figures: Iterable[Figure], job: Job) -> Verdict:
    found = {figure.verdict for figure in figures}
    if "FAIL" in found:
        return "FAIL"
    if not found or job.state == "failed":
        return "ERROR"
    return "WARN" if "WARN" in found else "PASS"


def _figure(row: Mapping[str, Any]) -> Figure:
    interval = row.get("interval")
    return Figure(
        name=_text(row.get("name")),
        metric=_text(row.get("metric")),
        unit=_text(row.get("unit")),
        requirement=_text(row.get("requirement")),
        goal=_text(row.get("goal")),
        result=_text(row.get("result")),
        interval=" to ".join(map(_text, interval)) if isinstance(interval, list) else _text(interval),
        verdict=_text(row.get("verdict")),
    )


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value)[:200]


def p99(figures: Iterable[Figure]) -> str | None:
    """The 99th percentile of the first latency that was measured, with its unit."""
    return next((f"{one.result} {one.unit}" for one in figures if one.metric.endswith("p99") and one.result), None)


def _history(benchmark: Benchmark) -> list[Run]:
    """The earlier runs: those told of, and the one that was the latest until now."""
    before = benchmark.status
    name = _run(benchmark)
    runs = [run for run in before.history if run.job != name]
    if before.job is None or before.job == name or before.completed_at is None:
        return runs
    verdict: Any = before.verdict
    latest = Run(
        generation=before.observed_generation,
        verdict=verdict,
        p99=before.p99,
        job=before.job,
        config_map=before.config_map,
        completed_at=before.completed_at,
    )
    return [latest, *(run for run in runs if run.job != before.job)]


def _trimmed(status: BenchmarkStatus, benchmark: Benchmark) -> list[Run]:
    limit = 0 if isinstance(benchmark.spec, str) else benchmark.spec.history_limit
    return status.history[:limit]


def _events(benchmark: Benchmark, status: BenchmarkStatus) -> tuple[Event, ...]:
    if status.verdict == benchmark.status.verdict and status.job == benchmark.status.job:
        return ()
    [complete, passed] = status.conditions
    is_bad = status.verdict in ("FAIL", "ERROR")
    told = passed if complete.status == "True" else complete
    return (Event("Warning" if is_bad else "Normal", told.reason, told.message),)
