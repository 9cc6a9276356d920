"""An operator for all namespaces: channels and secrets of others, and its rights there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from tests.cluster import resources
from tests.cluster.cluster import CommandFailed, Namespace, Release, until
from tests.cluster.resources import (
    ACCOUNT,
    LIMITS,
    condition,
    is_so,
    may,
    password,
    prepare,
    rooms,
    simulator,
)

CHANNELS: Final = ("red", "blue", "green", "white")

pytestmark = pytest.mark.alone


@pytest.fixture
def release(make_release: Callable[..., Release]) -> Iterator[Release]:
    """An operator that looks after all namespaces, and a simulated site; its rights go with it in the end."""
    options = {"operator": {"enabled": True, "clusterWide": True}, "bot": LIMITS, "simulator": simulator(CHANNELS)}
    found = make_release("everywhere", options, prepare)
    yield found
    found.uninstall()


def test_an_operator_of_all_namespaces(release: Release, make_namespace: Callable[..., Namespace]) -> None:
    """In one: between two tests others have their turn, and their channels would be this operator's, too."""
    team, crew = make_namespace("team"), make_namespace("crew")
    team.apply(password("right"))
    its_rights_there_are_the_least(release, team)
    channels_of_two_namespaces_are_looked_after(release, team, crew)
    a_secret_is_that_of_the_resources_own_namespace(release, team, crew)
    of_two_resources_for_a_channel_the_older_has_it(release, team, crew)
    a_namespace_that_goes_takes_its_channels_along(release, team, crew)


def channel(release: Release, name: str, **spec: Any) -> dict[str, Any]:
    """A channel of this release's site, as it is called from any namespace."""
    return resources.channel(name, server=f"http://rosey-simulator.{release.namespace.name}:8080", **spec)


def accepted(namespace: Namespace, name: str) -> tuple[str, str]:
    """Whether a channel was handed to the bots, and why."""
    return condition(namespace, name, "Accepted")[:2]


def channels_of_two_namespaces_are_looked_after(release: Release, team: Namespace, crew: Namespace) -> None:
    team.apply(channel(release, "red", **ACCOUNT))
    crew.apply(channel(release, "blue"))
    until(is_so(team, "red", "True", "Joined"), what="red is ready", poll=0.2)
    until(is_so(crew, "blue", "True", "Joined"), what="blue is ready", poll=0.2)
    assert team.get("ctc", "red")["status"]["user"] == "Rosey"
    assert rooms(release) == {"red", "blue"}
    told = team.kubectl("get", "events", "--field-selector=involvedObject.name=red").decode()
    assert "Joined" in told
    logged = release.namespace.kubectl("logs", "deployment/rosey-operator").decode()
    assert "right" not in logged + told


def a_secret_is_that_of_the_resources_own_namespace(release: Release, team: Namespace, crew: Namespace) -> None:
    crew.apply(channel(release, "green", **ACCOUNT))
    until(lambda: accepted(crew, "green") == ("False", "SecretMissing"), what="the Secret of others is not taken")
    assert f"no Secret account in the namespace {crew.name}" in condition(crew, "green")[2]
    elsewhere = {"name": f"../{team.name}/account"}
    with pytest.raises(CommandFailed, match=re.escape("name should be the name of a Secret")):
        crew.apply(channel(release, "white", user="Rosey", passwordSecretRef=elsewhere))
    crew.apply(password("right"))
    until(is_so(crew, "green", "True", "Joined"), what="green is ready", poll=0.2)


def of_two_resources_for_a_channel_the_older_has_it(release: Release, team: Namespace, crew: Namespace) -> None:
    team.apply(channel(release, "white"))
    until(is_so(team, "white", "True", "Joined"), what="white is ready", poll=0.2)
    crew.apply(channel(release, "white"))
    until(lambda: accepted(crew, "white") == ("False", "Conflict"), what="the younger one says so")
    assert is_so(team, "white", "True", "Joined")()


def its_rights_there_are_the_least(release: Release, team: Namespace) -> None:
    there = f"--namespace={team.name}"
    for verb, resource in (
        ("list", "cytubechannels.rosey.chat"),
        ("watch", "roseybenchmarks.rosey.chat"),
        ("get", "secrets"),
        ("create", "events"),
    ):
        assert may(release, verb, resource, there), f"{verb} {resource}"
    assert may(release, "list", "cytubechannels.rosey.chat", "--all-namespaces")
    assert may(release, "patch", "cytubechannels.rosey.chat", "--subresource=status", there)
    for verb, resource in (
        ("list", "secrets"),
        ("watch", "secrets"),
        ("patch", "secrets"),
        ("patch", "cytubechannels.rosey.chat"),
        ("delete", "cytubechannels.rosey.chat"),
        ("list", "pods"),
        ("patch", "pods"),
        ("create", "jobs.batch"),
        ("get", "configmaps"),
        ("update", "leases.coordination.k8s.io"),
        ("list", "namespaces"),
    ):
        assert not may(release, verb, resource, there), f"{verb} {resource}"
    assert may(release, "patch", "pods")
    assert not may(release, "list", "secrets")


def a_namespace_that_goes_takes_its_channels_along(release: Release, team: Namespace, crew: Namespace) -> None:
    team.delete()
    until(lambda: rooms(release) == {"blue", "green", "white"}, what="red is left, and white is the other's")
    until(is_so(crew, "white", "True", "Joined"), what="white is ready", poll=0.2)
    crew.kubectl("delete", "ctc", "--all", "--timeout=30s")
    until(lambda: not rooms(release), what="all are left")
