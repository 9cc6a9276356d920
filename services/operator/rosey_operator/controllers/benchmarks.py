"""Looks after ``RoseyBenchmark`` resources: their Jobs, made of the chart's template, and what these measured."""

from __future__ import annotations

import copy
import json
import logging
from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import yaml

from rosey_operator.controllers.controller import Controller
from rosey_operator.kubernetes.api import ApiError, Conflict, NotFound, Object
from rosey_operator.kubernetes.resources import declared
from rosey_operator.reconcile.benchmarks import (
    Action,
    Benchmark,
    DeleteRun,
    Job,
    KeepResults,
    Rows,
    StartJob,
    reconcile,
)
from rosey_operator.reconcile.declared import SetStatus
from rosey_operator.resources.model import API_VERSION
from rosey_operator.resources.rosey_benchmark import KIND, PLURAL, BenchmarkSpec, BenchmarkStatus

log = logging.getLogger(__name__)

LABEL: Final = "rosey.chat/benchmark"
"""The label of a run's Job: the uid of the resource that it is for."""
RESULTS: Final = "latest.json"
FINISHED: Final = "finished"
NO_TEMPLATE: Final = "this operator makes no Jobs: the chart's value benchmark.enabled lets it"
_VERDICTS: Final = ("PASS", "WARN", "FAIL", "ERROR", "Running", "Waiting")


class BenchmarkController(Controller):
    """Looks after the benchmarks; the arguments are those of ``Controller``."""

    kind = KIND
    plural = PLURAL

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        namespace = self.config.namespace
        self._jobs: Final = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        self._config_maps: Final = f"/api/v1/namespaces/{namespace}/configmaps"
        self._data: dict[str, dict[str, str]] = {}
        self._refused: dict[str, str] = {}

    async def look_and_act(self) -> None:
        """Do what is to be done."""
        benchmarks = [_benchmark(found) for found in await self.resources()]
        impossible = "" if self.config.benchmark_job is not None else NO_TEMPLATE
        # Where it makes none it may not read those that an earlier release has left.
        found = [] if impossible else await self.kubernetes.list(self._jobs, labelSelector=LABEL)
        jobs = [_job(one) for one in found]
        results = await self._read_results(jobs)
        actions = reconcile(
            benchmarks,
            jobs,
            results,
            namespace=self.config.namespace,
            impossible=impossible,
            refused=self._refused,
            now=self.clock(),
        )
        await self.act(actions, self._do, lambda _: False)
        if any(isinstance(action, DeleteRun | StartJob) for action in actions) and not self._refused:
            self.wake()
        self._tell(benchmarks)

    async def _read_results(self, jobs: Collection[Job]) -> dict[str, Rows | None]:
        ended = {job.name: job for job in jobs if job.state != "running"}
        self._data = {name: data for name, data in self._data.items() if name in ended}
        for name, job in ended.items():
            if name not in self._data:
                data = await self._config_map(name)
                if data is None:
                    latest = await self._config_map(self.config.benchmark_results)
                    data = latest if latest is not None and _is_of(latest, job) else None
                if data is not None:
                    self._data[name] = data
        return {name: _rows(self._data[name]) if name in self._data else None for name in ended}

    async def _config_map(self, name: str) -> dict[str, str] | None:
        try:
            return (await self.kubernetes.get(f"{self._config_maps}/{name}")).get("data") or {}
        except NotFound:
            return None

    async def _do(self, action: Action) -> None:
        match action:
            case StartJob(benchmark, name, arguments, deadline):
                await self._start(benchmark, name, arguments, deadline)
                log.info("%s: runs as the Job %s", benchmark.name, name)
            case DeleteRun(name):
                await self.kubernetes.delete(f"{self._jobs}/{name}", propagationPolicy="Background")
            case KeepResults(name):
                await self._keep(name)
            case SetStatus():
                await self.tell(action)

    async def _start(self, benchmark: Benchmark, name: str, arguments: tuple[str, ...], deadline: int) -> None:
        body = job(_template(self.config.benchmark_job), benchmark, name, arguments, deadline)
        self._refused.clear()
        try:
            await self.kubernetes.create(self._jobs, body)
        except Conflict:
            # The operator before this one has begun it.
            pass
        except ApiError as error:
            self._refused[name] = str(error)
            raise

    async def _keep(self, name: str) -> None:
        # With its Job as the owner: the garbage collector deletes what a history without end would leave.
        found = await self.kubernetes.get(f"{self._jobs}/{name}")
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": found["metadata"]["uid"]}
        labels = {LABEL: found["metadata"]["labels"][LABEL]}
        metadata = {"name": name, "labels": labels, "ownerReferences": [owner]}
        try:
            await self.kubernetes.create(self._config_maps, {"metadata": metadata, "data": self._data[name]})
        except Conflict:
            # It has been kept before.
            pass

    def _tell(self, benchmarks: Collection[Benchmark]) -> None:
        verdicts = Counter(benchmark.status.verdict for benchmark in benchmarks)
        for verdict in _VERDICTS:
            self.metrics.benchmarks[verdict].set(verdicts[verdict])
        figures = {}
        ended = [one for one in benchmarks if one.status.completed_at is not None]
        for benchmark in sorted(ended, key=lambda one: one.status.completed_at or datetime.min):
            for figure in benchmark.status.figures:
                try:
                    figures[figure.name, figure.metric, figure.unit] = float(figure.result)
                except ValueError:
                    continue
        self.metrics.benchmark_results.keep(figures)
        for labels, value in figures.items():
            self.metrics.benchmark_results[labels].set(value)


def _rows(data: Mapping[str, str]) -> Rows | None:
    try:
        rows = json.loads(data.get(RESULTS, ""))
    except ValueError:
        return None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else None


def _is_of(data: Mapping[str, str], job: Job) -> bool:
    """Whether what the last run has written is this one's: each writes at its end into the same place."""
    finished = _time(data.get(FINISHED))
    return job.started is not None and finished is not None and finished >= job.started


def job(template: Object, benchmark: Benchmark, name: str, arguments: tuple[str, ...], deadline: int) -> Object:
    """A run's Job: the template with its name, its owner, and its arguments after those of the first container."""
    made = copy.deepcopy(template)
    metadata = made.setdefault("metadata", {})
    metadata["name"] = name
    metadata["labels"] = {**(metadata.get("labels") or {}), LABEL: benchmark.uid}
    metadata["ownerReferences"] = [_owner(benchmark)]
    spec = made["spec"]
    spec["backoffLimit"] = 0
    spec["activeDeadlineSeconds"] = deadline
    container = spec["template"]["spec"]["containers"][0]
    container["args"] = [*(container.get("args") or []), *arguments]
    return made


def _owner(benchmark: Benchmark) -> Object:
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": benchmark.name,
        "uid": benchmark.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def _template(path: Path | None) -> Object:
    found = yaml.safe_load(path.read_text()) if path is not None else None
    return found if isinstance(found, dict) else {}


def _benchmark(found: Object) -> Benchmark:
    return declared(found, BenchmarkSpec, BenchmarkStatus)


def _job(found: Object) -> Job:
    metadata, status = found["metadata"], found.get("status") or {}
    ends = {one["type"]: one for one in status.get("conditions") or [] if one["status"] == "True"}
    failed = ends.get("Failed")
    completed = status.get("completionTime") or (failed or {}).get("lastTransitionTime")
    return Job(
        name=metadata["name"],
        owner=metadata.get("labels", {}).get(LABEL, ""),
        state="failed" if failed is not None else "complete" if "Complete" in ends else "running",
        started=_time(status.get("startTime")),
        completed=_time(completed),
        message=(failed or {}).get("message", ""),
    )


def _time(text: str | None) -> datetime | None:
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError:
        return None
