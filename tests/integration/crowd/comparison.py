"""The database's tables against the crowd's record, to the last second."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from rosey_simulator.crowd.summary import Summary

Table = list[dict[str, Any]]
Outages = Sequence[tuple[int, int]]


def differences(path: Path, channel: str, summary: Summary, outages: Outages = ()) -> list[str]:
    """What differs, a sentence each; nothing where all is right.

    Args:
        path: the database's file.
        channel: the channel's key.
        summary: what the bot could know.
        outages: from when to when the database could not be asked, in Unix milliseconds.
    """
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    try:
        (channel_id,) = connection.execute("SELECT id FROM channels WHERE key = ?", (channel,)).fetchone()
        found = _stored(connection, channel_id)
    finally:
        connection.close()
    expected = _expected(summary, outages)
    return [sentence for name in expected for sentence in _compare(name, expected[name], found[name])]


def _compare(name: str, expected: Table, found: Table) -> Iterator[str]:
    for place, (right, stored) in enumerate(zip_longest(expected, found)):
        if right == stored:
            continue
        if right is None or stored is None:
            yield f"{name}[{place}]: expected {right}, found {stored}"
            continue
        for key, value in right.items():
            if stored[key] != value:
                yield f"{name}[{place}].{key}: expected {value!r}, found {stored[key]!r} ({right})"


def _expected(summary: Summary, outages: Outages) -> dict[str, Table]:
    return {
        "user_stats": [summary.users[key] for key in sorted(summary.users)],
        "recent_chat": [
            {
                "milliseconds": line["time"],
                "timestamp": line["time"] // 1000,
                "username": line["username"],
                "message": line["text"],
            }
            for line in summary.lines
        ],
        "media_played": [play | {"skipped": bool(play["skipped"])} for play in summary.plays],
        "playlist_changes": summary.changes,
        "user_actions": [
            {
                "timestamp": command["milliseconds"] // 1000,
                "username": command["username"],
                "details": _details(command, outages),
            }
            for command in summary.commands
        ],
        "channel_stats": [
            {
                "max_users": summary.most_users and summary.most_users[0],
                "max_users_timestamp": summary.most_users and summary.most_users[1],
                "max_connected": summary.most_connections and summary.most_connections[0],
                "max_connected_timestamp": summary.most_connections and summary.most_connections[1],
            }
        ],
    }


def _details(command: dict[str, Any], outages: Outages) -> str:
    name, _, arguments = command["text"].partition(" ")
    asks_database = name.lower() in ("stats", "user")
    if asks_database and any(began <= command["milliseconds"] <= ended for began, ended in outages):
        outcome = "error, error: Stats unavailable (DatabaseService timeout - is it running?)"
    else:
        outcome = "error, error: unknown command" if name == "nonsense" else "success"
    return f"cmd={name}, args: {arguments}, result: {outcome}"


def _stored(connection: sqlite3.Connection, channel_id: int) -> dict[str, Table]:
    def rows(query: str) -> Table:
        return [dict(row) for row in connection.execute(query, (channel_id,))]

    chat = rows("SELECT timestamp, username, message, event_id FROM recent_chat WHERE channel_id = ? ORDER BY id")
    for line in chat:
        # A line's id begins with CyTube's own time in milliseconds.
        line["milliseconds"] = int.from_bytes(line.pop("event_id")[:6])
    plays = rows(
        """
        SELECT started, ended, skipped, title, type, media_id AS id, duration, queued_by
        FROM media_played WHERE channel_id = ? ORDER BY media_played.id
        """
    )
    for play in plays:
        play["skipped"] = bool(play["skipped"])
    changes = rows(
        """
        SELECT timestamp AS time, action, item, changed_by AS 'by'
        FROM playlist_changes WHERE channel_id = ? ORDER BY id
        """
    )
    for change in changes:
        item = change["item"] and json.loads(change["item"])
        if item:
            item.pop("after", None)
        change["item"] = item
    return {
        "user_stats": rows(
            """
            SELECT username, first_seen, last_seen, total_chat_lines, total_time_connected,
                   current_session_start
            FROM user_stats WHERE channel_id = ? ORDER BY user_key
            """
        ),
        "recent_chat": chat,
        "media_played": plays,
        "playlist_changes": changes,
        "user_actions": rows(
            "SELECT timestamp, username, details FROM user_actions WHERE channel_id = ? ORDER BY timestamp, id"
        ),
        "channel_stats": rows(
            """
            SELECT max_users, max_users_timestamp, max_connected, max_connected_timestamp
            FROM channel_stats WHERE id = ?
            """
        ),
    }
