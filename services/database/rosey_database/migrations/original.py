"""What revision 0001 makes of a file of the original (v0.1 to v0.9): its tables are set aside, read into ours, dropped.

No row and no value is lost. Columns that we do not have stay, beside ours; tables that are not ours are not touched.
Only two things come out different: tokens are hashed, and users whose names differ only in case are one.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Connection

from rosey_core.channels import InvalidChannelKey, channel_key
from rosey_core.identity import user_key
from rosey_database.tables import tokens

_AHEAD: Final = 3600.0
"""Seconds by which a clock may be ahead."""
PREFIX: Final = "original_"
"""Before the name of a table that is set aside."""

TAKEN_OVER: Final = (
    "user_stats",
    "user_actions",
    "channel_stats",
    "user_count_history",
    "recent_chat",
    "current_status",
    "outbound_messages",
    "api_tokens",
)
"""The original's tables that become ours."""
NEEDED: Final = ("channels", "media_played", "playlist_changes", "ingest_position", "rosey_info")
"""Names that we need and the original does not have; a stranger's table of that name stays aside."""

_RENAMED: Final = {
    "outbound_messages": {"last_error": "error_message"},
    "current_status": {"current_chat_users": "current_users", "current_connected_users": "connected_users"},
}
"""Our column: what later generations called it."""

_REQUIRED: Final[dict[str, dict[str, int | str]]] = {
    "user_actions": {"timestamp": 0, "username": "", "action_type": ""},
    "user_count_history": {"timestamp": 0, "chat_users": 0, "connected_users": 0},
    "recent_chat": {"timestamp": 0, "username": "", "message": ""},
    "channel_stats": {"max_users": 0, "max_connected": 0},
    "current_status": {},
    "outbound_messages": {"timestamp": 0, "message": "", "sent": 0, "retry_count": 0},
}
"""Columns that must not be empty, and what they are where the file says nothing."""


def set_aside(connection: Connection) -> list[str]:
    """Make room for our tables; returns the names of the original's tables, which wait under other names."""
    there = _tables(connection)
    for table in (*TAKEN_OVER, *NEEDED):
        if table not in there:
            continue
        indexes = _column(connection, f"SELECT name FROM pragma_index_list('{table}') WHERE origin = 'c'")  # noqa: S608
        for index in indexes:
            connection.exec_driver_sql(f"DROP INDEX {_quoted(index)}")
        # A view or a plugin's foreign key goes on naming what becomes ours, and follows what stays aside.
        connection.exec_driver_sql(f"PRAGMA legacy_alter_table = {int(table in TAKEN_OVER)}")
        connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {PREFIX}{table}")
    connection.exec_driver_sql("PRAGMA legacy_alter_table = 0")
    return [table for table in TAKEN_OVER if table in there]


def bring_over(connection: Connection, tables: Iterable[str]) -> None:
    """Read what was set aside into our tables, which exist now, and drop it."""
    tables = list(tables)
    # What is dropped is overwritten: tokens stood in it as they are.
    connection.exec_driver_sql("PRAGMA secure_delete = ON")
    for table in tables:
        if table == "user_stats":
            _bring_users(connection)
        elif table == "api_tokens":
            _bring_tokens(connection)
        else:
            _bring_rows(connection, table)
    _name_channel(connection)
    _note_last_sign_of_life(connection)
    for table in tables:
        connection.exec_driver_sql(f"DROP TABLE {PREFIX}{table}")


def _bring_rows(connection: Connection, table: str) -> None:
    old = _columns(connection, PREFIX + table)
    renamed = _RENAMED.get(table, {})
    values = {}
    for name in _columns(connection, table):
        found = [_quoted(spelling) for spelling in (name, renamed.get(name)) if spelling in old]
        if len(found) > 1:
            # A file that grew over the generations has both; the one that was never written is NULL or 0.
            found = [f"nullif({found[0]}, 0)", found[1], found[0]]
        if name in _REQUIRED[table]:
            found.append(repr(_REQUIRED[table][name]))
        if found:
            values[name] = found[0] if len(found) == 1 else f"coalesce({', '.join(found)})"
    # Where both spellings are there, and say different things, the other one's value stays beside ours.
    used = {*values, *(spelling for name, spelling in renamed.items() if name not in old)}
    for name in _keep_columns(connection, table, old, used):
        values[name] = _quoted(name)
    connection.exec_driver_sql(
        f"INSERT OR REPLACE INTO {table} ({', '.join(map(_quoted, values))}) "  # noqa: S608
        f"SELECT {', '.join(values.values())} FROM {PREFIX}{table}"
    )
    _keep_sequence(connection, table)


def _bring_users(connection: Connection) -> None:
    old = _columns(connection, PREFIX + "user_stats")
    known = _columns(connection, "user_stats")
    extra = _keep_columns(connection, "user_stats", old, set(known))
    merged: dict[str, dict[str, Any]] = {}
    for row in _rows(connection, "SELECT * FROM original_user_stats ORDER BY rowid"):
        start = row.get("current_session_start")
        user = {
            "username": row.get("username") or "",
            "first_seen": _number(row.get("first_seen")) or _number(row.get("last_seen")),
            "last_seen": _number(row.get("last_seen")) or _number(row.get("first_seen")),
            "total_chat_lines": max(_number(row.get("total_chat_lines")), 0),
            "total_time_connected": max(_number(row.get("total_time_connected")), 0),
            "current_session_start": start if isinstance(start, int | float) else None,
            **{name: row[name] for name in extra},
        }
        key = user_key(user["username"])
        merged[key] = _one_user(merged[key], user) if key in merged else user
    names = [name for name in (*known, *extra) if name not in ("channel_id", "presence_time", "user_key")]
    _insert(
        connection,
        "user_stats",
        [*names, "user_key", "presence_time"],
        [(*(user[name] for name in names), key, user["current_session_start"] or 0) for key, user in merged.items()],
    )


def _number(value: Any) -> int | float:
    """SQLite takes text where a number should be; a person may have put it there, and it counts nothing."""
    return value if isinstance(value, int | float) else 0


def _one_user(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Two spellings of one user: the last seen is shown, counts are added."""
    earlier, later = sorted((one, other), key=lambda user: user["last_seen"])
    starts = [user["current_session_start"] for user in (one, other) if user["current_session_start"] is not None]
    return {
        **earlier,
        **{name: value for name, value in later.items() if value is not None},
        "first_seen": min(one["first_seen"], other["first_seen"]),
        "total_chat_lines": one["total_chat_lines"] + other["total_chat_lines"],
        "total_time_connected": one["total_time_connected"] + other["total_time_connected"],
        "current_session_start": min(starts, default=None),
    }


def _bring_tokens(connection: Connection) -> None:
    old = _columns(connection, PREFIX + "api_tokens")
    known = set(_columns(connection, "api_tokens"))
    extra = _keep_columns(connection, "api_tokens", old, known | {"is_active"})
    now = int(time.time())
    rows = []
    for row in _rows(connection, "SELECT * FROM original_api_tokens ORDER BY rowid"):
        token = row.get("token")
        if token is None:
            continue
        active = row.get("is_active")
        revoked = int(bool(row.get("revoked")) or (active is not None and not active))
        rows.append(
            (
                tokens.token_hash(str(token)),
                row.get("description") or row.get("name"),
                row.get("created_at") or 0,
                row.get("last_used"),
                revoked,
                tokens.preview(str(token)),
                now if revoked else None,
                *(row[name] for name in extra),
            )
        )
    names = ["token", "description", "created_at", "last_used", "revoked", "preview", "revoked_at", *extra]
    _insert(connection, "api_tokens", names, rows)


def _name_channel(connection: Connection) -> None:
    """The file's channel becomes the default channel."""
    names = _column(connection, "SELECT channel_name FROM current_status WHERE id = 1")
    try:
        key = channel_key(str(names[0])) if names and names[0] else ""
    except InvalidChannelKey:
        return
    connection.exec_driver_sql("UPDATE channels SET key = ? WHERE id = 1", (key,))


def _note_last_sign_of_life(connection: Connection) -> None:
    """Until then the original saw the room: its open sessions end then, and lines replayed from before are counted.

    Times to come, of a machine whose clock was wrong, say nothing.
    """
    (last,) = _column(
        connection,
        """
        SELECT max(at) FROM (
            SELECT last_seen AS at FROM user_stats UNION ALL SELECT timestamp FROM recent_chat
            UNION ALL SELECT timestamp FROM user_count_history
            UNION ALL SELECT last_updated FROM current_status)
        WHERE typeof(at) IN ('integer', 'real') AND at <= ?
        """,
        time.time() + _AHEAD,
    )
    if not last:
        return
    # Its times are cut to whole seconds.
    seen = float(last) + 1
    connection.exec_driver_sql(
        "UPDATE channels SET live = 1, last_event_time = ?, chat_high_water = ? WHERE id = 1", (float(last), seen)
    )
    connection.exec_driver_sql("INSERT INTO rosey_info (key, value) VALUES ('chat_swept_until', ?)", (repr(seen),))


def _keep_columns(connection: Connection, table: str, old: dict[str, str], used: set[str]) -> list[str]:
    """Give our table the columns that only the file has; returns their names."""
    extra = [name for name in old if name not in used]
    for name in extra:
        connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {_quoted(name)} {old[name]}")
    return extra


def _keep_sequence(connection: Connection, table: str) -> None:
    """Ids that were given and deleted are not given again."""
    connection.exec_driver_sql(
        """
        UPDATE sqlite_sequence SET seq = max(seq, coalesce((SELECT seq FROM sqlite_sequence WHERE name = ?), 0))
        WHERE name = ?
        """,
        (PREFIX + table, table),
    )


def _insert(connection: Connection, table: str, names: list[str], rows: list[tuple[Any, ...]]) -> None:
    if rows:
        marks = ", ".join("?" * len(names))
        connection.exec_driver_sql(
            f"INSERT INTO {table} ({', '.join(map(_quoted, names))}) VALUES ({marks})",  # noqa: S608
            rows,
        )


def _tables(connection: Connection) -> set[str]:
    return set(_column(connection, "SELECT name FROM sqlite_master WHERE type = 'table'"))


def _columns(connection: Connection, table: str) -> dict[str, str]:
    """The columns of a table with their declared types."""
    rows = connection.exec_driver_sql(f"PRAGMA table_info({table})").all()
    return {row[1]: row[2] for row in rows}


def _column(connection: Connection, statement: str, *parameters: Any) -> list[Any]:
    return [row[0] for row in connection.exec_driver_sql(statement, parameters).all()]


def _rows(connection: Connection, statement: str) -> list[dict[str, Any]]:
    result = connection.exec_driver_sql(statement)
    names = list(result.keys())
    return [dict(zip(names, row, strict=True)) for row in result.all()]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
