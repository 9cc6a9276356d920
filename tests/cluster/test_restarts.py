"""Orderly ends at 500 events a second lose and double nothing of what the bot was told in the room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.cluster import identity, previous
from tests.cluster.cluster import CHART, TAG, Release, merged, run
from tests.cluster.load import Load, changes, said, stored_changes, stored_lines, values

RATE: Final = 500
ENOUGH: Final = 2 * RATE
"""Lines that are told and stored after all that is done, so that the comparison means something."""
WORKLOADS: Final = ("statefulset/rosey-nats", "deployment/rosey-database", "deployment/rosey-bot")

MakeRelease = Callable[..., Release]


def make_load(
    make_release: MakeRelease, name: str, directory: Path, chosen: dict[str, Any] | None = None, **options: Any
) -> Load:
    """A release at work under a crowd."""
    chosen = merged(values(rate=RATE), chosen or {})
    load = Load(make_release(name, chosen, **options), directory)
    load.until_it_flows()
    return load


def compare(load: Load, *, nameless_ms: int = 0) -> None:
    """Wait until all is stored, and hold it to the record; a bot may have been nameless in the room for so long."""
    load.until_it_flows(ENOUGH)
    load.until_all_is_stored()
    truth, database = load.truth(), load.stored()
    expected, found = said(truth), stored_lines(database)
    assert expected.total() > ENOUGH
    surplus = load.surplus(found, nameless_ms=nameless_ms)
    assert surplus == Counter(), load.evidence(surplus)
    assert load.missing(found) == Counter()
    assert stored_changes(database) - changes(load.everything()) == Counter()
    assert load.release.restarts("simulator") == 0


def test_restarts_and_changed_values(make_release: MakeRelease, tmp_path: Path) -> None:
    load = make_load(make_release, "restarts", tmp_path)
    kubectl = load.release.namespace.kubectl
    for what in WORKLOADS:
        kubectl("rollout", "restart", what)
        kubectl("rollout", "status", what, "--timeout=90s")
        load.until_it_flows()
    changed = {"nats": {"maxPayload": "2MB"}, "stream": {"maxAgeHours": 24}, "bot": {"spoolMaxBytes": "64MiB"}}
    load.release.upgrade(changed)
    load.release.roll_back()
    compare(load)


def test_an_upgrade_and_the_way_back(make_release: MakeRelease, tmp_path: Path, load_command: list[str]) -> None:
    source = previous.check_out(tmp_path)
    previous.build_and_load(source, load_command)
    load = make_load(make_release, "upgrade-and-back", tmp_path, previous.values(), chart=previous.package(source))
    release = load.release
    simulator = release.pod("simulator")["metadata"]["uid"]
    release.chart = CHART
    release.upgrade({section: {"image": {"tag": TAG}} for section in previous.SECTIONS})
    load.until_it_flows()
    release.roll_back()
    compare(load, nameless_ms=previous.NAMELESS_MS)
    # The record is its.
    assert release.pod("simulator")["metadata"]["uid"] == simulator


def test_a_node_that_is_drained_and_comes_back(make_release: MakeRelease, tmp_path: Path) -> None:
    marked = {"podLabels": {"rosey-drained": identity.RUN}}
    load = make_load(make_release, "drain", tmp_path, dict.fromkeys(("nats", "database", "bot"), marked))
    node = load.release.pod("bot")["spec"]["nodeName"]
    # Only what is marked: the crowd stays, and so does everything else on the node.
    options = [f"--pod-selector=rosey-drained={identity.RUN}", "--delete-emptydir-data", "--timeout=90s"]
    try:
        run("kubectl", "drain", node, *options)
        for component in ("nats", "database", "bot"):
            assert load.release.pod(component)["status"]["phase"] == "Pending"
    finally:
        run("kubectl", "uncordon", node)
    for what in WORKLOADS:
        load.release.namespace.kubectl("rollout", "status", what, "--timeout=90s")
    compare(load)
