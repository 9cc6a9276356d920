"""Users: lines counted, sessions opened and closed. A batch touches a user's row once.

Event times decide, not arrival: news of a user's coming or going that is older than what is known is stale, and at
one moment coming wins over going (a second login replaces the first). So an event that arrives twice, late, or from two
bots changes nothing.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Collection, Iterable
from typing import Final

from rosey_core.identity import user_key
from rosey_database.tables.rows import execute, select

_COUNT: Final = """
    INSERT INTO user_stats (channel_id, user_key, username, first_seen, last_seen, total_chat_lines)
    VALUES {rows}
    ON CONFLICT (channel_id, user_key) DO UPDATE SET
        username = excluded.username,
        first_seen = min(first_seen, excluded.first_seen),
        last_seen = max(last_seen, excluded.last_seen),
        total_chat_lines = total_chat_lines + excluded.total_chat_lines
"""
_SELECT: Final = """
    WITH keys (channel_id, user_key) AS (VALUES {rows})
    SELECT keys.channel_id, keys.user_key, username, first_seen, last_seen, total_chat_lines, total_time_connected,
           current_session_start, presence_time
    FROM keys CROSS JOIN user_stats AS u ON u.channel_id = keys.channel_id AND u.user_key = keys.user_key
"""
_PUT: Final = """
    INSERT INTO user_stats (channel_id, user_key, username, first_seen, last_seen, total_chat_lines,
                            total_time_connected, current_session_start, presence_time)
    VALUES {rows}
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

    __slots__ = ("first_line", "last_line", "lines", "presence", "username")

    def __init__(self) -> None:
        self.username = ""
        self.first_line = math.inf
        self.last_line = -math.inf
        self.lines = 0
        self.presence: list[tuple[float, bool, str]] | None = None


class Users:
    """The users that a batch touches. Call ``flush`` at its end."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._touched: dict[tuple[int, str], _Touched] = {}

    def said(self, channel_id: int, username: str, time: float) -> None:
        """Count a line of chat."""
        touched = self._touch(channel_id, username)
        touched.username = username
        touched.lines += 1
        if time < touched.first_line:
            touched.first_line = time
        if time > touched.last_line:
            touched.last_line = time

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
        came_or_went = []
        for user, touched in self._touched.items():
            if touched.presence is None:
                counted.append(
                    (*user, touched.username, int(touched.first_line), int(touched.last_line), touched.lines)
                )
            else:
                came_or_went.append(user)
        known = {(channel_id, key): row for channel_id, key, *row in select(self._connection, _SELECT, came_or_went)}
        put = []
        for user in came_or_went:
            values = _fold(known.get(user), self._touched[user])
            if values is not None:
                put.append((*user, *values))
        self._touched.clear()
        execute(self._connection, _COUNT, counted)
        execute(self._connection, _PUT, put)

    def _touch(self, channel_id: int, username: str) -> _Touched:
        key = (channel_id, user_key(username))
        touched = self._touched.get(key)
        if touched is None:
            touched = self._touched[key] = _Touched()
        return touched

    def _came_or_went(self, channel_id: int, username: str, time: float, here: bool) -> None:
        touched = self._touch(channel_id, username)
        if touched.presence is None:
            touched.presence = []
        touched.presence.append((time, here, username))


_Row = tuple[str, float, float, int, int, int | None, float]


def _fold(row: _Row | None, touched: _Touched) -> _Row | None:
    """The user's row after the batch; ``None`` where the user stays unknown."""
    known = row is not None
    shown, first, last, lines, total, started, presence_time = row or ("", math.inf, -math.inf, 0, 0, None, 0.0)
    for time, here, username in touched.presence or ():
        if not known and not here and time <= touched.first_line:
            continue
        known = True
        if here:
            first = min(first, time)
        if (time, here) < (presence_time, started is not None):
            continue
        presence_time = time
        last = max(last, time)
        shown = username
        if here and started is None:
            started = int(time)
        elif not here and started is not None:
            total += max(0, int(time) - started)
            started = None
    if not known and not touched.lines:
        return None
    return (
        touched.username if touched.lines and touched.last_line >= presence_time else shown,
        int(min(first, touched.first_line)),
        int(max(last, touched.last_line)),
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
