"""Facts about the database as a whole, by name."""

from __future__ import annotations

import sqlite3
from typing import Final

CHAT_SWEPT_UNTIL: Final = "chat_swept_until"
"""Unix seconds: chat lines older than this may have been deleted, their ids with them."""

OLDEST_AT_WORK: Final = "oldest_at_work"
"""The oldest revision of the schema whose code works on this one."""


def get(connection: sqlite3.Connection, key: str) -> str | None:
    """The value of this name, ``None`` where it has none."""
    row = connection.execute("SELECT value FROM rosey_info WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def get_number(connection: sqlite3.Connection, key: str) -> float:
    """The value of this name as a number, 0 where it has none."""
    value = get(connection, key)
    return 0.0 if value is None else float(value)


def put(connection: sqlite3.Connection, key: str, value: str) -> None:
    """Set the value of this name."""
    connection.execute(
        "INSERT INTO rosey_info (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, value),
    )
