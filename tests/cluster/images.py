"""The images under test: built from this checkout, and brought into the cluster when they have changed.

``python -m tests.cluster.images`` builds them ahead of a run of the tests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from tests.cluster.cluster import IMAGES, ROOT, TAG, image, run

LOADED: Final = "rosey/loaded"
"""In pytest's cache: the identity of the cluster, and that of each image by its name, when they were loaded last."""


def build() -> dict[str, str]:
    """Build all images, side by side; returns the identity of each by its name."""

    def one(file: str, target: str) -> None:
        command = ["docker", "build", "--quiet", "--file", str(ROOT / file), "--target", target]
        run(*command, "--tag", f"rosey-{target}:{TAG}", str(ROOT), timeout=900)

    with ThreadPoolExecutor() as threads:
        list(threads.map(one, *zip(*dict.fromkeys(IMAGES.values()), strict=True)))
    names = list(dict.fromkeys(map(image, IMAGES)))
    found = run("docker", "image", "inspect", "--format={{.Id}}", *names).decode().split()
    return dict(zip(names, found, strict=True))


def in_the_cluster() -> tuple[str, set[str]]:
    """The identity of the cluster, and the names of images that its nodes all have, as they tell it."""
    identity = run("kubectl", "get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}").decode()
    nodes = json.loads(run("kubectl", "get", "nodes", "--output=json"))["items"]
    return identity, set.intersection(*(set(_names(node["status"].get("images", []))) for node in nodes))


def _names(images: list[dict[str, Any]]) -> Iterator[str]:
    # One that another has taken its name from has none.
    for each in images:
        for name in each.get("names") or ():
            yield name.removeprefix("docker.io/library/")


def build_and_load(load: Sequence[str], cache: pytest.Cache | None) -> None:
    """Build all images, and bring those that are new by a command to which their names are added."""
    built = build()
    cluster, there = in_the_cluster()
    before = cache.get(LOADED, {}) if cache is not None else {}
    known = before.get("images", {}) if before.get("cluster") == cluster else {}
    fresh = [name for name, identity in built.items() if name not in there or known.get(name) != identity]
    if fresh:
        run(*load, *fresh, timeout=300)
    if cache is not None:
        cache.set(LOADED, {"cluster": cluster, "images": built})


if __name__ == "__main__":
    build()
