"""A Rosey with a simulated channel in a cluster, from nothing, in one command: ``make cluster-demo``.

Uses the cluster of your KUBECONFIG, or makes one with kind where there is none. Builds the images, brings them in
(``ROSEY_CLUSTER_LOAD``, `kind load docker-image` unless it is set), installs the chart into the namespace
``rosey-demo``, and shows what is stored.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
NAMESPACE: Final = "rosey-demo"
IMAGES: Final = {
    "rosey-bot": ("Dockerfile.bot", "bot"),
    "rosey-simulator": ("Dockerfile.bot", "simulator"),
    "rosey-database": ("Dockerfile.db", "database"),
}
TAG: Final = "demo"
SHOWN_S: Final = 15
LAST_LINES: Final = """
import sqlite3
database = sqlite3.connect("file:/var/lib/rosey/rosey.db?mode=ro", uri=True)
(stored,) = database.execute("SELECT count(*) FROM recent_chat").fetchone()
print(f"{stored} lines of chat are stored; the last:")
for username, message in database.execute("SELECT username, message FROM recent_chat ORDER BY id DESC LIMIT 3"):
    print(f"  {username}: {message}"[:100])
"""


def step(text: str) -> None:
    """Tell what comes now."""
    print(f"==> {text}", flush=True)


def run(*command: str, stdin: str | None = None) -> None:
    """Run a command; what it says is shown.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    subprocess.run(command, check=True, cwd=ROOT, input=stdin, text=True)


def ensure_cluster() -> None:
    """Make a cluster with kind where none can be reached.

    Raises:
        SystemExit: there is neither a cluster nor kind.
    """
    if subprocess.run(["kubectl", "get", "--raw", "/readyz"], check=False, capture_output=True).returncode == 0:
        return
    if shutil.which("kind") is None:
        raise SystemExit("no cluster can be reached, and kind is not on the path: set KUBECONFIG, or install kind")
    step("making a cluster with kind (a minute)")
    run("kind", "create", "cluster", "--wait", "120s")


def main() -> int:
    """Bring it up and show it; returns the exit code."""
    for program in ("kubectl", "helm", "docker"):
        if shutil.which(program) is None:
            raise SystemExit(f"{program} is not on the path")
    begun = time.monotonic()
    ensure_cluster()
    for image, (file, target) in IMAGES.items():
        step(f"building {image}")
        run("docker", "build", "--quiet", "--file", file, "--target", target, "--tag", f"{image}:{TAG}", ".")
    step("bringing the images into the cluster")
    load = shlex.split(os.environ.get("ROSEY_CLUSTER_LOAD", "kind load docker-image"))
    run(*load, *(f"{image}:{TAG}" for image in IMAGES))
    step(f"installing the chart into the namespace {NAMESPACE}")
    tags = [f"--set={section}.image.tag={TAG}" for section in ("bot", "simulator", "database")]
    command = ["helm", "upgrade", "--install", "rosey", "charts/rosey", "--namespace", NAMESPACE, "--create-namespace"]
    run(*command, "--set=simulator.enabled=true", *tags, "--wait", "--timeout", "180s", "--hide-notes")
    step(f"ready after {time.monotonic() - begun:.0f} s; what the bot sees in the channel demo is stored:")
    kubectl = ["kubectl", "--namespace", NAMESPACE]
    for _ in range(3):
        time.sleep(SHOWN_S / 3)
        run(*kubectl, "exec", "--stdin", "deployment/rosey-database", "--", "python", "-", stdin=LAST_LINES)
    step("more: kubectl --namespace rosey-demo logs deployment/rosey-bot --follow")
    step("the end of it: helm uninstall rosey --namespace rosey-demo && kubectl delete namespace rosey-demo")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        sys.exit(f"{' '.join(map(str, error.cmd[:4]))} ... failed with exit code {error.returncode}")
    except KeyboardInterrupt:
        sys.exit(130)
