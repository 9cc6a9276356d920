"""Three NATS servers: one may be lost, and evictions leave two."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.cluster.cluster import CommandFailed, Release, until

SMALL = {"persistence": {"size": "1Gi"}, "replicas": 3}


@pytest.fixture(scope="module")
def release(make_release: Callable[..., Release]) -> Release:
    """A release with three NATS servers."""
    return make_release("nats", {"nats": SMALL})


def test_streams_have_three_copies(release: Release) -> None:
    script = """
import asyncio, json, os, urllib.request
page = urllib.request.urlopen("http://rosey-nats-0.rosey-nats-headless:8222/jsz?streams=1&config=1", timeout=5)
print(json.dumps([
    [stream["name"], stream["config"]["num_replicas"]]
    for account in json.load(page).get("account_details", []) for stream in account["stream_detail"]
]))
"""
    policy = release.namespace.get("networkpolicy", "rosey-nats")
    selector = {"matchLabels": {"app.kubernetes.io/component": "database"}}
    release.upgrade({"networkPolicy": {"metricsFrom": [{"podSelector": selector}]}})
    assert policy["spec"]["podSelector"]
    found = dict(
        until(
            lambda: json.loads(release.namespace.python("deployment/rosey-database", script)),
            what="the servers tell of their streams",
        )
    )
    assert found["ROSEY_EVENTS"] == 3
    assert found["ROSEY_DLQ"] == 3


def test_a_round_trip_succeeds_while_one_is_gone(release: Release) -> None:
    release.namespace.kubectl("delete", "pod", "rosey-nats-1", "--grace-period=0", "--force")
    assert "PASSED" in release.test()
    until(lambda: ready(release) == 3, what="the third is back", timeout=120)


def ready(release: Release) -> int:
    return int(release.namespace.get("statefulset", "rosey-nats")["status"].get("readyReplicas", 0))


def test_the_budget_lets_one_be_evicted_at_a_time(release: Release) -> None:
    until(lambda: ready(release) == 3, what="all three are ready", timeout=120)
    path = f"/api/v1/namespaces/{release.namespace.name}/pods"

    def evict(pod: str) -> None:
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
        body = json.dumps(eviction).encode()
        release.namespace.kubectl("create", "--raw", f"{path}/{pod}/eviction", "--filename=-", input=body)

    until(lambda: release.namespace.get("pdb", "rosey-nats")["status"]["disruptionsAllowed"] == 1, what="one may go")
    evict("rosey-nats-2")
    with pytest.raises(CommandFailed, match="disruption budget"):
        evict("rosey-nats-0")
