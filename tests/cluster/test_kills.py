"""Containers and pods are killed at 500 events a second: nothing is lost or doubled, by the crowd's own record."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.cluster.cluster import Release, until
from tests.cluster.executioner import Executioner
from tests.cluster.load import Load, changes, said, stored_changes, stored_lines, values

RATE: Final = 500
ENOUGH: Final = 2 * RATE
"""Lines that must have been said, so that the comparison means something; each wait for more is for 200."""
PAUSE_S: Final = 8
"""Between two kills, so that each meets services at work."""
_NUMBERS: Final = itertools.count()
UNSEEN_MS: Final = 1000
"""What the bot may not have handed on when it was killed; nobody else has seen it."""
PROGRAMS: Final = {"nats": "nats-server", "database": "rosey-database", "bot": "rosey-bot"}


@pytest.fixture
def load(make_release: Callable[..., Release], tmp_path: Path) -> Load:
    """A release whose crowd does 500 things a second."""
    load = Load(make_release(f"load-{next(_NUMBERS)}", values(rate=RATE)), tmp_path)
    load.until_it_flows()
    return load


def test_killed_servers_and_databases_lose_and_double_nothing(load: Load, executioner: Executioner) -> None:
    release = load.release
    for component in ("nats", "database"):
        executioner.kill(release, component, PROGRAMS[component])
        until(lambda component=component: release.restarts(component) == 1, what=f"{component} was started anew")
        load.until_it_flows()
        time.sleep(PAUSE_S)
    for component in ("database", "nats"):
        pod = release.pod(component)["metadata"]
        release.namespace.kubectl("delete", "pod", pod["name"], "--grace-period=0", "--force")
        until(
            lambda component=component, pod=pod: release.pod(component)["metadata"]["uid"] != pod["uid"],
            what=f"{component} has another pod",
        )
        load.until_it_flows()
    load.until_all_is_stored()
    truth, database = load.truth(), load.stored()
    expected, found = said(truth), stored_lines(database)
    assert expected.total() > ENOUGH
    assert (expected - found, found - expected) == (Counter(), Counter())
    assert changes(truth) == stored_changes(database)
    assert (release.restarts("bot"), release.restarts("simulator")) == (0, 0)


def test_a_killed_bot_loses_only_what_nobody_else_had_seen(load: Load, executioner: Executioner) -> None:
    release = load.release
    time.sleep(PAUSE_S)
    before = time.time() * 1000
    executioner.kill(release, "bot", PROGRAMS["bot"])
    killed = time.time() * 1000
    until(lambda: release.restarts("bot") == 1, what="the bot was started anew")
    load.until_it_flows()
    load.until_all_is_stored()
    truth, database = load.truth(), load.stored()
    expected, found = said(truth), stored_lines(database)
    assert load.surplus(found) == Counter()
    lost = expected - found
    assert all(before - UNSEEN_MS < moment < killed + UNSEEN_MS for moment, _, _ in lost), lost
