"""Changes of the playlist, one row a change."""

from __future__ import annotations

import sqlite3


def changed(
    connection: sqlite3.Connection,
    *,
    channel_id: int,
    event_id: bytes,
    action: str,
    item: str | None,
    changed_by: str | None,
    time: float,
) -> bool:
    """Record a change, ``item`` as JSON; returns whether it is new."""
    return (
        connection.execute(
            """
            INSERT OR IGNORE INTO playlist_changes (timestamp, action, item, changed_by, channel_id, event_id)
            VALUES (?, ?, ?, ?, ?, ?)
            """,
            (int(time), action, item, changed_by, channel_id, event_id),
        ).rowcount
        > 0
    )
