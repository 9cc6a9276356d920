"""How long each image takes from its start until it is ready, and a release until it has stored its first event.

``make starts`` prints the table of docs/deploy/kubernetes.md: medians of a few starts in a release at work, from the
beginning of the container's process to the line in its log that says so.
"""

from __future__ import annotations

import os
import re
import statistics
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import pytest

from tests.cluster.cluster import Release, apply_definitions, until

STARTS: Final = int(os.environ.get("ROSEY_STARTS", "5"))
FIRST_EVENT_S: Final = 60
READY: Final = {
    "bot": '"message": "ready"',
    "database": '"message": "ready"',
    "operator": '"message": "ready"',
    "simulator": "listening on",
    "nats": "Server is ready",
}
"""By component: what its log says when it is ready."""
WORKLOADS: Final = {"nats": "statefulset"}
BEGUN: Final = """
import os, time
ticks = int(open("/proc/1/stat").read().rpartition(")")[2].split()[19])
print(time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + ticks / os.sysconf("SC_CLK_TCK"))
"""


@pytest.mark.timeout(STARTS * 300)
def test_starts(make_release: Callable[..., Release]) -> None:
    began = time.monotonic()
    values: dict[str, Any] = {"simulator": {"enabled": True}, "operator": {"enabled": True}}
    release = make_release("starts", values, lambda _: apply_definitions())
    until(release.stored_lines, what="a line of chat is stored", timeout=FIRST_EVENT_S, poll=0.2)
    first = time.monotonic() - began
    print(f"\nfrom helm install to the first stored line: {first:.1f} s")
    print("| image | from start to ready | as Kubernetes sees it |")
    for component in READY:
        own, seen = zip(*(start(release, component) for _ in range(STARTS)), strict=True)
        image = release.pod(component)["spec"]["containers"][0]["image"].partition(":")[0]
        spread = f"{min(own):.2f} to {max(own):.2f}"
        print(f"| `{image}` | {statistics.median(own):.2f} s ({spread}) | {statistics.median(seen):.0f} s |")
    assert first < FIRST_EVENT_S


def start(release: Release, component: str) -> tuple[float, float]:
    """Begin a component anew; seconds until it says that it is ready, and until Kubernetes has seen it."""
    what = f"{WORKLOADS.get(component, 'deployment')}/rosey-{component}"
    release.namespace.kubectl("rollout", "restart", what)
    release.namespace.kubectl("rollout", "status", what, "--timeout=120s")
    pod = release.pod(component)
    name, status = pod["metadata"]["name"], pod["status"]
    log = release.namespace.kubectl("logs", name, "--timestamps").decode().splitlines()
    moments = [moment(line) for line in log if READY[component] in line]
    assert moments, log
    # The image of NATS has no Python; its first line comes at once.
    begun = moment(log[0]) if component == "nats" else float(release.namespace.python(f"pod/{name}", BEGUN))
    [ready] = [each["lastTransitionTime"] for each in status["conditions"] if each["type"] == "Ready"]
    started = status["containerStatuses"][0]["state"]["running"]["startedAt"]
    return moments[0] - begun, moment(ready) - moment(started)


def moment(line: str) -> float:
    """Unix seconds of the time at the beginning of a text, as Kubernetes writes it."""
    found = re.match(r"(\S{10}T[\d:]{8})(\.\d{1,6})?\d*(Z|[+-]\d\d:\d\d)", line)
    assert found is not None, line
    return datetime.fromisoformat(f"{found[1]}{found[2] or ''}{found[3]}").timestamp()
