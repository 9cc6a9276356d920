"""Dashboards over a real Rosey: one demo that a real Prometheus scrapes, healthy first, then with a part taken out."""

from __future__ import annotations

import json
import math
import os
import re
import resource
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.parser import text_string_to_metric_families

from benchmarks import archive
from benchmarks.exposition import expose
from benchmarks.rows import Row
from observability.__main__ import BOARDS
from rosey_cli.up.programs import LOOPBACK
from rosey_core.events import ChatMessage
from rosey_simulator.crowd.record import read
from rosey_simulator.crowd.summary import summarize
from tests.observe.prometheus import Prometheus
from tests.system.rosey import RoseyUp
from tools import metrics

PUBLISHED: Final = "sum(rosey_bot_events_published_total)"
STORED: Final = "sum(rosey_database_events_stored_total)"
LINES: Final = f'sum(rosey_database_events_stored_total{{subject="{ChatMessage.SUBJECT}"}})'
SERVICES: Final = ("rosey-bot", "rosey-database")
FULL_BYTES: Final = 100_000
SHOWN_S: Final = 15.0
"""How long a fault may take to show in the overview."""


class Demo:
    """A demo of Rosey, with the Prometheus that scrapes it."""

    def __init__(self, rosey: RoseyUp, prometheus: Prometheus, urls: list[str]) -> None:
        self.rosey = rosey
        self.prometheus = prometheus
        self.urls = urls

    @contextmanager
    def stopped(self, name: str) -> Iterator[None]:
        """A process that stands still for the time of the block."""
        pid = self.rosey.child(name)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def run_of_the_benchmarks() -> Iterator[str]:
    """The address of what a run of the benchmarks tells: that whose report is kept here."""
    registry = CollectorRegistry()
    kept = json.loads((archive.RESULTS / archive.LATEST).read_text())
    expose(map(Row.from_json, kept), registry, time.time())
    server, thread = start_http_server(0, LOOPBACK, registry)
    try:
        yield f"{LOOPBACK}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    directory = tmp_path_factory.mktemp("demo")
    rosey = RoseyUp(directory / "data", "--rate", "20", "--json")
    try:
        rosey.wait_stored()
        files = [rosey.directory.ready_files / f"{name}.json" for name in SERVICES]
        urls = [json.loads(file.read_text())["health_url"] for file in files]
        targets = [urlsplit(url).netloc for url in urls]
        with (
            run_of_the_benchmarks() as benchmarks,
            Prometheus(directory / "prometheus", [*targets, benchmarks]) as prometheus,
        ):
            yield Demo(rosey, prometheus, urls)
    finally:
        rosey.clean_up()


def queries() -> Iterator[tuple[str, str]]:
    for board in BOARDS:
        for panel in json.loads(board.to_json())["panels"]:
            for target in panel.get("targets", []):
                query = target["expr"].replace("$__rate_interval", "10s")
                yield f"{board.title}: {panel['title']}", re.sub(r"\$[a-z]+", ".*", query)


def figure(title: str) -> str:
    """The query of a figure of the overview."""
    (query,) = [query for panel, query in queries() if panel == f"Rosey overview: {title}"]
    return query


def test_what_processes_tell_is_what_the_document_says(demo: Demo) -> None:
    told = {
        sample.name
        for url in demo.urls
        for family in text_string_to_metric_families(urlopen(f"{url}/metrics", timeout=5).read().decode())
        for sample in family.samples
        if sample.name.startswith("rosey_")
    }
    assert told <= metrics.series()
    assert len(told) > 60


def test_each_query_of_a_dashboard_returns_data(demo: Demo) -> None:
    def empty() -> list[str]:
        return [
            f"{panel}: {query}"
            for panel, query in queries()
            if not any(math.isfinite(float(found["value"][1])) for found in demo.prometheus.query(query))
        ]

    left: list[str] = []

    def none_is_empty() -> bool:
        left[:] = empty()
        return not left

    try:
        demo.prometheus.wait_until(none_is_empty, "each panel has data", timeout=30)
    except AssertionError:
        pytest.fail("without data:\n" + "\n".join(left))


def test_what_the_crowd_said_is_what_was_published_is_what_was_stored(demo: Demo) -> None:
    prometheus = demo.prometheus

    def counts() -> tuple[float | None, ...]:
        return tuple(prometheus.value(query) for query in (PUBLISHED, STORED, LINES))

    def settled() -> bool:
        before = counts()
        time.sleep(2.0)  # Two scrapes: what stands still is what there is.
        return before == counts() and before[0] == before[1]

    def agree() -> bool:
        with demo.stopped("rosey-simulator"):
            prometheus.wait_until(settled, "nothing is under way")
            said = summarize(read(demo.rosey.directory.crowd_record), "demo", "Rosey").lines
            return len(said) == prometheus.value(LINES) and len(said) > 20

    # A line that the crowd was about to say when it was stopped is written down and not said: then once more.
    prometheus.wait_until(agree, "the crowd's lines, as they were written down, are stored", timeout=40)
    assert prometheus.value(figure("Lost in a day")) == 0
    assert prometheus.value(figure("Dead letters")) == 0


def test_nothing_alarms_in_a_healthy_demo(demo: Demo) -> None:
    def evaluated() -> list[dict[str, Any]]:
        rules = demo.prometheus.rules()
        return [] if any(rule["health"] == "unknown" for rule in rules) else rules

    rules = demo.prometheus.wait_until(evaluated, "each rule is evaluated")
    assert len(rules) > 15
    assert [rule["name"] for rule in rules if rule["health"] != "ok"] == []
    assert demo.prometheus.firing() <= OF_THE_MACHINE


@contextmanager
def locked(demo: Demo) -> Iterator[None]:
    """Another program that keeps a transaction open in the database for the time of the block."""
    with closing(sqlite3.connect(demo.rosey.directory.database, timeout=10, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def refused_by_the_disk(demo: Demo) -> Iterator[None]:
    """The database's process can write no file beyond a size, as if nothing were left, for the time of the block."""
    pid = demo.rosey.child("rosey-database")
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    # Less than what the demo stores in two seconds, more than one transaction: the log takes a few more of them, and
    # cannot be moved into the database, as on a disk that has just become full.
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (FULL_BYTES, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def gone(process: str) -> Callable[[Demo], AbstractContextManager[None]]:
    """The fault that a process is killed, and does not come back: its successor stands still from its beginning."""

    @contextmanager
    def killed(demo: Demo) -> Iterator[None]:
        before = demo.rosey.child(process)
        os.kill(before, signal.SIGKILL)
        demo.rosey.wait_restarted(process, before)
        with demo.stopped(process):
            yield

    return killed


def standing_still(process: str) -> Callable[[Demo], AbstractContextManager[None]]:
    """The fault that a process stands still."""
    return lambda demo: demo.stopped(process)


class Fault(NamedTuple):
    """Something that goes wrong, and what says so.

    Attributes:
        name: what it is.
        begin: brings it about for the time of a block.
        figure: of the overview, that shows it.
        shows: whether a value of that figure does.
        alerts: the rules that fire, these and no others.
    """

    name: str
    begin: Callable[[Demo], AbstractContextManager[None]]
    figure: str
    shows: Callable[[float | None], bool]
    alerts: set[str]


FAULTS: Final = [
    Fault(
        "NATS cannot be reached",
        gone("nats-server"),
        "Held back",
        lambda value: value is not None and value > 10,
        {"RoseyEventsHeldBack", "RoseyNatsDisconnected"},
    ),
    Fault(
        "the database service stands still",
        standing_still("rosey-database"),
        "Database services",
        lambda value: value == 0,
        {"RoseyDatabaseAbsent", "RoseyEventsNotStored"},
    ),
    Fault(
        "the database is locked",
        locked,
        "Not ready",
        lambda value: value == 1,
        {"RoseyDatabaseFailing", "RoseyEventsNotStored"},
    ),
    Fault(
        "the database's disk takes nothing",
        refused_by_the_disk,
        "Not ready",
        lambda value: value == 1,
        {"RoseyDatabaseFailing", "RoseyEventsNotStored", "RoseyCheckpointsFailing"},
    ),
    Fault("the bot stands still", standing_still("rosey-bot"), "Bots", lambda value: value == 0, {"RoseyBotAbsent"}),
    # The last: the crowd of the CyTube that comes back begins anew.
    Fault(
        "CyTube cannot be reached",
        gone("rosey-simulator"),
        "Rooms left",
        lambda value: value == 1,
        {"RoseyBotOutOfRoom"},
    ),
]
OF_THE_MACHINE: Final = {"RoseyDatabaseDiskFilling", "RoseyLatencyFastBurn", "RoseyLatencySlowBurn"}
"""What else runs on this machine may make these fire."""


def test_the_document_says_which_fault_raises_which_alerts() -> None:
    text = (metrics.ROOT / "docs" / "observability.md").read_text()
    told = re.findall(r"^\| ([^|]+) \| \*([^*]+)\* \S+ \| (Rosey[^|]+) \|$", text, re.MULTILINE)
    assert [(name, panel, set(alerts.split(", "))) for name, panel, alerts in told] == [
        (fault.name, fault.figure, fault.alerts) for fault in FAULTS
    ]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_fault_shows_in_the_overview_and_raises_its_alerts_and_no_others(demo: Demo, fault: Fault) -> None:
    prometheus, query = demo.prometheus, figure(fault.figure)
    fired: set[str] = set()

    def shows() -> bool:
        return fault.shows(prometheus.value(query))

    def all_fire() -> bool:
        firing = prometheus.firing() - OF_THE_MACHINE
        fired.update(firing)
        return firing >= fault.alerts

    def all_is_well() -> bool:
        return not shows() and not prometheus.raised() - OF_THE_MACHINE

    prometheus.wait_until(all_is_well, "all is well")
    with fault.begin(demo):
        prometheus.wait_until(shows, f"{fault.figure} shows it", SHOWN_S)
        prometheus.wait_until(all_fire, f"{fault.alerts} fire")
        counted = figure("Alerts firing")
        prometheus.wait_until(lambda: (prometheus.value(counted) or 0) >= len(fault.alerts), "the overview counts them")
    assert fired == fault.alerts
    prometheus.wait_until(all_is_well, "all is well again")
