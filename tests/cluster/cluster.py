"""The cluster of the KUBECONFIG, and releases of the chart in it: what `kubectl` and `helm` do, with bounds."""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml

from tests.cluster import identity

ROOT: Final = identity.ROOT
CHART: Final = ROOT / "charts" / "rosey"
ROSEY: Final = Path(sys.executable).with_name("rosey")
TAG: Final = identity.tag("under-test")
IMAGES: Final = {
    "bot": ("Dockerfile.bot", "bot"),
    "simulator": ("Dockerfile.bot", "simulator"),
    "operator": ("Dockerfile.bot", "operator"),
    "database": ("Dockerfile.db", "database"),
    "backup": ("Dockerfile.db", "tools"),
    "benchmark": ("Dockerfile.db", "tools"),
}
"""The images by the section of the values that names them: file and target."""
READY_S: Final = 120
ROTATED_S: Final = 330
"""Three NATS servers begin anew one after the other, each after half a minute in which its clients go to the others."""


Rosey = Callable[..., str]
"""Runs `rosey` with these arguments and returns what it printed."""


class CommandFailed(Exception):
    """A command ended with another code than 0; the text is what it wrote."""


def run(*command: str, input: bytes | None = None, timeout: float = 180) -> bytes:
    """Run a command and return what it wrote to its standard output.

    Raises:
        CommandFailed: it failed.
        subprocess.TimeoutExpired: it did not end in time.
    """
    done = subprocess.run(command, check=False, input=input, capture_output=True, timeout=timeout)
    if done.returncode:
        said = (done.stdout[-4000:] + done.stderr[-4000:]).decode(errors="replace")
        raise CommandFailed(f"{' '.join(command[:6])} ...: exit code {done.returncode}\n{said}")
    return done.stdout


def until(condition: Callable[[], Any], *, timeout: float = 60, poll: float = 0.5, what: str) -> Any:
    """The first true result of ``condition``; commands that fail meanwhile count as false.

    Raises:
        TimeoutError: there was none in time.
    """
    end = time.monotonic() + timeout
    said = ""
    while time.monotonic() < end:
        try:
            found = condition()
        except CommandFailed as error:
            found, said = None, str(error)
        if found:
            return found
        time.sleep(poll)
    raise TimeoutError(f"not within {timeout:g} s: {what}. {said}")


def image(section: str) -> str:
    """The name of an image under test."""
    return f"rosey-{IMAGES[section][1]}:{TAG}"


def values() -> dict[str, Any]:
    """Values by which a release runs the images under test."""
    found = {}
    for section in IMAGES:
        repository, _, tag = image(section).partition(":")
        found[section] = {"image": {"repository": repository, "tag": tag}}
    return found


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """``base`` with the values of ``over`` laid over it, maps into maps."""
    result = dict(base)
    for key, value in over.items():
        inner = result.get(key)
        result[key] = merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return result


class Namespace:
    """A namespace; pods that do not keep to the Pod Security Standard ``standard`` are refused in it."""

    def __init__(self, name: str, *, standard: str = "restricted") -> None:
        self.name = name
        self.standard = standard

    def make(self) -> Namespace:
        """Make it, in the place of one that an earlier run may have left."""
        self.delete()
        run("kubectl", "create", "namespace", self.name)
        label = f"pod-security.kubernetes.io/enforce={self.standard}"
        run("kubectl", "label", "namespace", self.name, label, identity.LABEL)
        return self

    def delete(self, *, wait: bool = True) -> None:
        """Delete it with all that is in it; return when it is gone, or at once."""
        waiting = f"--wait={json.dumps(wait)}"
        run("kubectl", "delete", "namespace", self.name, "--ignore-not-found", "--timeout=120s", waiting)

    def kubectl(self, *arguments: str, input: bytes | None = None, timeout: float = 180) -> bytes:
        """Run kubectl here."""
        return run("kubectl", "--namespace", self.name, *arguments, input=input, timeout=timeout)

    def get(self, *what: str) -> Any:
        """An object, or a list of them, as JSON tells it."""
        return json.loads(self.kubectl("get", *what, "--output=json"))

    def python(self, where: str, script: str, *arguments: str, timeout: float = 120) -> str:
        """Run a Python script in a container (``deployment/rosey-bot``) and return what it printed."""
        command = ["exec", "--stdin", where, "--", "python", "-", *arguments]
        return self.kubectl(*command, input=script.encode(), timeout=timeout).decode()

    def run_pod(self, name: str, image: str, script: str, *, spec: dict[str, Any] | None = None) -> str:
        """Run a Python script in a pod of its own until it has ended; returns what it printed."""
        restricted = {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        container = {"name": "main", "image": image, "command": ["python", "-c", script], "securityContext": restricted}
        pod = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [container], **(spec or {})}
        self.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": pod})
        try:
            phase = until(lambda: self.ended(name), what=f"pod {name} ends", timeout=90)
            printed = self.kubectl("logs", name).decode()
        finally:
            self.kubectl("delete", "pod", name, "--ignore-not-found", "--wait=true")
        if phase != "Succeeded":
            raise CommandFailed(f"pod {name}: {phase}\n{printed}")
        return printed

    def ended(self, pod: str) -> str | None:
        """How a pod has ended, ``None`` while it has not."""
        phase = self.get("pod", pod)["status"].get("phase")
        return phase if phase in ("Succeeded", "Failed") else None

    def apply(self, *objects: dict[str, Any]) -> None:
        """Make or change objects."""
        text = "\n---\n".join(json.dumps(item) for item in objects)
        self.kubectl("apply", "--filename=-", input=text.encode())


class Release:
    """A release of the chart: its name is ``rosey``, and so is the beginning of all its objects'.

    Args:
        namespace: where it is.
        chosen: its values, over those that name the images under test.
        chart: what it is made from, until it is upgraded from another.
    """

    def __init__(self, namespace: Namespace, chosen: dict[str, Any] | None = None, *, chart: Path = CHART) -> None:
        self.namespace = namespace
        self.chosen = chosen or {}
        self.chart = chart

    def install(self) -> Release:
        """Install it and return when all pods are ready."""
        self._helm("install", self.chosen)
        return self

    def upgrade(self, chosen: dict[str, Any]) -> None:
        """Upgrade it with these values over those that it has; returns when all pods are ready."""
        self.chosen = merged(self.chosen, chosen)
        self._helm("upgrade", self.chosen)

    def roll_back(self) -> None:
        """Go back to the revision before; returns when all pods are ready."""
        command = ["helm", "rollback", "rosey", "--namespace", self.namespace.name, "--wait"]
        run(*command, "--timeout", f"{READY_S}s", timeout=READY_S + 30)

    def uninstall(self) -> None:
        """Uninstall it and return when its pods are gone."""
        run("helm", "uninstall", "rosey", "--namespace", self.namespace.name, "--wait")

    def test(self) -> str:
        """`helm test`; returns what it says."""
        return run("helm", "test", "rosey", "--namespace", self.namespace.name, "--logs", timeout=240).decode()

    def _helm(self, verb: str, chosen: dict[str, Any]) -> None:
        command = ["helm", verb, "rosey", str(self.chart), "--namespace", self.namespace.name, "--values", "-"]
        command += ["--wait", "--timeout", f"{READY_S}s"]
        # An earlier chart does not know all of today's sections, and refuses what it does not know.
        known = yaml.safe_load(run("helm", "show", "values", str(self.chart)))
        images = {section: image for section, image in values().items() if section in known}
        run(*command, input=json.dumps(merged(images, chosen)).encode(), timeout=READY_S + 30)

    def query(self, sql: str) -> list[Any]:
        """Ask the database file, in the pod of the service."""
        script = (
            "import json, sqlite3, sys\n"
            "rows = sqlite3.connect('file:/var/lib/rosey/rosey.db?mode=ro', uri=True).execute(sys.argv[1]).fetchall()\n"
            "print(json.dumps(rows))\n"
        )
        found: list[Any] = json.loads(self.namespace.python("deployment/rosey-database", script, sql))
        return found

    def stored_lines(self) -> int:
        """How many lines of chat are stored."""
        return int(self.query("SELECT count(*) FROM recent_chat")[0][0])

    def metrics(self, component: str) -> dict[str, float]:
        """The figures of a service that has one pod, by name with labels."""
        return self.metrics_of(f"deployment/rosey-{component}")

    def metrics_of(self, where: str) -> dict[str, float]:
        """The figures of the service in a container (``pod/rosey-bot-0``), by name with labels."""
        script = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9100/metrics').read().decode())"
        text = self.namespace.python(where, script)
        lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}

    def pods(self, component: str) -> list[dict[str, Any]]:
        """The pods of a component, those that are ending left out."""
        selector = f"app.kubernetes.io/instance=rosey,app.kubernetes.io/component={component}"
        pods = self.namespace.get("pods", f"--selector={selector}")["items"]
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def pod(self, component: str) -> dict[str, Any]:
        """The pod of a component that has one, those that are ending left out."""
        [found] = self.pods(component)
        return found

    def restarts(self, component: str) -> int:
        """How often the container of a component was started anew in its pod."""
        return int(self.pod(component)["status"]["containerStatuses"][0]["restartCount"])

    def rotate_passwords(self) -> None:
        """Do what docs/deploy/kubernetes.md says about other passwords of the users."""
        self._change_passwords("/data/bot-password")

    def rotate_cluster_password(self) -> None:
        """Do what docs/deploy/kubernetes.md says about another password between NATS servers."""
        self._change_passwords("/data/cluster-password")

    def _change_passwords(self, removed: str) -> None:
        text = (ROOT / "docs" / "deploy" / "kubernetes.md").read_text()
        blocks = re.findall(r"```\n(kubectl patch secret rosey-nats-auth .*?)```", text, flags=re.DOTALL)
        [commands] = [block for block in blocks if removed in block]
        commands = commands.replace("--namespace rosey ", f"--namespace {self.namespace.name} ")
        run("bash", "-euc", f"cd {shlex.quote(str(ROOT))}\n{commands}", timeout=ROTATED_S)

    @contextmanager
    def administrator(self) -> Iterator[Rosey]:
        """`rosey` on this machine, as the administrator of the release's NATS."""
        command = ["kubectl", "--namespace", self.namespace.name, "port-forward", "service/rosey-nats", ":4222"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as forward:
            try:
                assert forward.stdout is not None
                found = re.search(r"127\.0\.0\.1:(\d+)", forward.stdout.readline())
                assert found is not None
                password = base64.b64decode(self.secret()["admin-password"]).decode()
                address = {"ROSEY_NATS__URL": f"nats://127.0.0.1:{found[1]}"}
                login = {"ROSEY_NATS__USER": "admin", "ROSEY_NATS__PASSWORD": password}
                environment = {**os.environ, **address, **login}

                def rosey(*arguments: str) -> str:
                    done = subprocess.run(
                        [ROSEY, *arguments], env=environment, check=True, capture_output=True, timeout=60
                    )
                    return done.stdout.decode()

                yield rosey
            finally:
                forward.terminate()

    def secret(self) -> dict[str, str]:
        """The passwords of NATS, in base64."""
        found: dict[str, str] = self.namespace.get("secret", "rosey-nats-auth")["data"]
        return found


def apply_definitions() -> None:
    """Bring the definitions of the operator's resources into the cluster, or up to date."""
    folder = CHART / "charts" / "crds" / "crds"
    run("kubectl", "apply", "--server-side", "--force-conflicts", "--filename", str(folder))


def clear(*, wait: bool = True) -> None:
    """Delete what this run and earlier ones of its name have in the cluster; return when it is gone, or at once.

    These are namespaces, and rights in all namespaces, whose names begin with that of the namespace of their release.
    """
    options = ("--ignore-not-found", "--timeout=120s", f"--wait={json.dumps(wait)}")
    run("kubectl", "delete", "namespaces", f"--selector={identity.LABEL}", *options)
    names = run("kubectl", "get", "clusterroles,clusterrolebindings", "--output=name").decode().split()
    own = [name for name in names if name.partition("/")[2].startswith(identity.PREFIX)]
    if own:
        run("kubectl", "delete", *own, *options)
