"""Messages that others want posted: queued here, claimed by a bot, and settled by its word on the outcome.

At most once: only what is claimed is posted, and a claim that ran out without an outcome is never given again,
since nobody knows whether the message was posted.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Final

BACKOFF_S: Final = 60
"""A failed message is due again 60 * 2^retries seconds after it was queued, as in the original."""

_COLUMNS: Final = "id, timestamp, message, retry_count, last_error"
_UNSENT: Final = f"""
    SELECT {_COLUMNS} FROM outbound_messages
    WHERE channel_id = ? AND sent = 0 AND claimed_by IS NULL AND retry_count < ?
      AND (? OR retry_count = 0 OR timestamp + {BACKOFF_S} * (1 << min(retry_count, 30)) <= ?)
    ORDER BY timestamp, id LIMIT ?
"""  # noqa: S608


def enqueue(connection: sqlite3.Connection, *, channel_id: int, message: str, time: float) -> int:
    """Queue a message; returns its id."""
    row_id = connection.execute(
        "INSERT INTO outbound_messages (timestamp, message, channel_id) VALUES (?, ?, ?)",
        (int(time), message, channel_id),
    ).lastrowid
    if row_id is None:
        raise sqlite3.IntegrityError("no id for a new message")
    return row_id


def unsent(
    connection: sqlite3.Connection,
    *,
    channel_id: int,
    limit: int,
    max_retries: int,
    time: float,
    bypass_backoff: bool = False,
) -> list[dict[str, Any]]:
    """The messages that are due, oldest first: {id, timestamp, message, retry_count, last_error}."""
    rows = connection.execute(_UNSENT, (channel_id, max_retries, int(bypass_backoff), int(time), limit)).fetchall()
    return [dict(zip(("id", "timestamp", "message", "retry_count", "last_error"), row, strict=True)) for row in rows]


def claim(
    connection: sqlite3.Connection,
    *,
    channel_id: int,
    claimed_by: str,
    limit: int,
    max_retries: int,
    time: float,
    seconds: float,
) -> list[dict[str, Any]]:
    """Give due messages to a bot for ``seconds``; each message is given once for each try."""
    messages = unsent(connection, channel_id=channel_id, limit=limit, max_retries=max_retries, time=time)
    connection.executemany(
        "UPDATE outbound_messages SET claimed_by = ?, claimed_until = ? WHERE id = ?",
        [(claimed_by, time + seconds, message["id"]) for message in messages],
    )
    return messages


def mark_sent(connection: sqlite3.Connection, *, channel_id: int, message_id: int, time: float) -> bool:
    """The message was posted; returns whether that is news."""
    return (
        connection.execute(
            """
            UPDATE outbound_messages SET sent = 1, sent_timestamp = ?, claimed_by = NULL, claimed_until = NULL
            WHERE id = ? AND channel_id = ? AND sent = 0
            """,
            (int(time), message_id, channel_id),
        ).rowcount
        > 0
    )


def mark_failed(
    connection: sqlite3.Connection, *, channel_id: int, message_id: int, error: str, permanent: bool, failure_id: bytes
) -> bool:
    """The message was not posted: it is due again after a while, or never where ``permanent``; returns whether news.

    The same failure told twice counts once.
    """
    return (
        connection.execute(
            """
            UPDATE outbound_messages SET retry_count = retry_count + 1, last_error = ?, sent = ?,
                claimed_by = NULL, claimed_until = NULL, failure_id = ?
            WHERE id = ? AND channel_id = ? AND sent = 0 AND failure_id IS NOT ?
            """,
            (error, int(permanent), failure_id, message_id, channel_id, failure_id),
        ).rowcount
        > 0
    )


def outcome_unknown(connection: sqlite3.Connection, *, channel_id: int, time: float) -> list[dict[str, Any]]:
    """The messages whose claim ran out without an outcome: posted or not, nobody knows."""
    rows = connection.execute(
        """
        SELECT id, timestamp, message, claimed_by, claimed_until FROM outbound_messages
        WHERE channel_id = ? AND sent = 0 AND claimed_until IS NOT NULL AND claimed_until <= ?
        ORDER BY id
        """,
        (channel_id, time),
    ).fetchall()
    return [dict(zip(("id", "timestamp", "message", "claimed_by", "claimed_until"), row, strict=True)) for row in rows]
