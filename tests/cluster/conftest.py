"""A cluster for the tests: that of the KUBECONFIG, with the images of this checkout in it.

``ROSEY_CLUSTER_LOAD`` is the command that brings images from docker into the cluster, `kind load docker-image` unless
it is set. Without a cluster the tests fail: nothing is skipped.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Final

import pytest

from tests.cluster import identity
from tests.cluster.cluster import CommandFailed, Namespace, Release, clear, run
from tests.cluster.executioner import Executioner
from tests.cluster.images import build_and_load
from tests.cluster.turns import turn

TIMEOUT_S: Final = 600
"""Seconds for a test with its fixtures: some build images of their own."""
LOAD: Final = shlex.split(os.environ.get("ROSEY_CLUSTER_LOAD", "kind load docker-image"))
LONGEST: Final = (
    "test_restarts",
    "test_benchmark",
    "test_spools",
    "test_rotation",
    "test_operator",
    "test_operator_absence",
    "test_nats_cluster",
    "test_kills",
)
LAST: Final = ("test_operator_everywhere", "test_pool")
CLAIM: Final = pytest.StashKey[IO[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "alone: no other test in a cluster runs on this machine meanwhile")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Once a run, before the processes that share its tests: clear away what an earlier one left, and bring images."""
    if identity.WORKER or session.config.option.collectonly:
        return
    missing = [program for program in ("kubectl", "helm", "docker") if not shutil.which(program)]
    if missing:
        pytest.exit(f"not on the path: {', '.join(missing)}; these tests need kubectl, helm 3 and docker", 1)
    try:
        session.config.stash[CLAIM] = identity.claim()
        run("kubectl", "get", "--raw", "/readyz")
        clear()
        build_and_load(LOAD, getattr(session.config, "cache", None))
    except (CommandFailed, identity.InUse) as error:
        pytest.exit(str(error), 1)
    # So that a run that is ended takes its namespaces with it, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_unconfigure(config: pytest.Config) -> None:
    """In the end nothing stays in the cluster, however a test or the process that ran it has ended."""
    if CLAIM in config.stash:
        with config.stash[CLAIM]:
            clear(wait=False)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests here more time than others have, and an order in which no process waits long for the other."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    """The longest modules come first, and last those that run alone as a whole."""
    name = item.path.stem
    return LONGEST.index(name) if name in LONGEST else len(LONGEST) + (name in LAST)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Wait for the test's turn, before its time begins."""
    with turn(alone=item.get_closest_marker("alone") is not None):
        return (yield)


@pytest.fixture(scope="session")
def load_command() -> list[str]:
    """The command that brings images into the cluster, without their names."""
    return LOAD


@pytest.fixture(scope="module")
def make_namespace() -> Iterator[Callable[..., Namespace]]:
    """Make namespaces that go when the module's tests have ended."""
    made: list[Namespace] = []

    def make(name: str, **options: Any) -> Namespace:
        made.append(Namespace(identity.namespace(name), **options))
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
