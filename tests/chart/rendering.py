"""The chart as `helm template` renders it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

CHART: Final = Path(__file__).resolve().parents[2] / "charts" / "rosey"
KUBERNETES: Final = "1.34.0"

Manifest = dict[str, Any]


class Refused(Exception):
    """Helm does not render this; the text is what it says."""


def helm() -> str:
    """The path of helm.

    Raises:
        FileNotFoundError: there is none.
    """
    found = shutil.which("helm")
    if found is None:
        raise FileNotFoundError("helm 3 is not on the path: these tests need it")
    return found


def template(values: dict[str, Any], *options: str, release: str = "demo") -> str:
    """The text of a release in the namespace ``chat`` with these values over the defaults.

    Raises:
        Refused: helm refuses them.
    """
    command = [helm(), "template", release, str(CHART), "--namespace", "chat", "--kube-version", KUBERNETES, *options]
    done = subprocess.run(
        [*command, "--values", "-"], check=False, input=json.dumps(values), capture_output=True, text=True
    )
    if done.returncode:
        raise Refused(done.stderr)
    return done.stdout


def render(values: dict[str, Any] | None = None, *options: str, release: str = "demo") -> list[Manifest]:
    """The objects of ``template``."""
    return [found for found in yaml.safe_load_all(template(values or {}, *options, release=release)) if found]


def one(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    """The only object of this kind and name."""
    [found] = [item for item in manifests if item["kind"] == kind and item["metadata"]["name"] == name]
    return found


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """The name of each object that makes pods, or is one, with the pod's metadata and spec."""
    for item in manifests:
        name = f"{item['kind']}/{item['metadata']['name']}"
        if item["kind"] == "Pod":
            yield name, item
        elif item["kind"] == "CronJob":
            yield name, item["spec"]["jobTemplate"]["spec"]["template"]
        elif "template" in item.get("spec", {}):
            yield name, item["spec"]["template"]


def over(base: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """``base`` with another value at a path of keys with dots between them."""
    key, _, rest = path.partition(".")
    if not rest:
        return {**base, key: value}
    inner = base.get(key)
    return {**base, key: over(inner if isinstance(inner, dict) else {}, rest, value)}
