"""Users: lines counted, sessions opened and closed. A batch touches a user's row once.

Event times decide, not arrival: news of a user's coming or going that is older than what is known is stale, and at
one moment coming wins over going (a second login replaces the first). So an event that arrives twice, late, or from two
bots changes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from typing import Final

from rosey_core.identity import user_key

_COUNT: Final = """
    INSERT INTO user_stats (channel_id, user_key, username, first_seen, last_seen, total_chat_lines)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (channel_id, user_key) DO UPDATE SET
        username = excluded.username,
        first_seen = min(first_seen, excluded.first_seen),
        last_seen = max(last_seen, excluded.last_seen),
        total_chat_lines = total_chat_lines + excluded.total_chat_lines
"""
_SELECT: Final = """
    SELECT username, first_seen, last_seen, total_chat_lines, total_time_connected, current_session_start,
           presence_time
    FROM user_stats WHERE channel_id = ? AND user_key = ?
"""
_PUT: Final = """
    INSERT INTO user_stats (channel_id, user_key, username, first_seen, last_seen, total_chat_lines,
                            total_time_connected, current_session_start, presence_time)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (channel_id, user_key) DO UPDATE SET
        username = excluded.username,
        first_seen = excluded.first_seen,
        last_seen = excluded.last_seen,
        total_chat_lines = excluded.total_chat_lines,
        total_time_connected = excluded.total_time_connected,
        current_session_start = excluded.current_session_start,
        presence_time = excluded.presence_time
"""


class _Touched:
    """What a batch does to one user."""

    __slots__ = ("first", "last", "lines", "presence", "username")

    def __init__(self, username: str, time: float) -> None:
        self.username = username
        self.first = self.last = time
        self.lines = 0
        self.presence: list[tuple[float, bool, str]] | None = None

    def seen(self, time: float) -> None:
        if time > self.last:
            self.last = time
        elif time < self.first:
            self.first = time


class Users:
    """The users that a batch touches. Call ``flush`` at its end."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._touched: dict[tuple[int, str], _Touched] = {}

    def said(self, channel_id: int, username: str, time: float) -> None:
        """Count a line of chat."""
        touched = self._touch(channel_id, username, time)
        touched.username = username
        touched.lines += 1

    def joined(self, channel_id: int, username: str, time: float) -> None:
        """Open a session, unless one is open."""
        self._came_or_went(channel_id, username, time, True)

    def left(self, channel_id: int, username: str, time: float) -> None:
        """Close the session, if one is open; who was never seen stays unknown."""
        self._came_or_went(channel_id, username, time, False)

    def present(
        self, channel_id: int, usernames: Iterable[str], time: float, *, seen_until: float, newest: bool = True
    ) -> None:
        """Take the list of everyone in the room: open what is missing, close the sessions of who is absent.

        Args:
            seen_until: the last moment at which the room was seen before this; who is gone meanwhile left then.
            newest: whether there is no list of a later time: an older one says of nobody that he is gone.
        """
        here = {user_key(username): username for username in usernames}
        if newest:
            self._close_absent(channel_id, here.keys(), time, seen_until)
        for username in here.values():
            self.joined(channel_id, username, time)

    def _close_absent(self, channel_id: int, here: Collection[str], time: float, seen_until: float) -> None:
        self.flush()
        rows = self._connection.execute(
            """
            SELECT user_key, current_session_start, presence_time FROM user_stats
            WHERE channel_id = ? AND current_session_start IS NOT NULL
            """,
            (channel_id,),
        ).fetchall()
        closed = []
        for key, started, presence_time in rows:
            if key not in here and presence_time < time:
                ended = int(min(max(seen_until, presence_time, started), time))
                closed.append((ended - started, ended, time, channel_id, key))
        self._connection.executemany(
            """
            UPDATE user_stats SET total_time_connected = total_time_connected + ?, current_session_start = NULL,
                last_seen = max(last_seen, ?), presence_time = ?
            WHERE channel_id = ? AND user_key = ?
            """,
            closed,
        )

    def flush(self) -> None:
        """Write what is gathered."""
        counted = []
        put = []
        for (channel_id, key), touched in self._touched.items():
            if touched.presence is None:
                counted.append(
                    (channel_id, key, touched.username, int(touched.first), int(touched.last), touched.lines)
                )
                continue
            row = self._connection.execute(_SELECT, (channel_id, key)).fetchone()
            values = _fold(row, touched)
            if values is not None:
                put.append((channel_id, key, *values))
        self._touched.clear()
        self._connection.executemany(_COUNT, counted)
        self._connection.executemany(_PUT, put)

    def _touch(self, channel_id: int, username: str, time: float) -> _Touched:
        key = (channel_id, user_key(username))
        touched = self._touched.get(key)
        if touched is None:
            touched = self._touched[key] = _Touched(username, time)
        else:
            touched.seen(time)
        return touched

    def _came_or_went(self, channel_id: int, username: str, time: float, here: bool) -> None:
        touched = self._touch(channel_id, username, time)
        if touched.presence is None:
            touched.presence = []
        touched.presence.append((time, here, username))


_Row = tuple[str, int, int, int, int, int | None, float]


def _fold(row: _Row | None, touched: _Touched) -> _Row | None:
    presence = touched.presence or []
    if row is None:
        if not touched.lines and not any(here for _, here, _ in presence):
            return None
        row = (touched.username, int(touched.first), int(touched.last), 0, 0, None, 0.0)
    shown, first, last, lines, total, started, presence_time = row
    for time, here, username in presence:
        if (time, here) < (presence_time, started is not None):
            continue
        presence_time = time
        shown = username
        if here and started is None:
            started = int(time)
        elif not here and started is not None:
            total += max(0, int(time) - started)
            started = None
    return (
        touched.username if touched.lines else shown,
        min(first, int(touched.first)),
        max(last, int(touched.last)),
        lines + touched.lines,
        total,
        started,
        presence_time,
    )


def end_sessions(connection: sqlite3.Connection, time: float) -> int:
    """Close every open session of every channel at ``time``; returns how many."""
    now = int(time)
    return connection.execute(
        """
        UPDATE user_stats SET
            total_time_connected = total_time_connected + max(0, ? - current_session_start),
            last_seen = max(last_seen, ?), presence_time = max(presence_time, ?), current_session_start = NULL
        WHERE current_session_start IS NOT NULL
        """,
        (now, now, time),
    ).rowcount
