"""The database's rows beside those that a recording shows."""

from __future__ import annotations

import json
import sqlite3
from itertools import zip_longest
from pathlib import Path

from tests.integration.recordings.reading import Row, Tables

QUERIES = {
    "user_stats": """
        SELECT username, first_seen, last_seen, total_chat_lines, total_time_connected, current_session_start
        FROM user_stats WHERE channel_id = ? ORDER BY lower(username)""",
    "recent_chat": "SELECT timestamp, username, message FROM recent_chat WHERE channel_id = ? ORDER BY id",
    "media_played": """
        SELECT started, ended, skipped, title, type, media_id, duration, queued_by
        FROM media_played WHERE channel_id = ? ORDER BY id""",
    "playlist_changes": """
        SELECT timestamp, action, item, changed_by FROM playlist_changes WHERE channel_id = ? ORDER BY id""",
    "user_actions": "SELECT timestamp, username, details FROM user_actions WHERE channel_id = ? ORDER BY id",
    "channel_stats": """
        SELECT max_users, max_users_timestamp, max_connected, max_connected_timestamp
        FROM channel_stats WHERE id = ?""",
}


def differences(path: Path, channel: str, expected: Tables) -> list[str]:
    """What differs, a sentence each; nothing where the database at ``path`` agrees with the recording."""
    stored = _stored(path, channel)
    return [
        f"{table}[{place}]: the recording shows {right}, stored is {found}"
        for table in QUERIES
        for place, (right, found) in enumerate(zip_longest(expected[table], stored[table]))
        if right != found
    ]


def _stored(path: Path, channel: str) -> Tables:
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    try:
        (channel_id,) = connection.execute("SELECT id FROM channels WHERE key = ?", (channel,)).fetchone()
        return {
            table: [_plain(dict(row)) for row in connection.execute(query, (channel_id,))]
            for table, query in QUERIES.items()
        }
    finally:
        connection.close()


def _plain(row: Row) -> Row:
    if row.get("item") is not None:
        row["item"] = json.loads(row["item"])
    return row
