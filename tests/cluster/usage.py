"""What a release's containers take, as the node's kubelet reports it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tests.cluster.cluster import Release, run

COMPONENTS = ("bot", "database", "nats")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a container has taken.

    Attributes:
        at: when that was, as the kubelet writes it.
        cpu: seconds of a core since it began.
        memory: the working set now, bytes.
    """

    at: str
    cpu: float
    memory: int


def usage(release: Release) -> dict[str, Usage]:
    """By component; those of which nothing is known yet are left out."""
    node = release.pod("bot")["spec"]["nodeName"]
    summary = json.loads(run("kubectl", "get", "--raw", f"/api/v1/nodes/{node}/proxy/stats/summary"))
    found = {}
    for pod in summary["pods"]:
        if pod["podRef"]["namespace"] != release.namespace.name:
            continue
        for container in pod.get("containers", ()):
            cpu, memory = container.get("cpu", {}), container.get("memory", {})
            if "usageCoreNanoSeconds" in cpu and "workingSetBytes" in memory:
                found[container["name"]] = Usage(
                    cpu["time"], cpu["usageCoreNanoSeconds"] / 1e9, memory["workingSetBytes"]
                )
    return found
