"""A cluster for the tests: that of the KUBECONFIG, with the images of this checkout in it.

``ROSEY_CLUSTER_LOAD`` is the command that brings images from docker into the cluster, `kind load docker-image` unless
it is set. Without a cluster the tests fail: nothing is skipped.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cluster import Namespace, Release, build_and_load, run
from tests.cluster.executioner import Executioner

TIMEOUT_S = 600
"""Seconds for a test with its fixtures: images are built in the first one's."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests here more time than others have."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture(scope="session")
def load_command() -> list[str]:
    """The command that brings images into the cluster, without their names."""
    return shlex.split(os.environ.get("ROSEY_CLUSTER_LOAD", "kind load docker-image"))


@pytest.fixture(scope="session", autouse=True)
def _cluster(load_command: list[str]) -> None:
    for program in ("kubectl", "helm", "docker"):
        assert shutil.which(program), f"{program} is not on the path: these tests need kubectl, helm 3 and docker"
    run("kubectl", "get", "--raw", "/readyz")
    build_and_load(load_command)


@pytest.fixture(scope="module")
def make_namespace() -> Iterator[Callable[..., Namespace]]:
    """Make namespaces that go when the module's tests have ended."""
    made: list[Namespace] = []

    def make(name: str, **options: Any) -> Namespace:
        made.append(Namespace(f"rosey-test-{name}", **options))
        return made[-1].make()

    yield make
    for namespace in made:
        namespace.delete(wait=False)


@pytest.fixture(scope="module")
def executioner(make_namespace: Callable[..., Namespace]) -> Executioner:
    """Who kills."""
    return Executioner(make_namespace("executioner", standard="privileged")).start()


@pytest.fixture(scope="module")
def make_release(make_namespace: Callable[..., Namespace]) -> Callable[..., Release]:
    """Install releases, each in a namespace of its own in which the restricted standard is enforced."""

    def make(
        name: str,
        values: dict[str, Any] | None = None,
        prepare: Callable[[Namespace], None] | None = None,
        **options: Any,
    ) -> Release:
        namespace = make_namespace(name)
        if prepare is not None:
            prepare(namespace)
        return Release(namespace, values, **options).install()

    return make
