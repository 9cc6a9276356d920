"""The operator in the chart: off by default, with the least rights, and with a Job that its configuration can find."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from rosey_core.config import load
from rosey_operator.controllers.benchmarks import job
from rosey_operator.reconcile.benchmarks import Benchmark
from rosey_operator.resources.rosey_benchmark import BenchmarkSpec, BenchmarkStatus
from tests.chart.rendering import CHART, Manifest, one, pods, render
from tools import crds

RUNS: dict[str, Any] = {"operator": {"enabled": True}, "benchmark": {"enabled": True}}
ENABLED: dict[str, Any] = {"operator": {"enabled": True}}
WIDE: dict[str, Any] = {"operator": {"enabled": True, "clusterWide": True}}
READ = {"get", "list", "watch"}


def rules(manifests: list[Manifest], kind: str, name: str) -> dict[tuple[str, str], set[str]]:
    """The verbs of a role, by resource and by the name to which they are bound."""
    return {
        (resource, *(rule.get("resourceNames") or ("",))): set(rule["verbs"])
        for rule in one(manifests, kind, name)["rules"]
        for resource in rule["resources"]
    }


def test_nothing_of_it_is_there_unless_it_is_wanted() -> None:
    manifests = render({}, "--include-crds")
    assert not [item for item in manifests if "operator" in item["metadata"]["name"]]
    assert not [item for item in manifests if item["kind"] in ("CustomResourceDefinition", "Role")]


def test_the_definitions_come_with_it_as_the_types_make_them() -> None:
    found = [item for item in render(ENABLED, "--include-crds") if item["kind"] == "CustomResourceDefinition"]
    made = [yaml.safe_load(text) for text in crds.documents().values()]
    assert sorted(found, key=str) == sorted(made, key=str)


def test_its_rights_are_the_least_and_end_at_its_namespace() -> None:
    manifests = render(ENABLED)
    assert not [item for item in manifests if item["kind"].startswith("Cluster")]
    channels = {
        ("cytubechannels", ""): READ,
        ("roseybenchmarks", ""): READ,
        ("cytubechannels/status", ""): {"patch"},
        ("roseybenchmarks/status", ""): {"patch"},
        ("secrets", ""): {"get"},
        ("events", ""): {"create"},
    }
    assert rules(manifests, "Role", "demo-rosey-operator") == channels
    release = rules(manifests, "Role", "demo-rosey-operator-release")
    assert release["secrets", "demo-rosey-channel-secrets"] == {"get", "patch"}
    assert release["pods", ""] == {"list", "patch"}
    wide = render(WIDE)
    assert rules(wide, "ClusterRole", "chat-demo-rosey-operator") == channels
    assert rules(wide, "Role", "demo-rosey-operator-release") == release
    kinds = {item["kind"] for item in wide if item["kind"].startswith("Cluster")}
    assert kinds == {"ClusterRole", "ClusterRoleBinding"}


def test_jobs_and_their_results_are_its_business_only_with_benchmarks() -> None:
    without, with_runs = (rules(render(values), "Role", "demo-rosey-operator-release") for values in (ENABLED, RUNS))
    assert ("configmaps", "") not in without
    assert ("jobs", "") not in without
    assert with_runs["jobs", ""] == {"get", "list", "create", "delete"}
    assert with_runs["configmaps", ""] == {"get", "create"}


def test_its_configuration_is_one_and_names_what_is_there(tmp_path: Path) -> None:
    manifests = render(ENABLED)
    data = one(manifests, "ConfigMap", "demo-rosey-operator")["data"]
    (tmp_path / "config.yaml").write_text(data["config.yaml"])
    config = load(tmp_path / "config.yaml", {}).operator
    assert (config.namespace, config.cluster_wide, config.lease) == ("chat", False, "demo-rosey-operator")
    assert one(manifests, "Secret", config.secret)
    wanted = dict(pair.split("=") for pair in config.bots.split(","))
    found = [name for name, pod in pods(manifests) if wanted.items() <= pod["metadata"]["labels"].items()]
    assert found == ["Deployment/demo-rosey-bot"]


def test_the_bot_sees_the_copied_secrets_beside_its_own() -> None:
    manifests = render({**ENABLED, "bot": {"secretName": "own"}})
    spec = one(manifests, "Deployment", "demo-rosey-bot")["spec"]["template"]["spec"]
    [volume] = [volume for volume in spec["volumes"] if volume["name"] == "secrets"]
    names = [source["secret"]["name"] for source in volume["projected"]["sources"]]
    assert names == ["demo-rosey-channel-secrets", "own"]
    # Filled by the operator: what is there must survive an upgrade.
    assert "data" not in one(manifests, "Secret", "demo-rosey-channel-secrets")


@pytest.mark.parametrize("more", [{}, {"nats": {"tls": {"secretName": "certificate"}}}])
def test_a_runs_job_is_that_of_the_chart_with_what_the_resource_says(more: dict[str, Any]) -> None:
    manifests = render({**RUNS, **more})
    data = one(manifests, "ConfigMap", "demo-rosey-operator")["data"]
    benchmark = Benchmark("chat", "nightly", "uid", 1, "", BenchmarkSpec(), BenchmarkStatus())
    made = job(yaml.safe_load(data["benchmark-job.yaml"]), benchmark, "nightly-1", ("--rate", "5"), 60)
    assert (made["metadata"]["name"], made["metadata"]["namespace"]) == ("nightly-1", "chat")
    assert made["spec"]["activeDeadlineSeconds"] == 60
    pod = made["spec"]["template"]
    charts = one(manifests, "CronJob", "demo-rosey-benchmark")["spec"]["jobTemplate"]["spec"]["template"]
    assert {**pod["spec"], "containers": []} == {**charts["spec"], "containers": []}
    assert pod["metadata"] == charts["metadata"]
    [container], [original] = pod["spec"]["containers"], charts["spec"]["containers"]
    assert container["args"][-2:] == ["--rate", "5"]
    assert not [one for one in container["args"] if one.startswith(("--rate=", "--duration=", "--only=", "--linger="))]
    assert set(container["args"][:-2]) < set(original["args"])
    results = yaml.safe_load(data["config.yaml"])["operator"]["benchmark_results"]
    assert f"--configmap={results}" in container["args"]
    assert one(manifests, "ConfigMap", results)


def test_its_user_in_nats_is_there_only_with_it() -> None:
    for values, is_there in ((ENABLED, True), ({}, False)):
        text = one(render(values), "ConfigMap", "demo-rosey-nats")["data"]["nats.conf"]
        assert ('user: "operator"' in text) is is_there


def test_the_subchart_is_the_one_that_the_chart_names() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    subchart = yaml.safe_load((CHART / "charts" / "crds" / "Chart.yaml").read_text())
    [dependency] = chart["dependencies"]
    assert (dependency["name"], dependency["version"]) == (subchart["name"], subchart["version"])
    assert subchart["version"] == chart["version"]
