"""A release under the load of a crowd, and what happened in it by two accounts: the crowd's record and the database."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from rosey_simulator.crowd.record import Entry, Event
from rosey_simulator.crowd.summary import Summary, summarize
from tests.cluster import site
from tests.cluster.cluster import Release, until
from tests.cluster.site import SiteRecord

_COPY: Final = """
import pathlib, sqlite3, sys
target = sqlite3.connect("/tmp/copy.db")
sqlite3.connect("file:/var/lib/rosey/rosey.db?mode=ro", uri=True).backup(target)
target.execute("PRAGMA journal_mode = DELETE")
target.close()
sys.stdout.buffer.write(pathlib.Path("/tmp/copy.db").read_bytes())
pathlib.Path("/tmp/copy.db").unlink()
"""

ON_THE_WIRE_MS: Final = 500
"""Before the bot's leaving: what the room still told it, while it closed the connection."""

Line = tuple[int, str, str]
"""CyTube's time in milliseconds, user, text."""


def values(*, rate: float) -> dict[str, Any]:
    """Values of a release whose crowd does so many things a second."""
    return {"simulator": {"enabled": True, "crowd": {"rate": rate, "users": 100}, "extraArgs": [*site.ARGUMENTS]}}


class Load:
    """A release under load, and the two accounts of what happened in it.

    Args:
        release: with the values that ``values`` gives.
        directory: for copies of the record and of the database, outside the cluster.
    """

    def __init__(self, release: Release, directory: Path) -> None:
        self.release = release
        self._record = SiteRecord(release.namespace)
        self._database = directory / "rosey.db"

    def until_it_flows(self, lines: int = 200) -> None:
        """Wait until more is stored than was when this was called."""
        begun: list[int] = until(lambda: [self.release.stored_lines()], what="the database can be asked")
        until(lambda: self.release.stored_lines() > begun[0] + lines, what="lines are stored again", timeout=90)

    def until_all_is_stored(self) -> None:
        """Have the crowd fall silent, and wait until nothing is on its way any more."""
        site.silence(self.release.namespace)
        until(lambda: set(self._held_back()) == {0}, what="all is sent", timeout=120)
        lag = "rosey_database_ingest_lag_messages"
        until(lambda: self.release.metrics("database")[lag] == 0, what="all is stored", timeout=120)

    def _held_back(self) -> list[float]:
        pods = [f"pod/{pod['metadata']['name']}" for pod in self.release.pods("bot")]
        return [self.release.metrics_of(pod)["rosey_bot_outbox_depth_messages"] for pod in pods]

    def truth(self) -> Summary:
        """What the bot could see."""
        return summarize(self._record.read(), "demo", "Rosey")

    def everything(self) -> Summary:
        """What happened in the room, whoever saw it, by the record that ``truth`` has read."""
        return summarize(self._record.entries, "demo")

    def departures(self) -> list[int]:
        """When the bot left the room, Unix milliseconds, by the record that ``truth`` has read."""
        return [
            entry["at"] for entry in self._record.entries if entry["event"] == Event.LEFT and entry["name"] == "Rosey"
        ]

    def missing(self, lines: Counter[Line]) -> Counter[Line]:
        """Those that the bot was told and that are not among these.

        What the room still told it while it closed the connection is left out.
        """
        departures = self.departures()
        lost = said(self.truth()) - lines
        return Counter(
            {
                line: count
                for line, count in lost.items()
                if not any(0 <= left - line[0] < ON_THE_WIRE_MS for left in departures)
            }
        )

    def surplus(self, lines: Counter[Line], *, nameless_ms: int = 0) -> Counter[Line]:
        """Those of these lines that nobody said to all, by the record that ``truth`` has read."""
        return surplus(self._record.entries, "demo", lines, nameless_ms=nameless_ms)

    def evidence(self, lines: Iterable[Line]) -> str:
        """What both accounts have of these lines, and when the bot came and went."""
        moments = {moment for moment, _, _ in lines}
        rows = sqlite3.connect(self._database).execute("SELECT id, hex(event_id), username, message FROM recent_chat")
        stored = [row for row in rows if row[1] and int(row[1][:12], 16) in moments]
        own = [
            entry
            for entry in self._record.entries
            if entry.get("time") in moments
            or (entry["event"] in (Event.ARRIVED, Event.NAMED, Event.LEFT) and entry["name"] == "Rosey")
        ]
        return "\n".join(map(str, [*stored, *own]))

    def stored(self) -> sqlite3.Connection:
        """A copy of the database as it is now."""
        return copied(self.release, self._database)


def copied(release: Release, file: Path) -> sqlite3.Connection:
    """A copy of a release's database as it is now, in a file outside the cluster."""
    where = ("exec", "--stdin", "deployment/rosey-database", "--", "python", "-")
    file.write_bytes(release.namespace.kubectl(*where, input=_COPY.encode()))
    return sqlite3.connect(file)


def surplus(entries: Iterable[Entry], room: str, lines: Counter[Line], *, nameless_ms: int = 0) -> Counter[Line]:
    """Those of these lines that nobody said to all in the room, by the record.

    Args:
        entries: the record.
        room: the channel.
        lines: in the database.
        nameless_ms: how long a bot that joins first is in the room until its login, at most: it is shown a
            shadow-muted user's lines, unmarked, which are left out.
    """
    own = [entry for entry in entries if entry["room"] == room]
    public = said(summarize(own, room))
    named = [entry["at"] for entry in own if entry["event"] == Event.NAMED and entry["name"] == "Rosey"]
    muted = {
        line for line in lines if not public[line] and any(0 <= moment - line[0] < nameless_ms for moment in named)
    }
    return Counter({line: count for line, count in (lines - public).items() if line not in muted})


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
