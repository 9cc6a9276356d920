"""What is in a database before a run: what comes of the run is what is there beyond it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from rosey_core import events, streams

RECENT_CHAT: Final = "recent_chat"
ROW_TABLES: Final = {
    events.ChatMessage: RECENT_CHAT,
    events.UserCount: "user_count_history",
    events.PlaylistChanged: "playlist_changes",
    events.PmCommand: "user_actions",
}
"""Events of which each new id is a row."""


class Baseline(NamedTuple):
    """What was in the database before the run.

    Attributes:
        created: the stream's creation time, Unix microseconds; 0 where nothing was stored yet.
        sequence: of the last message stored from it.
        rows: the last row of each table.
        lines: chat lines counted, of all users together.
        live: channels that had been seen live.
    """

    created: int = 0
    sequence: int = 0
    rows: dict[str, int] = {}  # noqa: RUF012 - never changed
    lines: int = 0
    live: frozenset[str] = frozenset()


def read_baseline(database: Path) -> Baseline:
    """Look at a database that nobody uses; one that is absent, or older than Rosey's own schema, has nothing in it."""
    if not database.exists():
        return Baseline()
    with closing(open_to_read(database)) as connection:
        try:
            return _read_baseline(connection)
        except sqlite3.OperationalError:
            return Baseline()


def _read_baseline(connection: sqlite3.Connection) -> Baseline:
    created, sequence = position(connection)
    return Baseline(
        created=created,
        sequence=sequence,
        rows={
            table: connection.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0]  # noqa: S608
            for table in ROW_TABLES.values()
        },
        lines=counted_lines(connection),
        live=frozenset(key for (key,) in connection.execute("SELECT key FROM channels WHERE live")),
    )


def open_to_read(database: Path) -> sqlite3.Connection:
    """Open a database that others may be writing to."""
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA query_only = ON")
    return connection


def position(connection: sqlite3.Connection) -> tuple[int, int]:
    """The stream's creation time and the sequence up to which it is stored, both 0 where nothing is."""
    row = connection.execute(
        "SELECT created, sequence FROM ingest_position WHERE stream = ?", (streams.EVENTS,)
    ).fetchone()
    return (0, 0) if row is None else (int(row[0]), int(row[1]))


def counted_lines(connection: sqlite3.Connection) -> int:
    """The chat lines of all users together."""
    return int(connection.execute("SELECT coalesce(sum(total_chat_lines), 0) FROM user_stats").fetchone()[0])
