"""Containers and pods are killed at 500 events a second: nothing is lost or doubled, by the crowd's own record."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from rosey_simulator.crowd.record import read
from rosey_simulator.crowd.summary import Summary, summarize
from tests.cluster.cluster import Namespace, Release, until
from tests.cluster.executioner import Executioner

RATE: Final = 500
SECONDS: Final = 45
ACTIONS: Final = RATE * SECONDS
PAUSE_S: Final = 8
"""Between two kills, so that each meets services at work."""
UNSEEN_MS: Final = 1000
"""What the bot may not have handed on when it was killed; nobody else has seen it."""
PROGRAMS: Final = {"nats": "nats-server", "database": "rosey-database", "bot": "rosey-bot"}
_COPY: Final = """
import pathlib, sqlite3, sys
target = sqlite3.connect("/tmp/copy.db")
sqlite3.connect("file:/var/lib/rosey/rosey.db?mode=ro", uri=True).backup(target)
target.execute("PRAGMA journal_mode = DELETE")
target.close()
sys.stdout.buffer.write(pathlib.Path("/tmp/copy.db").read_bytes())
pathlib.Path("/tmp/copy.db").unlink()
"""

Line = tuple[int, str, str]
"""CyTube's time in milliseconds, user, text."""


@pytest.fixture(scope="module")
def executioner(make_namespace: Callable[..., Namespace]) -> Executioner:
    return Executioner(make_namespace("executioner", standard="privileged")).start()


class Load:
    """A release under load, and the two accounts of what happened in it.

    Args:
        release: with a simulator that writes its record to ``/tmp/record.jsonl``.
        directory: for copies of the record and of the database, outside the cluster.
    """

    def __init__(self, release: Release, directory: Path) -> None:
        self.release = release
        self._record = directory / "record.jsonl"
        self._database = directory / "rosey.db"

    def until_it_flows(self, lines: int = 200) -> None:
        """Wait until more is stored than was when this was called."""
        begun: list[int] = until(lambda: [self.release.stored_lines()], what="the database can be asked")
        until(lambda: self.release.stored_lines() > begun[0] + lines, what="lines are stored again", timeout=90)

    def until_all_is_stored(self) -> None:
        """Wait until the crowd is silent and nothing is on its way any more."""
        namespace = self.release.namespace
        logs = ("logs", "deployment/rosey-simulator", "--tail=50")
        silent = "the crowd has fallen silent"
        until(lambda: silent in namespace.kubectl(*logs).decode(), what=silent, timeout=3 * SECONDS)
        until(lambda: self.release.metrics("bot")["rosey_bot_outbox_depth_messages"] == 0, what="all is sent")
        lag = "rosey_database_ingest_lag_messages"
        until(lambda: self.release.metrics("database")[lag] == 0, what="all is stored")

    def truth(self) -> Summary:
        """What the bot could see."""
        where = ("exec", "deployment/rosey-simulator", "--", "cat", "/tmp/record.jsonl")
        self._record.write_bytes(self.release.namespace.kubectl(*where))
        return summarize(read(self._record), "demo", "Rosey")

    def stored(self) -> sqlite3.Connection:
        """A copy of the database as it is now."""
        where = ("exec", "--stdin", "deployment/rosey-database", "--", "python", "-")
        self._database.write_bytes(self.release.namespace.kubectl(*where, input=_COPY.encode()))
        return sqlite3.connect(self._database)


def said(truth: Summary) -> Counter[Line]:
    return Counter((line["time"], line["username"], line["text"]) for line in truth.lines)


def stored_lines(database: sqlite3.Connection) -> Counter[Line]:
    # A line's id begins with CyTube's own time of it in milliseconds.
    rows = database.execute("SELECT event_id, username, message FROM recent_chat WHERE event_id IS NOT NULL")
    return Counter((int.from_bytes(event_id[:6]), username, message) for event_id, username, message in rows)


def changes(truth: Summary) -> Counter[tuple[str, str | None]]:
    return Counter((change["action"], change["by"]) for change in truth.changes)


def stored_changes(database: sqlite3.Connection) -> Counter[tuple[str, str | None]]:
    return Counter(database.execute("SELECT action, changed_by FROM playlist_changes").fetchall())


@pytest.fixture
def load(make_release: Callable[..., Release], tmp_path: Path) -> Load:
    """A release whose crowd does 500 things a second."""
    arguments = ["--record=/tmp/record.jsonl", f"--actions={ACTIONS}"]
    crowd = {"rate": RATE, "users": 100}
    release = make_release("load", {"simulator": {"enabled": True, "crowd": crowd, "extraArgs": arguments}})
    load = Load(release, tmp_path)
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
    assert expected.total() > ACTIONS / 4
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
    assert found - expected == Counter()
    lost = expected - found
    assert all(before - UNSEEN_MS < moment < killed + UNSEEN_MS for moment, _, _ in lost), lost
