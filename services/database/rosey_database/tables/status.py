"""A channel's present status: one row, the newest word on each field."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Final

FIELDS: Final = (
    "bot_name",
    "bot_rank",
    "bot_afk",
    "channel_name",
    "current_chat_users",
    "current_connected_users",
    "playlist_items",
    "current_media_title",
    "current_media_duration",
    "bot_start_time",
    "bot_connected",
)


def update(connection: sqlite3.Connection, *, channel_id: int, fields: Mapping[str, object], time: float) -> bool:
    """Set these fields, unless the row has newer news than ``time``; returns whether it did.

    Raises:
        KeyError: a field that the status does not have.
    """
    unknown = set(fields) - set(FIELDS)
    if unknown:
        raise KeyError(f"current_status has no {', '.join(sorted(unknown))}")
    assignments = "".join(f"{name} = ?, " for name in fields)
    connection.execute("INSERT OR IGNORE INTO current_status (id) VALUES (?)", (channel_id,))
    return (
        connection.execute(
            f"UPDATE current_status SET {assignments}last_updated = ?, status_time = ? "  # noqa: S608
            "WHERE id = ? AND status_time < ?",
            (*(_column(name, value) for name, value in fields.items()), int(time), time, channel_id, time),
        ).rowcount
        > 0
    )


def _column(name: str, value: object) -> object:
    if isinstance(value, bool) or (name == "bot_start_time" and isinstance(value, float)):
        return int(value)
    return value
