"""The Job of the benchmarks, in a short form: what it finds agrees with Prometheus and traces; and it can fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.cluster.cluster import ROOT, CommandFailed, Namespace, Release, until

SHORT: Final = ["test_single_event_latency", "test_concurrent_event_latency", "test_cpu_overhead_comparison"]
LATENCIES: Final = SHORT[:2]
SENT: Final = "events lost or doubled"
AGREE: Final = "figures that do not agree"

ARTIFACT: Final = ROOT / "build" / "benchmarks" / "cluster"
"""Where what was found is left for whoever runs the tests."""

PROMETHEUS: Final = {
    "global": {"scrape_interval": "1s"},
    "scrape_configs": [
        {"job_name": name, "static_configs": [{"targets": [f"rosey-{name}:9100"]}]} for name in ("bot", "database")
    ],
}
LABELS: Final = {"app": "prometheus"}
PEER: Final = {"podSelector": {"matchLabels": LABELS}}
VALUES: Final[dict[str, Any]] = {
    "benchmark": {
        "enabled": True,
        "only": SHORT,
        "duration": 2,
        # What is slow on a machine that does other things is no failure here.
        "lossOnly": True,
        "lingerSeconds": 0,
        "prometheus": {"url": "http://prometheus:9090", "selector": 'job=~"bot|database"'},
        "resources": {"requests": {"cpu": "100m"}},
    },
    "networkPolicy": {
        "metricsFrom": [PEER],
        "prometheus": [{"to": [PEER], "ports": [{"port": 9090, "protocol": "TCP"}]}],
    },
    "database": {
        "extraEnv": [{"name": "PYTHONPATH", "value": "/fault"}, {"name": "FAULT", "value": "none"}],
        "extraVolumes": [{"name": "fault", "configMap": {"name": "fault"}}],
        "extraVolumeMounts": [{"name": "fault", "mountPath": "/fault", "readOnly": True}],
    },
}

FAULTY: Final = """
# Python imports this module in each process, before anything else.
import os

from rosey_core.telemetry import metrics
from rosey_database import effects, observation

def lost(connection, ids, batch, apply=effects.apply):
    return apply(connection, ids, [each for each in batch if " 150 " not in getattr(each.event, "message", "")])

def counted(self, stored, count=observation.IngestObserver.stored):
    count(self, stored)
    if stored.position.sequence % 100 == 0:
        self._metrics.events_stored["rosey.db.message.log"].inc()

def told(self, amounts, observe=metrics.BatchHistogram.observe_all):
    observe(self, [amount / 2 for amount in amounts])

fault = os.environ.get("FAULT")
if fault == "lost":
    effects.apply = lost
elif fault == "counted":
    observation.IngestObserver.stored = counted
elif fault == "told":
    metrics.BatchHistogram.observe_all = told
"""


def prepare(namespace: Namespace) -> None:
    """Put a Prometheus beside the release, and the module by which its database service can be made to err."""
    restricted = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {
        "name": "prometheus",
        "image": "prom/prometheus:v2.53.3",
        "args": ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/data"],
        "securityContext": restricted,
        "volumeMounts": [
            {"name": "config", "mountPath": "/etc/prometheus"},
            {"name": "data", "mountPath": "/data"},
        ],
    }
    volumes = [{"name": "config", "configMap": {"name": "prometheus"}}, {"name": "data", "emptyDir": {}}]
    meta = {"name": "prometheus", "labels": LABELS}
    namespace.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"prometheus.yml": json.dumps(PROMETHEUS)}},
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": meta,
            "spec": {"containers": [container], "volumes": volumes, "terminationGracePeriodSeconds": 0},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {"selector": LABELS, "ports": [{"port": 9090}]},
        },
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "fault"}, "data": {"sitecustomize.py": FAULTY}},
    )


@pytest.fixture(scope="module")
def release(make_release: Callable[..., Release]) -> Release:
    """A release that nobody uses, with benchmarks and a Prometheus beside it."""
    return make_release("benchmark", VALUES, prepare)


def run(release: Release, name: str) -> tuple[str, dict[str, dict[str, dict[str, Any]]]]:
    """Run the Job to its end: how it ended, and the rows by benchmark and metric that its ConfigMap holds."""
    namespace = release.namespace
    namespace.kubectl("create", "job", name, "--from=cronjob/rosey-benchmark")

    def ended() -> str | None:
        conditions = namespace.get("job", name)["status"].get("conditions", [])
        found = [each["type"] for each in conditions if each["type"] in ("Complete", "Failed")]
        return found[0] if found else None

    how = until(ended, timeout=200, what=f"job {name} ends")
    print(namespace.kubectl("logs", f"job/{name}").decode())
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in json.loads(namespace.get("configmap", "rosey-benchmark")["data"]["latest.json"]):
        found.setdefault(row["name"], {})[row["metric"]] = row
    return how, found


def faulty(release: Release, fault: str) -> None:
    environment = [{"name": "PYTHONPATH", "value": "/fault"}, {"name": "FAULT", "value": fault}]
    release.upgrade({"database": {"extraEnv": environment}})


def test_what_the_job_finds_agrees_with_prometheus_and_traces(release: Release) -> None:
    how, rows = run(release, "first")
    assert how == "Complete"
    assert list(rows) == SHORT
    for benchmark in LATENCIES:
        assert {rows[benchmark][metric]["result"] for metric in (SENT, AGREE)} == {0}
        assert rows[benchmark]["traces: events without one"]["result"] == 0
    assert rows[SHORT[2]]["CPU of an event in a burst, database service"]["result"] > 0
    data = release.namespace.get("configmap", "rosey-benchmark")["data"]
    ARTIFACT.mkdir(parents=True, exist_ok=True)
    for name in ("latest.json", "latest.csv", "summary"):
        (ARTIFACT / name).write_text(data[name], encoding="utf-8")
    assert "0 lost, 0 doubled" in data["summary"]
    assert data["latest.csv"].startswith("name,metric,unit")


def test_the_results_stay_when_the_release_is_upgraded(release: Release) -> None:
    before = release.namespace.get("configmap", "rosey-benchmark")["data"]["finished"]
    release.upgrade({"benchmark": {"only": LATENCIES[:1]}})
    assert release.namespace.get("configmap", "rosey-benchmark")["data"]["finished"] == before


@pytest.mark.parametrize(
    ("fault", "red", "green"), [("lost", SENT, None), ("counted", AGREE, SENT), ("told", AGREE, SENT)]
)
def test_a_lost_event_a_wrong_count_and_a_wrong_time_turn_it_red(
    release: Release, fault: str, red: str, green: str | None
) -> None:
    faulty(release, fault)
    how, rows = run(release, fault)
    assert how == "Failed"
    assert rows[LATENCIES[0]][red]["result"] > 0
    if green is not None:
        assert rows[LATENCIES[0]][green]["result"] == 0


def test_its_user_of_nats_may_use_no_other_channel_and_its_account_no_other_configmap(release: Release) -> None:
    account = f"system:serviceaccount:{release.namespace.name}:rosey-benchmark"
    for verb, what, allowed in (
        ("patch", "configmap/rosey-benchmark", True),
        ("patch", "configmap/rosey-database", False),
        ("get", "configmap/rosey-benchmark", False),
        ("get", "secrets", False),
    ):
        try:
            said = release.namespace.kubectl("auth", "can-i", verb, what, f"--as={account}").decode().strip()
        except CommandFailed:
            said = "no"
        assert (said == "yes") == allowed, (verb, what)
    job = json.loads(
        release.namespace.kubectl(
            *("create", "job", "elsewhere", "--from=cronjob/rosey-benchmark", "--dry-run=client", "--output=json")
        )
    )
    container = job["spec"]["template"]["spec"]["containers"][0]
    container["args"] = [each.replace("--channel=benchmark", "--channel=lobby") for each in container["args"]]
    release.namespace.apply(job)
    until(lambda: release.namespace.get("job", "elsewhere")["status"].get("failed"), what="the job fails", timeout=90)
    assert "the release does not answer" in release.namespace.kubectl("logs", "job/elsewhere").decode()
