"""Messages that others want posted: queued here, claimed by a bot, and settled by its word on the outcome.

At most once: only what is claimed is posted, and a claim that ran out without an outcome is never given again,
since nobody knows whether the message was posted. A bot that got no answer repeats its claim under the same name; one
that cannot speak gives back what it has claimed.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Final

BACKOFF_S: Final = 60
"""A failed message is due again 60 * 2^retries seconds after it was queued, as in the original."""

CLOCKS_DIFFER_S: Final = 60.0
"""By how much the clocks of NATS and of the database service may differ."""

_NAMES: Final = ("id", "timestamp", "message", "retry_count", "last_error")
_COLUMNS: Final = ", ".join(_NAMES)
_DUE: Final = f"(retry_count = 0 OR timestamp + {BACKOFF_S} * (1 << min(retry_count, 30)) <= ?)"
_UNSENT: Final = f"""
    SELECT {_COLUMNS} FROM outbound_messages
    WHERE channel_id = ? AND sent = 0 AND claimed_by IS NULL AND retry_count < ? AND (? OR {_DUE})
    ORDER BY timestamp, id LIMIT ?
"""  # noqa: S608
"""What is due, oldest first; parameters: channel id, most retries, whether to bypass the back-off, now, limit."""


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
    return [dict(zip(_NAMES, row, strict=True)) for row in rows]


def channels(connection: sqlite3.Connection, *, max_retries: int, time: float) -> list[str]:
    """The keys of the channels in which messages are due that nobody has claimed."""
    rows = connection.execute(
        f"""
        SELECT key FROM channels WHERE key != '' AND id IN (
            SELECT channel_id FROM outbound_messages
            WHERE sent = 0 AND claimed_by IS NULL AND retry_count < ? AND {_DUE})
        """,  # noqa: S608
        (max_retries, int(time)),
    )
    return [key for (key,) in rows]


def claim(
    connection: sqlite3.Connection,
    *,
    channel_id: int,
    claimed_by: str,
    limit: int,
    max_retries: int,
    time: float,
    seconds: float,
    claim_id: str = "",
) -> list[dict[str, Any]]:
    """Give due messages to a bot for ``seconds``; each message is given once for each try.

    A claim that repeats ``claim_id`` while it holds gets what it got, less what became of it, and nothing else.

    Returns:
        As ``unsent``, with ``claimed_until``.
    """
    if claim_id:
        held = _held(connection, channel_id=channel_id, claimed_by=claimed_by, claim_id=claim_id, time=time)
        if held:
            return held
    messages = unsent(connection, channel_id=channel_id, limit=limit, max_retries=max_retries, time=time)
    until = time + seconds
    connection.executemany(
        "UPDATE outbound_messages SET claimed_by = ?, claimed_until = ?, claim = ? WHERE id = ?",
        [(claimed_by, until, claim_id or None, message["id"]) for message in messages],
    )
    return [{**message, "claimed_until": until} for message in messages]


def is_claimable(
    connection: sqlite3.Connection, *, channel_id: int, claimed_by: str, max_retries: int, time: float, claim_id: str
) -> bool:
    """Whether ``claim`` would give any message now; it reads alone, and bots ask every other second."""
    is_held = bool(claim_id) and bool(
        _held(connection, channel_id=channel_id, claimed_by=claimed_by, claim_id=claim_id, time=time)
    )
    return is_held or bool(unsent(connection, channel_id=channel_id, limit=1, max_retries=max_retries, time=time))


def _held(
    connection: sqlite3.Connection, *, channel_id: int, claimed_by: str, claim_id: str, time: float
) -> list[dict[str, Any]]:
    """What a claim holds of which nothing is known yet."""
    rows = connection.execute(
        f"""
        SELECT {_COLUMNS}, claimed_until FROM outbound_messages
        WHERE channel_id = ? AND sent = 0 AND claimed_by = ? AND claim = ? AND claimed_until > ?
        ORDER BY timestamp, id
        """,  # noqa: S608
        (channel_id, claimed_by, claim_id, time),
    )
    return [dict(zip((*_NAMES, "claimed_until"), row, strict=True)) for row in rows]


def mark_sent(connection: sqlite3.Connection, *, channel_id: int, message_id: int, time: float, stored: float) -> bool:
    """The message was posted; returns whether that is news.

    Args:
        stored: when the stream stored this word, Unix seconds: one from before the message was queued is of another
            message, which had its number before the database was restored.
    """
    return (
        connection.execute(
            """
            UPDATE outbound_messages SET sent = 1, sent_timestamp = ?,
                claimed_by = NULL, claimed_until = NULL, claim = NULL
            WHERE id = ? AND channel_id = ? AND sent = 0 AND timestamp <= ?
            """,
            (int(time), message_id, channel_id, stored + CLOCKS_DIFFER_S),
        ).rowcount
        > 0
    )


def mark_failed(
    connection: sqlite3.Connection,
    *,
    channel_id: int,
    message_id: int,
    error: str,
    permanent: bool,
    time: float,
    stored: float,
    attempted: bool = True,
    claimed_until: float | None = None,
) -> bool:
    """The message was not posted; returns whether that is news.

    It is due again after a while, or never where ``permanent``. Where it was not even ``attempted`` it is given back:
    as if it had not been claimed. The same failure told twice counts once, and takes no later claim away: while the
    message is claimed, a word that names a claim has to be about this one, since the clocks of two bots may differ.
    Else only what happened after the last failure is another one. ``stored`` is as in ``mark_sent``.
    """
    return (
        connection.execute(
            """
            UPDATE outbound_messages SET retry_count = retry_count + :tries, last_error = :error, sent = :permanent,
                claimed_by = NULL, claimed_until = NULL, claim = NULL, failed_at = max(failed_at, :time)
            WHERE id = :id AND channel_id = :channel AND sent = 0 AND timestamp <= :stored
                AND iif(:claim IS NULL OR claimed_until IS NULL, failed_at < :time, claimed_until = :claim)
            """,
            {
                "tries": int(attempted),
                "error": error,
                "permanent": int(permanent),
                "time": time,
                "id": message_id,
                "channel": channel_id,
                "stored": stored + CLOCKS_DIFFER_S,
                "claim": claimed_until,
            },
        ).rowcount
        > 0
    )


def sweep(connection: sqlite3.Connection, *, before: float, limit: int) -> int:
    """Delete up to ``limit`` messages that were settled before this time: sent, or failed for good."""
    return connection.execute(
        """
        DELETE FROM outbound_messages WHERE id IN (
            SELECT id FROM outbound_messages
            WHERE sent != 0 AND timestamp < ?1 AND coalesce(sent_timestamp, failed_at) < ?1 ORDER BY timestamp LIMIT ?2)
        """,
        (int(before), limit),
    ).rowcount
