"""Chat lines: stored once by id, counted once, and what to make of lines that CyTube replays.

CyTube shows the last 15 lines again at every join (PROTOCOL.md 5), for ever. Within retention the id decides whether
a line is new. Beyond it the ids are gone, and a replayed line counts only if it is newer than the newest stored. In
a channel that was never seen live, replayed lines are history: stored, not counted.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from rosey_core.identity import user_key
from rosey_database.tables import information
from rosey_database.tables.channels import Channels
from rosey_database.tables.rows import execute
from rosey_database.tables.users import Users

UNSTORED_USER: Final = "server"
"""The original's name for CyTube itself: what it says is no chat of users."""

_COLUMNS: Final = "(timestamp, username, message, channel_id, event_id, received)"
_INSERT: Final = f"INSERT INTO recent_chat {_COLUMNS} VALUES {{rows}}"  # noqa: S608
_INSERT_NEW: Final = f"INSERT OR IGNORE INTO recent_chat {_COLUMNS} VALUES {{rows}}"  # noqa: S608
_LOOKUP_SIZE: Final = 256


class Chat:
    """The chat lines of a batch. Call ``flush`` at its end, before the users' own."""

    def __init__(self, connection: sqlite3.Connection, channels: Channels, users: Users) -> None:
        self._connection = connection
        self._channels = channels
        self._users = users
        self._rows: list[tuple[int, str, str, int, bytes, int]] = []
        self._counted: list[float | None] = []
        self._replays = False
        self._swept_until: float | None = None

    def add(
        self,
        *,
        channel_id: int,
        event_id: bytes,
        username: str,
        message: str,
        time: float,
        received: float,
        replayed: bool,
    ) -> None:
        """Take one line, in order of arrival."""
        if username.startswith("[") or user_key(username) == UNSTORED_USER:
            # Names with brackets are CyTube's own voices (PROTOCOL.md 5), never users.
            return
        state = self._channels[channel_id]
        counts = True
        if replayed:
            self._replays = True
            counts = state.live
            if time <= state.chat_high_water and time <= self._sweep_mark():
                return
        else:
            state.seen(min(time, received))
        state.chatted(time)
        self._rows.append((int(time), username, message, channel_id, event_id, int(received)))
        self._counted.append(time if counts else None)

    def flush(self) -> int:
        """Store the lines that are new and count those that count; returns how many were there already."""
        rows, counted = self._rows, self._counted
        self._rows, self._counted = [], []
        if not rows:
            return 0
        if self._replays or not self._insert_all(rows):
            new = self._select_new(rows)
            execute(self._connection, _INSERT, [rows[index] for index in new])
        else:
            new = list(range(len(rows)))
        said = self._users.said
        for index in new:
            time = counted[index]
            if time is not None:
                row = rows[index]
                said(row[3], row[1], time)
        self._replays = False
        return len(rows) - len(new)

    def _insert_all(self, rows: list[tuple[int, str, str, int, bytes, int]]) -> bool:
        # Nearly always every line is new. Finding that out by inserting costs no look-up for each.
        self._connection.execute("SAVEPOINT chat")
        inserted = execute(self._connection, _INSERT_NEW, rows)
        if inserted == len(rows):
            self._connection.execute("RELEASE chat")
            return True
        self._connection.execute("ROLLBACK TO chat")
        self._connection.execute("RELEASE chat")
        return False

    def _select_new(self, rows: list[tuple[int, str, str, int, bytes, int]]) -> list[int]:
        known: set[tuple[bytes, int]] = set()
        for start in range(0, len(rows), _LOOKUP_SIZE):
            ids = [row[4] for row in rows[start : start + _LOOKUP_SIZE]]
            # One statement for every length: the last id fills it up.
            ids += [ids[-1]] * (_LOOKUP_SIZE - len(ids))
            marks = ",".join("?" * _LOOKUP_SIZE)
            known.update(
                self._connection.execute(
                    f"SELECT event_id, channel_id FROM recent_chat WHERE event_id IN ({marks})",  # noqa: S608
                    ids,
                )
            )
        new = []
        for index, row in enumerate(rows):
            identity = (row[4], row[3])
            if identity not in known:
                known.add(identity)
                new.append(index)
        return new

    def _sweep_mark(self) -> float:
        if self._swept_until is None:
            self._swept_until = information.get_number(self._connection, information.CHAT_SWEPT_UNTIL)
        return self._swept_until


def log_line(connection: sqlite3.Connection, *, channel_id: int, username: str, message: str, time: float) -> None:
    """Store a line's text alone: it counts for nobody, and no replay is compared with it."""
    connection.execute(
        "INSERT INTO recent_chat (timestamp, username, message, channel_id) VALUES (?, ?, ?, ?)",
        (int(time), username, message, channel_id),
    )


def sweep(connection: sqlite3.Connection, *, before: float, limit: int) -> int:
    """Delete up to ``limit`` lines that are older than ``before``, and note that their ids may be gone.

    A line that came late (from a spool) stays as long after its arrival, so that its second arrival is recognised.
    """
    mark = information.get_number(connection, information.CHAT_SWEPT_UNTIL)
    if before > mark:
        information.put(connection, information.CHAT_SWEPT_UNTIL, repr(before))
    return connection.execute(
        """
        DELETE FROM recent_chat WHERE id IN (
            SELECT id FROM recent_chat WHERE timestamp < ? AND received < ? ORDER BY timestamp LIMIT ?)
        """,
        (int(before), int(before), limit),
    ).rowcount
