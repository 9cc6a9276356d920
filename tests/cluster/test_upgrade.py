"""What a release keeps: passwords and rows over an upgrade, its volumes when it is uninstalled."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cluster.cluster import Release, until


@pytest.fixture(scope="module")
def release(make_release: Callable[..., Release]) -> Release:
    """A release with a simulated channel and something stored."""
    release = make_release("upgrade", {"simulator": {"enabled": True, "crowd": {"rate": 20}}})
    until(lambda: release.stored_lines() > 20, what="lines of chat are stored")
    return release


def claims(release: Release) -> dict[str, str]:
    """The volumes' claims by name, with what tells one from a later one of that name."""
    found = release.namespace.get("persistentvolumeclaims")["items"]
    return {claim["metadata"]["name"]: claim["metadata"]["uid"] for claim in found}


def pods(release: Release) -> dict[str, str]:
    components = ("nats", "database", "bot")
    return {component: release.pod(component)["metadata"]["uid"] for component in components}


def newest_line(release: Release) -> int:
    return int(release.query("SELECT max(id) FROM recent_chat")[0][0])


def test_an_upgrade_keeps_passwords_volumes_and_rows(release: Release) -> None:
    passwords, volumes, lines = release.secret(), claims(release), release.stored_lines()
    release.upgrade({"database": {"podLabels": {"changed": "1"}}, "bot": {"podLabels": {"changed": "1"}}})
    assert release.secret() == passwords
    assert claims(release) == volumes
    assert release.stored_lines() >= lines
    assert "PASSED" in release.test()


def test_an_upgrade_that_changes_nothing_restarts_nothing(release: Release) -> None:
    before = pods(release)
    release.upgrade({})
    assert pods(release) == before


def test_a_rollback_brings_back_what_was_there(release: Release) -> None:
    before = release.namespace.get("configmap", "rosey-bot")["data"]
    newest = newest_line(release)
    release.upgrade({"bot": {"spoolMaxBytes": "1MiB"}})
    release.roll_back()
    assert release.namespace.get("configmap", "rosey-bot")["data"] == before
    until(lambda: newest_line(release) > newest, what="lines are stored after the rollback")


def test_uninstalling_leaves_the_volumes_alone_and_a_new_release_takes_them(release: Release) -> None:
    volumes, lines = claims(release), release.stored_lines()
    assert set(volumes) == {"data-rosey-nats-0", "rosey-bot", "rosey-database"}
    release.namespace.kubectl("delete", "pod", "rosey-test")
    release.uninstall()
    kinds = ",".join(
        ("all", "secrets", "configmaps", "serviceaccounts", "networkpolicies", "poddisruptionbudgets", "cronjobs")
    )

    def left() -> set[str]:
        items = release.namespace.get(kinds)["items"]
        return {f"{item['kind']}/{item['metadata']['name']}" for item in items}

    # Every namespace has these two.
    own = {"ConfigMap/kube-root-ca.crt", "ServiceAccount/default"}
    until(lambda: left() == own, what="nothing else is left")
    assert claims(release) == volumes
    release.install()
    assert claims(release) == volumes
    assert release.stored_lines() >= lines
