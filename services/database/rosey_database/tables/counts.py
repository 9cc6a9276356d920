"""How many users there are: the history, and the highest ever."""

from __future__ import annotations

import sqlite3
from typing import Final

INSERT: Final = """
    INSERT OR IGNORE INTO user_count_history (timestamp, chat_users, connected_users, channel_id, event_id)
    VALUES {rows}
"""


def raise_high_water(
    connection: sqlite3.Connection, *, channel_id: int, chat_users: int, connected_users: int | None, time: float
) -> None:
    """Take counts that may be the highest ever; each mark keeps the time at which it was first reached."""
    now = int(time)
    connection.execute(
        """
        INSERT INTO channel_stats (id, max_users, max_users_timestamp, max_connected, max_connected_timestamp,
                                   last_updated)
        VALUES (?1, ?2, ?4, coalesce(?3, 0), iif(?3 IS NULL, NULL, ?4), ?4)
        ON CONFLICT (id) DO UPDATE SET
            max_users_timestamp = iif(excluded.max_users > max_users OR max_users_timestamp IS NULL,
                                      ?4, max_users_timestamp),
            max_users = max(max_users, excluded.max_users),
            max_connected_timestamp = iif(?3 IS NOT NULL AND (?3 > max_connected OR max_connected_timestamp IS NULL),
                                          ?4, max_connected_timestamp),
            max_connected = max(max_connected, excluded.max_connected),
            last_updated = max(coalesce(last_updated, 0), ?4)
        """,
        (channel_id, chat_users, connected_users, now),
    )


def sweep(connection: sqlite3.Connection, *, before: float, limit: int) -> int:
    """Delete up to ``limit`` rows of the history that are older than this time."""
    return connection.execute(
        """
        DELETE FROM user_count_history WHERE id IN (
            SELECT id FROM user_count_history WHERE timestamp < ? ORDER BY timestamp LIMIT ?)
        """,
        (int(before), limit),
    ).rowcount


def sweep_channel(connection: sqlite3.Connection, *, channel_id: int, before: float) -> int:
    """Delete the rows of one channel's history that are older than this time."""
    return connection.execute(
        "DELETE FROM user_count_history WHERE channel_id = ? AND timestamp < ?", (channel_id, int(before))
    ).rowcount
