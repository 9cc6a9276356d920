"""SIGKILL for containers, from outside of them: a privileged pod that sees the node's processes."""

from __future__ import annotations

import signal
from typing import Any, Final

from tests.cluster.cluster import Namespace, Release, image

_POD: Final = "executioner"

_KILL: Final = """
import os, sys
uid, program, number = sys.argv[1:]
for pid in filter(str.isdecimal, os.listdir("/proc")):
    try:
        mounts = open(f"/proc/{pid}/mountinfo").read()
        command = open(f"/proc/{pid}/cmdline", "rb").read()
    except OSError:
        continue
    if f"/pods/{uid}/etc-hosts " in mounts and program.encode() in command:
        os.kill(int(pid), int(number))
        print(pid)
"""


class Executioner:
    """Kills the processes of containers, of this node's pods and of no others.

    Args:
        namespace: its own, in which privileged pods are allowed.
    """

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace

    def start(self) -> Executioner:
        """Make the pod and wait until it runs."""
        spec = {
            "hostPID": True,
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "main",
                    "image": image("database"),
                    "command": ["python", "-c", "import time; time.sleep(3600)"],
                    "securityContext": {"privileged": True, "runAsUser": 0},
                }
            ],
        }
        self._namespace.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": _POD}, "spec": spec})
        self._namespace.kubectl("wait", "--for=condition=Ready", f"pod/{_POD}", "--timeout=60s")
        return self

    def kill(self, release: Release, component: str, program: str) -> None:
        """SIGKILL the program in the container of a component."""
        self.kill_in(release.pod(component)["metadata"], program)

    def kill_in(self, pod: dict[str, Any], program: str) -> None:
        """SIGKILL the program in the container of the pod with this metadata."""
        self._signal(pod, program, signal.SIGKILL)

    def take_away(self, release: Release, component: str, program: str) -> None:
        """End all of a component as a node that fails does: without a word, and nothing comes in its place."""
        pod = release.pod(component)["metadata"]
        # Lest it hear that it is to end before it does.
        self._signal(pod, program, signal.SIGSTOP)
        release.namespace.kubectl("scale", f"deployment/rosey-{component}", "--replicas=0")
        release.namespace.kubectl("delete", "pod", pod["name"], "--grace-period=0", "--force", "--ignore-not-found")

    def _signal(self, pod: dict[str, Any], program: str, number: signal.Signals) -> None:
        # By the file of hosts that the kubelet gives it: a name is that of other namespaces' pods, too.
        found = self._namespace.python(_POD, _KILL, pod["uid"], program, str(int(number))).split()
        assert len(found) == 1, f"{len(found)} processes {program} in {pod['name']}"
