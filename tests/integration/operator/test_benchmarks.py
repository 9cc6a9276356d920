"""Benchmark runs that are declared: Jobs of the template, their figures in the status and in the metrics."""

from __future__ import annotations

import json
from pathlib import Path

from tests.integration.operator.conftest import Bucket, MakeOperator, conditions
from tests.support.kubernetes_api import KubernetesApi
from tests.support.waiting import until

BENCHMARKS = "roseybenchmarks"
FAILED = {"type": "Failed", "status": "True", "message": "it was killed"}
TEMPLATE = """
apiVersion: batch/v1
kind: Job
metadata: {labels: {app: rosey}}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: benchmark, image: rosey-tools, args: [bench, release]}]
"""
ROWS = [
    {"name": "test_a", "metric": "row, p99", "unit": "ms", "requirement": None, "result": 3.5, "verdict": "reported"},
    {"name": "test_a", "metric": "row, mean", "unit": "ms", "requirement": "< 5", "result": 2.0, "verdict": "PASS"},
    {"name": "test_b", "metric": "lost", "unit": "events", "result": None, "verdict": "PASS"},
]


async def test_a_run_is_begun_ends_and_is_told(
    make_operator: MakeOperator, api: KubernetesApi, bucket: Bucket, tmp_path: Path
) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(TEMPLATE)
    operator = await make_operator(benchmark_job=str(file))
    made = api.put(BENCHMARKS, "nightly", {"spec": {"benchmarks": ["test_a"], "rate": 5, "durationSeconds": 1}})
    await until(lambda: api.all("jobs"))
    [job] = api.all("jobs")
    name = job["metadata"]["name"]
    arguments = job["spec"]["template"]["spec"]["containers"][0]["args"]
    assert " ".join(arguments) == "bench release --only test_a --rate 5 --duration 1"
    assert job["metadata"]["ownerReferences"][0]["uid"] == made["metadata"]["uid"]
    assert job["metadata"]["labels"] == {"app": "rosey", "rosey.chat/benchmark": made["metadata"]["uid"]}
    assert job["spec"]["activeDeadlineSeconds"] == 640

    def verdict() -> str | None:
        found: str | None = api.find(BENCHMARKS, "nightly").get("status", {}).get("verdict")
        return found

    await until(lambda: verdict() == "Running")
    done = {"conditions": [{"type": "Complete", "status": "True"}], "completionTime": "2026-01-01T00:01:00Z"}
    data = {"latest.json": json.dumps(ROWS), "finished": "2026-01-01T00:00:59+00:00"}
    api.put("configmaps", "rosey-benchmark", {"data": data})
    api.put("jobs", name, {"status": {"startTime": "2026-01-01T00:00:00Z", **done}})
    await until(lambda: verdict() == "PASS")
    status = api.find(BENCHMARKS, "nightly")["status"]
    assert (status["p99"], status["configMap"], len(status["figures"])) == ("3.5 ms", name, 3)
    assert conditions(api.find(BENCHMARKS, "nightly"))["Passed"][0] == "True"
    kept = api.find("configmaps", name)
    assert kept["data"] == data
    assert kept["metadata"]["ownerReferences"][0]["uid"] == api.find("jobs", name)["metadata"]["uid"]
    labels = {"benchmark": "test_a", "figure": "row, p99", "unit": "ms"}
    await until(lambda: operator.metric("rosey_operator_benchmark_result", **labels) == 3.5)
    assert operator.metric("rosey_operator_benchmarks", verdict="PASS") == 1
    api.put(BENCHMARKS, "nightly", {"spec": {"run": 2, "historyLimit": 0}})
    await until(lambda: [one["metadata"]["name"] for one in api.all("jobs")] not in ([name], []))
    await until(lambda: verdict() == "Running")


async def test_without_a_template_it_says_so(make_operator: MakeOperator, api: KubernetesApi, bucket: Bucket) -> None:
    await make_operator()
    api.put(BENCHMARKS, "nightly", {})
    await until(lambda: "benchmark.enabled lets it" in str(conditions(api.find(BENCHMARKS, "nightly"))))
    assert api.all("jobs") == []


async def test_without_a_template_what_an_earlier_release_has_left_is_not_its_business(
    make_operator: MakeOperator, api: KubernetesApi, bucket: Bucket
) -> None:
    labels = {"rosey.chat/benchmark": "a-uid"}
    api.put("jobs", "left", {"metadata": {"labels": labels}, "status": {"conditions": [FAILED]}})
    found = await make_operator()
    api.put(BENCHMARKS, "nightly", {})
    await until(lambda: "benchmark.enabled lets it" in str(conditions(api.find(BENCHMARKS, "nightly"))))
    await until(lambda: found.health.ready)
    assert not [path for _, path in api.requests if "/jobs" in path or "/configmaps" in path]


async def test_what_an_earlier_run_has_left_is_not_taken_for_this_ones(
    make_operator: MakeOperator, api: KubernetesApi, bucket: Bucket, tmp_path: Path
) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(TEMPLATE)
    data = {"latest.json": json.dumps(ROWS), "finished": "2025-12-31T23:59:59+00:00"}
    api.put("configmaps", "rosey-benchmark", {"data": data})
    await make_operator(benchmark_job=str(file))
    api.put(BENCHMARKS, "nightly", {})
    await until(lambda: api.all("jobs"))
    name = api.all("jobs")[0]["metadata"]["name"]
    api.put("jobs", name, {"status": {"startTime": "2026-01-01T00:00:00Z", "conditions": [FAILED]}})
    await until(lambda: conditions(api.find(BENCHMARKS, "nightly")).get("Complete", [""])[0] == "True")
    status = api.find(BENCHMARKS, "nightly")["status"]
    assert status["verdict"] == "ERROR"
    assert "configMap" not in status
    assert conditions(api.find(BENCHMARKS, "nightly"))["Passed"][2] == "it was killed"
