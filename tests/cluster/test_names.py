"""Two releases in one namespace, one of them with the longest name that Helm takes, and one that has no node."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from tests.chart.test_names import LONGEST
from tests.cluster.cluster import CHART, READY_S, ROOT, CommandFailed, Namespace, merged, run, until, values
from tests.cluster.test_installation import connections

SIMULATED: Final[dict[str, Any]] = {"simulator": {"enabled": True}}


def install(namespace: Namespace, name: str, chosen: dict[str, Any], *, timeout: int = READY_S) -> None:
    """Install a release and return when all its pods are ready."""
    command = ["helm", "install", name, str(CHART), "--namespace", namespace.name, "--values", "-", "--wait"]
    text = json.dumps(merged(values(), chosen)).encode()
    run(*command, "--timeout", f"{timeout}s", input=text, timeout=timeout + 30)


def test_two_releases_in_a_namespace_keep_to_themselves(make_namespace: Callable[..., Namespace]) -> None:
    namespace = make_namespace("two")
    names = ("rosey", LONGEST)
    for name in names:
        install(namespace, name, SIMULATED)
    with ThreadPoolExecutor() as threads:
        tests = [threads.submit(helm_test, namespace, name) for name in names]
    assert all("PASSED" in test.result() for test in tests)
    places = {name: {part: pod(namespace, name, part) for part in ("bot", "nats")} for name in names}
    script = connections([f"{places[name]['nats']['status']['podIP']}:4222" for name in names])
    for place, name in enumerate(names):
        found = json.loads(namespace.python(f"pod/{places[name]['bot']['metadata']['name']}", script))
        # Its own NATS, and not the other's.
        assert list(found.values())[place] == "connected"
        assert list(found.values())[1 - place] == "refused"


def pod(namespace: Namespace, release: str, component: str) -> dict[str, Any]:
    """The pod of a release's component."""
    selector = f"app.kubernetes.io/instance={release},app.kubernetes.io/component={component}"
    [found] = namespace.get("pods", f"--selector={selector}")["items"]
    result: dict[str, Any] = found
    return result


def helm_test(namespace: Namespace, name: str) -> str:
    return run("helm", "test", name, "--namespace", namespace.name, "--logs", timeout=240).decode()


def test_what_has_no_node_is_told_of_as_documented(make_namespace: Callable[..., Namespace]) -> None:
    namespace = make_namespace("nowhere")
    with pytest.raises(CommandFailed, match=r"not ready|deadline exceeded"):
        install(namespace, "rosey", {"bot": {"nodeSelector": {"there-is": "none"}}}, timeout=20)
    text = (ROOT / "docs" / "deploy" / "kubernetes.md").read_text()
    [commands] = re.findall(r"```\n(kubectl get pods .*?)```", text, flags=re.DOTALL)
    commands = commands.replace("--namespace rosey ", f"--namespace {namespace.name} ")

    def said() -> bool:
        return "didn't match Pod's node affinity/selector" in run("bash", "-euc", commands).decode()

    until(said, what="the commands tell why", timeout=90)
