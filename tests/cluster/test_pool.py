"""A hundred declared channels in which a crowd lives, and four bots: spread, one killed, all begun anew in turn.

For how long a room had no bot, and what was said in it, tells the record of the site, to the millisecond.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from rosey_simulator.crowd.record import Entry
from rosey_simulator.crowd.summary import summarize
from tests.cluster import site
from tests.cluster.cluster import Namespace, Release, apply_definitions, until
from tests.cluster.executioner import Executioner
from tests.cluster.load import Line, copied, said, surplus
from tests.cluster.site import SiteRecord
from tests.support.attendance import Absence, Attendance, attendance

SITE: Final = "http://rosey-simulator:8080"
CHANNELS: Final = [f"room{number:03}" for number in range(100)]
BOTS: Final = 4
RATE: Final = 50
"""What the crowd does in a second, over all channels."""
CONNECTED_S: Final = 30
TAKEN_OVER_S: Final = 5.0
"""For how long a killed bot's channels are without one, at most."""
HANDED_OVER_S: Final = 1.0
"""For how long a channel is without one that goes over to another bot, at most."""
UNSEEN_MS: Final = 1000
"""Before a bot was killed: what it may not have handed on, and nobody else has seen."""
ON_THE_WIRE_MS: Final = 500
"""Before a bot left: what the room still told it, while it closed the connection."""


def prepare(namespace: Namespace) -> None:
    """An account of the simulated site, and the definitions."""
    apply_definitions()
    for name, key, text in (("accounts", "accounts", json.dumps({"Rosey": "right"})), ("account", "password", "right")):
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {key: text}}
        namespace.apply(secret)


# A second of a bot's absence is the bound, with two cores for all.
pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def release(make_release: Callable[..., Release]) -> Release:
    """Four bots, an operator, and a site of a hundred channels whose limits are raised, with a crowd."""
    channels = [f"--channel={name}" for name in CHANNELS]
    simulator = {
        "enabled": True,
        "botUser": "Demo",
        "crowd": {"rate": RATE, "users": 10},
        "extraArgs": [*channels, "--accounts=/accounts/accounts", "--bot=Rosey", *site.ARGUMENTS],
        "extraVolumes": [{"name": "accounts", "secret": {"secretName": "accounts"}}],
        "extraVolumeMounts": [{"name": "accounts", "mountPath": "/accounts", "readOnly": True}],
    }
    limits = {"connectionsPerAddress": 1000, "connectionInterval": 0.02, "guestLoginInterval": 0.02}
    values = {"operator": {"enabled": True}, "simulator": simulator, "bot": {"replicas": BOTS, **limits}}
    return make_release("pool", values, prepare)


@pytest.fixture(scope="module")
def connected_s(release: Release) -> float:
    """The channels are declared; returns for how many seconds they were until each had a bot."""
    began = time.monotonic()
    release.namespace.apply(*(declared(name) for name in CHANNELS))
    until(lambda: len(workers(release)) == len(CHANNELS), what="all are ready", timeout=4 * CONNECTED_S, poll=0.5)
    return time.monotonic() - began


@pytest.fixture(scope="module")
def record(release: Release) -> SiteRecord:
    """What happens on the site."""
    return SiteRecord(release.namespace)


def seen(record: SiteRecord) -> Attendance:
    """Where the bots' account is and was."""
    return attendance(record.read(), "Rosey")


def workers(release: Release) -> dict[str, str]:
    """Who has each declared channel in which a bot is ready."""
    found = {}
    for item in release.namespace.get("ctc")["items"]:
        status = item.get("status", {})
        if any((one["type"], one["status"]) == ("Ready", "True") for one in status.get("conditions", [])):
            found[item["metadata"]["name"]] = status["worker"]
    return found


def pods(release: Release) -> list[str]:
    """The bots' pods, those that are ending, too."""
    selector = "app.kubernetes.io/instance=rosey,app.kubernetes.io/component=bot"
    return [pod["metadata"]["name"] for pod in release.namespace.get("pods", f"--selector={selector}")["items"]]


def shared_out(release: Release) -> dict[str, str]:
    """Who has which channel, as soon as each has a bot and they are spread evenly over all pods."""

    def look() -> dict[str, str] | None:
        found, names = workers(release), pods(release)
        counts = Counter(worker.rpartition("-")[0] for worker in found.values())
        is_even = counts.keys() == set(names) and max(counts.values()) - min(counts.values()) <= 2
        return found if len(found) == len(CHANNELS) and len(names) == BOTS and is_even else None

    found: dict[str, str] = until(look, what="all channels have a bot, and are spread evenly", timeout=120, poll=1)
    return found


def told(what: str, absences: Sequence[Absence]) -> float:
    """Print how long rooms were without a bot; returns the longest time."""
    seconds = sorted(absence.seconds for absence in absences) or [0.0]
    figures = f"{statistics.median(seconds):.2f} s at the median, {seconds[-1]:.2f} s at most"
    print(f"{what}: {len(absences)} times, {figures}")
    return seconds[-1]


def test_a_hundred_channels_are_connected_and_spread(release: Release, record: SiteRecord, connected_s: float) -> None:
    counts = Counter(shared_out(release).values())
    print(f"{len(CHANNELS)} channels were ready after {connected_s:.1f} s: {dict(counts)}")
    assert connected_s < CONNECTED_S
    assert seen(record).present == set(CHANNELS)


def declared(name: str) -> dict[str, Any]:
    spec = {"channel": name, "server": SITE, "user": "Rosey", "passwordSecretRef": {"name": "account"}}
    return {
        "apiVersion": "rosey.chat/v1alpha1",
        "kind": "CytubeChannel",
        "metadata": {"name": name},
        "spec": spec,
    }


@pytest.mark.usefixtures("connected_s")
def test_a_killed_bots_channels_are_taken_over(release: Release, record: SiteRecord, executioner: Executioner) -> None:
    held = shared_out(release)
    victim = pods(release)[0]
    lost = {room for room, worker in held.items() if worker.startswith(f"{victim}-")}
    assert lost
    before = record.read()[-1]["at"]
    executioner.kill_in(release.namespace.get("pod", victim)["metadata"], "rosey-bot")
    until(lambda: lost <= {absence.room for absence in seen(record).since(before)}, what="the site has noticed")
    until(lambda: seen(record).present == set(CHANNELS), what="they have a bot", timeout=60, poll=1)
    # What is moved for evenness' sake afterwards counts, too.
    shared_out(release)
    absences = seen(record).since(before)
    killed_at = min(absence.left for absence in absences if absence.room in lost)
    first = {absence.room: absence for absence in reversed(absences) if absence.room in lost}
    taken = [Absence(room, killed_at, absence.back) for room, absence in first.items()]
    moved = [absence for absence in absences if first.get(absence.room) is not absence]
    assert told("taken over", taken) < TAKEN_OVER_S
    assert told("moved then", moved) < HANDED_OVER_S


@pytest.mark.usefixtures("connected_s")
def test_a_rolling_restart_leaves_every_channel_with_a_bot(release: Release, record: SiteRecord) -> None:
    before = set(shared_out(release).values())
    began = record.read()[-1]["at"]
    release.namespace.kubectl("rollout", "restart", "deployment/rosey-bot")
    release.namespace.kubectl("rollout", "status", "deployment/rosey-bot", "--timeout=240s", timeout=260)
    assert before.isdisjoint(shared_out(release).values())
    absences = seen(record).since(began)
    assert {absence.room for absence in absences} == set(CHANNELS)
    assert told("handed over", absences) < HANDED_OVER_S
    assert seen(record).present == set(CHANNELS)


@pytest.mark.usefixtures("connected_s")
def test_nothing_that_was_said_meanwhile_is_lost_or_doubled(
    release: Release, record: SiteRecord, tmp_path: Path
) -> None:
    rooms: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in record.read():
        rooms[entry["room"]].append(entry)
    until_then = record.entries[-1]["at"]
    shown = {room: said(summarize(rooms[room], room, "Rosey")) for room in CHANNELS}
    found: defaultdict[str, Counter[Line]] = defaultdict(Counter)

    def is_stored() -> bool:
        # A bot keeps the order, and the crowd talks on.
        found.update(stored(copied(release, tmp_path / "rosey.db")))
        return all(newest(found[room]) >= newest(shown[room]) for room in CHANNELS)

    until(is_stored, what="all that was said is stored", timeout=90, poll=2)
    attended = attendance(record.entries, "Rosey")
    for room in CHANNELS:
        stored_until_then = Counter({line: count for line, count in found[room].items() if line[0] < until_then})
        assert surplus(rooms[room], room, stored_until_then) == Counter(), room
        lost = shown[room] - found[room]
        absences = [absence for absence in attended.absences if absence.room == room]
        assert all(any(_is_excused(line, absence) for absence in absences) for line in lost), (room, lost, absences)
    public = {room: said(summarize(rooms[room], room)) for room in CHANNELS}
    unseen = sum((public[room] - shown[room]).total() for room in CHANNELS)
    lost_lines = sum((shown[room] - found[room]).total() for room in CHANNELS)
    total = sum(lines.total() for lines in shown.values())
    print(f"{total} lines: {lost_lines} lost, none doubled; {unseen} more that CyTube showed no bot")
    assert total > 10 * RATE
    assert release.restarts("simulator") == 0


def stored(database: sqlite3.Connection) -> dict[str, Counter[Line]]:
    """By room, the lines that are stored."""
    found: defaultdict[str, Counter[Line]] = defaultdict(Counter)
    # A line's id begins with CyTube's own time of it in milliseconds.
    for room, event_id, username, message in database.execute(
        "SELECT c.key, t.event_id, t.username, t.message FROM recent_chat t JOIN channels c ON c.id = t.channel_id"
        " WHERE t.event_id IS NOT NULL"
    ):
        found[room][int.from_bytes(event_id[:6]), username, message] += 1
    return found


def newest(lines: Counter[Line]) -> int:
    """CyTube's time of the last of them."""
    return max((line[0] for line in lines), default=0)


def _is_excused(line: Line, absence: Absence) -> bool:
    """Whether a line came so shortly before a bot's leaving that nobody else may have seen it."""
    unseen = ON_THE_WIRE_MS if absence.seconds < HANDED_OVER_S else UNSEEN_MS
    return 0 <= absence.left - line[0] < unseen
