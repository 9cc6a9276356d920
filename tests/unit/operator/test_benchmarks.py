"""Benchmark runs: one Job a generation, its figures in the status, a limited history."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from rosey_operator.reconcile import benchmarks as module
from rosey_operator.reconcile.benchmarks import (
    Action,
    Benchmark,
    DeleteRun,
    Job,
    KeepResults,
    StartJob,
    job_name,
    reconcile,
)
from rosey_operator.reconcile.declared import Event, SetStatus
from rosey_operator.resources.rosey_benchmark import BenchmarkSpec, BenchmarkStatus
from tests.unit.operator.world import uid

ROWS = json.loads((Path(__file__).parents[2] / "fixtures" / "benchmarks" / "latest.json").read_text())


class Runs:
    """Resources, Jobs and ConfigMaps, in which actions are carried out as the operator does."""

    def __init__(self) -> None:
        self.benchmarks: dict[str, Benchmark] = {}
        self.jobs: dict[str, Job] = {}
        self.results: dict[str, Any] = {}
        self.events: list[Event] = []
        self.started: list[StartJob] = []
        self.impossible = ""
        self.now = 1_800_000_000.0

    def declare(self, number: int = 1, *, generation: int = 1, namespace: str = "chat", **spec: Any) -> None:
        before = self.benchmarks.get(uid(number))
        self.benchmarks[uid(number)] = Benchmark(
            namespace,
            f"run.{number}",
            uid(number),
            generation,
            f"2026-01-01T00:00:{number:02}Z",
            BenchmarkSpec.model_validate(spec),
            before.status if before else BenchmarkStatus(),
        )

    def pass_once(self) -> list[Action]:
        actions = reconcile(
            self.benchmarks.values(),
            list(self.jobs.values()),
            self.results,
            namespace="chat",
            impossible=self.impossible,
            now=self.now,
        )
        for action in actions:
            match action:
                case StartJob(benchmark, name):
                    assert name not in self.jobs
                    self.jobs[name] = Job(name, benchmark.uid, "running")
                    self.started.append(action)
                case DeleteRun(name):
                    del self.jobs[name]
                    self.results.pop(name, None)
                case SetStatus(benchmark, status, events):
                    self.benchmarks[benchmark.uid] = replace(benchmark, status=status)
                    self.events += events
        return actions

    def end(self, state: Literal["complete", "failed"] = "complete", rows: Any = None) -> None:
        for name, job in self.jobs.items():
            if job.state == "running":
                self.jobs[name] = replace(job, state=state, completed=datetime.fromtimestamp(self.now, UTC))
                if rows is not None:
                    self.results[name] = rows

    def run(self, state: Literal["complete", "failed"] = "complete", rows: Any = None) -> BenchmarkStatus:
        self.pass_once()
        self.end(state, rows)
        self.pass_once()
        assert self.pass_once() == []
        return self.status()

    def status(self, number: int = 1) -> BenchmarkStatus:
        return self.benchmarks[uid(number)].status


@pytest.fixture
def runs() -> Runs:
    return Runs()


def test_a_run_is_a_job_whose_figures_come_into_the_status(runs: Runs) -> None:
    runs.declare(benchmarks=["test_single_event_latency"], rate=50, durationSeconds=3)
    runs.pass_once()
    [start] = runs.started
    assert start.job == "run-1-00000000-1"
    assert " ".join(start.arguments) == "--only test_single_event_latency --rate 50 --duration 3"
    assert runs.status().verdict == "Running"
    runs.end("failed" if any(row["verdict"] == "FAIL" for row in ROWS) else "complete", ROWS)
    assert any(isinstance(action, KeepResults) for action in runs.pass_once())
    status = runs.status()
    assert (status.verdict, status.p99, status.config_map) == ("PASS", "3.6795 ms", start.job)
    assert len(status.figures) == len(ROWS)
    first = status.figures[0]
    assert (first.requirement, first.result, first.interval) == ("< 5", "2.0292", "1.8736 to 2.179")
    assert {one.type: one.status for one in status.conditions} == {"Complete": "True", "Passed": "True"}
    assert [event.reason for event in runs.events] == ["Running", "Pass"]
    assert runs.pass_once() == []


@pytest.mark.parametrize(
    ("state", "verdicts", "verdict", "passed"),
    [
        ("complete", ["PASS", "reported"], "PASS", "True"),
        ("complete", ["PASS", "WARN"], "WARN", "True"),
        ("failed", ["PASS", "FAIL"], "FAIL", "False"),
        ("failed", ["PASS"], "ERROR", "False"),
        ("failed", None, "ERROR", "False"),
        ("complete", None, "ERROR", "False"),
        ("complete", [], "ERROR", "False"),
    ],
)
def test_the_verdict_is_the_worst_and_error_without_a_result(
    runs: Runs, state: Any, verdicts: list[str] | None, verdict: str, passed: str
) -> None:
    runs.declare()
    rows = (
        None if verdicts is None else [{"name": "a", "metric": f"m{i}", "verdict": v} for i, v in enumerate(verdicts)]
    )
    status = runs.run(state, rows)
    assert status.verdict == verdict
    assert {one.type: one.status for one in status.conditions}["Passed"] == passed
    assert [event.type for event in runs.events][-1] == ("Warning" if passed == "False" else "Normal")


def test_a_change_is_another_run_and_the_history_is_limited(runs: Runs) -> None:
    for generation in range(1, 6):
        runs.declare(generation=generation, historyLimit=2, run=generation)
        runs.run(rows=[{"name": "a", "metric": "p99", "unit": "ms", "result": float(generation), "verdict": "PASS"}])
    status = runs.status()
    assert status.p99 == "5 ms"
    assert [(run.generation, run.p99) for run in status.history] == [(4, "4 ms"), (3, "3 ms")]
    assert sorted(runs.jobs) == sorted([status.job or "", *(run.job for run in status.history)])
    assert sorted(runs.results) == sorted(runs.jobs)


def test_a_change_while_it_runs_ends_that_run_and_begins_another(runs: Runs) -> None:
    runs.declare()
    runs.pass_once()
    runs.declare(generation=2, rate=7)
    runs.pass_once()
    assert runs.status().verdict == "Waiting"
    assert runs.jobs == {}
    runs.pass_once()
    assert runs.status().verdict == "Running"
    assert runs.status().history == []


def test_another_limit_of_the_history_is_no_run(runs: Runs) -> None:
    for number in range(3):
        runs.declare(generation=number + 1, run=number)
        runs.run(rows=[{"name": "a", "verdict": "PASS"}])
    before, started = runs.status(), len(runs.started)
    assert len(before.history) == 2
    runs.declare(generation=4, run=2, historyLimit=1)
    runs.pass_once()
    after = runs.status()
    assert (len(runs.started), after.job, after.verdict) == (started, before.job, "PASS")
    assert {after.observed_generation, *(one.observed_generation for one in after.conditions)} == {4}
    assert len(after.history) == 1
    assert len(runs.jobs) == 2
    assert runs.pass_once() == []
    # What was measured once, and something else since, is measured anew.
    runs.declare(generation=5, run=1, historyLimit=1)
    runs.pass_once()
    assert len(runs.started) == started + 1


def test_another_limit_while_it_runs_lets_it_run(runs: Runs) -> None:
    runs.declare()
    runs.pass_once()
    job = runs.status().job
    runs.declare(generation=2, historyLimit=1)
    runs.pass_once()
    assert list(runs.jobs) == [job]
    assert (runs.status().verdict, runs.status().observed_generation) == ("Running", 2)


def test_two_do_not_measure_each_other(runs: Runs) -> None:
    runs.declare(2)
    runs.declare(1)
    runs.pass_once()
    assert (runs.status(1).verdict, runs.status(2).verdict) == ("Running", "Waiting")
    runs.end(rows=[{"name": "a", "verdict": "PASS"}])
    runs.pass_once()
    assert (runs.status(1).verdict, runs.status(2).verdict) == ("PASS", "Running")


def test_what_is_done_is_not_run_again_when_its_job_is_gone(runs: Runs) -> None:
    runs.declare()
    runs.run(rows=[{"name": "a", "verdict": "PASS"}])
    runs.jobs.clear()
    assert runs.pass_once() == []


def test_what_was_running_when_its_job_was_deleted_runs_again(runs: Runs) -> None:
    runs.declare()
    runs.pass_once()
    runs.jobs.clear()
    runs.pass_once()
    assert len(runs.started) == 2


def test_a_resource_that_is_gone_takes_its_runs_along(runs: Runs) -> None:
    runs.declare()
    runs.run(rows=[{"name": "a", "verdict": "PASS"}])
    runs.benchmarks.clear()
    runs.pass_once()
    assert (runs.jobs, runs.results) == ({}, {})


def test_where_none_can_run_it_is_said(runs: Runs) -> None:
    runs.declare(namespace="elsewhere")
    runs.pass_once()
    assert runs.jobs == {}
    assert runs.status().verdict == "ERROR"
    assert "run in the release's namespace, chat" in runs.status().conditions[0].message
    runs.impossible = "there is no template"
    runs.declare(2)
    runs.pass_once()
    assert runs.status(2).conditions[0].message == "there is no template"


def test_what_was_measured_stays_where_none_can_run_any_more_and_what_ran_is_said(runs: Runs) -> None:
    runs.declare()
    runs.run(rows=[{"name": "a", "verdict": "PASS"}])
    before = runs.status()
    assert before.verdict == "PASS"
    runs.declare(2)
    runs.pass_once()
    assert runs.status(2).verdict == "Running"
    runs.impossible, runs.jobs = "there is no template", {}
    runs.pass_once()
    assert runs.status() == before
    assert runs.status(2).conditions[0].message == "there is no template"


def test_a_name_is_one_that_a_job_may_have(runs: Runs) -> None:
    runs.declare(generation=123456)
    [benchmark] = runs.benchmarks.values()
    long = replace(benchmark, name=("x." * 126)[:-1])
    assert len(job_name(long)) <= 63
    assert "." not in job_name(long)
    assert job_name(long) != job_name(replace(long, uid=f"1{uid(7)[1:]}"))


def _any_time(benchmark: Benchmark) -> bool:
    return False


def _one_name(benchmark: Benchmark) -> str:
    return "run"


@pytest.mark.parametrize(
    ("name", "variant", "test"),
    [
        ("_is_done", _any_time, test_what_is_done_is_not_run_again_when_its_job_is_gone),
        ("job_name", _one_name, test_a_change_is_another_run_and_the_history_is_limited),
        ("_measured", lambda benchmark: None, test_another_limit_of_the_history_is_no_run),
        ("_measured", lambda benchmark: "all the same", test_a_change_is_another_run_and_the_history_is_limited),
        ("_trimmed", lambda status, benchmark: status.history, test_a_change_is_another_run_and_the_history_is_limited),
    ],
)
def test_broken_variant_is_found(
    runs: Runs,
    name: str,
    variant: Callable[..., Any],
    test: Callable[[Runs], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, name, variant)
    with pytest.raises(AssertionError):
        test(runs)
