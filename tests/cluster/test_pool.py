"""A hundred declared channels and four bots: spread, killed, and begun anew one after the other."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.cluster.cluster import CHART, CommandFailed, Namespace, Release, run, until
from tests.cluster.executioner import Executioner

SITE = "http://rosey-simulator:8080"
CHANNELS = [f"room{number:03}" for number in range(100)]
BOTS = 4
CONNECTED_S = 30
TAKEN_OVER_S = 10
"""Seconds in which a dead bot's channels have another; five are promised, and each look takes one."""


def account(namespace: Namespace) -> None:
    """An account of the simulated site, and the definitions."""
    definitions = CHART / "charts" / "crds" / "crds"
    run("kubectl", "apply", "--server-side", "--force-conflicts", "--filename", str(definitions))
    for name, key, text in (("accounts", "accounts", json.dumps({"Rosey": "right"})), ("account", "password", "right")):
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {key: text}}
        namespace.apply(secret)


@pytest.fixture(scope="module")
def release(make_release: Callable[..., Release]) -> Release:
    """Four bots, an operator, and a site of a hundred channels whose limits are raised."""
    simulator = {
        "enabled": True,
        "botUser": "Demo",
        "crowd": {"enabled": False},
        "extraArgs": [*(f"--channel={name}" for name in CHANNELS), "--accounts=/accounts/accounts"],
        "extraVolumes": [{"name": "accounts", "secret": {"secretName": "accounts"}}],
        "extraVolumeMounts": [{"name": "accounts", "mountPath": "/accounts", "readOnly": True}],
    }
    limits = {"connectionsPerAddress": 1000, "connectionInterval": 0.02, "guestLoginInterval": 0.02}
    values = {"operator": {"enabled": True}, "simulator": simulator, "bot": {"replicas": BOTS, **limits}}
    return make_release("pool", values, account)


@pytest.fixture(scope="module")
def executioner(make_namespace: Callable[..., Namespace]) -> Executioner:
    """Who kills."""
    return Executioner(make_namespace("executioner", standard="privileged")).start()


def workers(release: Release) -> dict[str, str]:
    """Who has each declared channel in which a bot is ready."""
    found = {}
    for item in release.namespace.get("ctc")["items"]:
        status = item.get("status", {})
        if any((one["type"], one["status"]) == ("Ready", "True") for one in status.get("conditions", [])):
            found[item["metadata"]["name"]] = status["worker"]
    return found


def bots(release: Release) -> list[str]:
    """The bots' pods that are ready and not ending."""
    selector = "app.kubernetes.io/instance=rosey,app.kubernetes.io/component=bot"
    return [
        pod["metadata"]["name"]
        for pod in release.namespace.get("pods", f"--selector={selector}")["items"]
        if "deletionTimestamp" not in pod["metadata"]
        and all(one.get("ready") for one in pod["status"].get("containerStatuses", [{}]))
    ]


_ROOMS = """
import re, urllib.request
text = urllib.request.urlopen("http://127.0.0.1:9100/metrics").read().decode()
print(" ".join(re.findall(r'^rosey_bot_connected{channel="(room\\d+)"} 1', text, flags=re.M)))
"""


def rooms(release: Release, pod: str) -> list[str]:
    """The declared channels in which a bot is now, by its own word; none while it does not answer."""
    try:
        return release.namespace.python(f"pod/{pod}", _ROOMS).split()
    except CommandFailed:
        return []


def occupied(release: Release, pods: list[str]) -> Counter[str]:
    """How many of these bots are in each of the declared channels."""
    with ThreadPoolExecutor(len(pods)) as threads:
        return Counter(name for found in threads.map(lambda pod: rooms(release, pod), pods) for name in found)


def test_a_hundred_channels_are_connected_and_spread(release: Release) -> None:
    began = time.monotonic()
    release.namespace.apply(*(declared(name) for name in CHANNELS))
    until(lambda: len(workers(release)) == len(CHANNELS), what="all are ready", timeout=CONNECTED_S, poll=0.5)
    took = time.monotonic() - began
    counts = Counter(workers(release).values())
    print(f"{len(CHANNELS)} channels were ready after {took:.1f} s: {dict(counts)}")
    assert len(counts) == BOTS
    assert max(counts.values()) - min(counts.values()) <= 2


def declared(name: str) -> dict[str, Any]:
    spec = {"channel": name, "server": SITE, "user": "Rosey", "passwordSecretRef": {"name": "account"}}
    return {
        "apiVersion": "rosey.chat/v1alpha1",
        "kind": "CytubeChannel",
        "metadata": {"name": name},
        "spec": spec,
    }


def test_a_killed_bots_channels_are_taken_over(release: Release, executioner: Executioner) -> None:
    until(lambda: len(workers(release)) == len(CHANNELS), what="all are ready", timeout=60)
    pods = bots(release)
    victim = pods[0]
    lost = set(rooms(release, victim))
    assert lost
    killed = time.monotonic()
    executioner.kill_in(release.namespace.get("pod", victim)["metadata"], "rosey-bot")
    # Whoever has them: in a second or two it is there again itself.
    until(lambda: lost <= occupied(release, pods).keys(), what="they have a bot", timeout=TAKEN_OVER_S, poll=0.1)
    print(f"{len(lost)} channels had a bot again after {time.monotonic() - killed:.1f} s at most")
    until(lambda: len(workers(release)) == len(CHANNELS), what="all are told of", timeout=30)
    until(lambda: occupied(release, bots(release)) == Counter(CHANNELS), what="each has one bot", timeout=30)


def test_a_rolling_restart_leaves_every_channel_with_a_bot(release: Release) -> None:
    until(lambda: len(workers(release)) == len(CHANNELS), what="all are ready", timeout=60)
    release.namespace.kubectl("rollout", "restart", "deployment/rosey-bot")
    release.namespace.kubectl("rollout", "status", "deployment/rosey-bot", "--timeout=240s", timeout=260)
    until(lambda: len(bots(release)) == BOTS, what="four bots", timeout=60)
    until(lambda: occupied(release, bots(release)) == Counter(CHANNELS), what="each has one bot", timeout=60)
    until(lambda: len(workers(release)) == len(CHANNELS), what="all are told of", timeout=30)
