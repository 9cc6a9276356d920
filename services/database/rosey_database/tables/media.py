"""Media played: one row a play, however often and by however many bots it is reported.

A play is the same play if it is the same item and its start agrees: a bot that comes into the middle of a video
computes the start from CyTube's ``currentTime`` (PROTOCOL.md 8).
"""

from __future__ import annotations

import sqlite3
from typing import Final

START_TOLERANCE_S: Final = 2.5
"""Two sights of one play differ by the way of a frame and by how late ``mediaUpdate`` is; two plays by more."""
CUT_SHORT_S: Final = 1.0
"""A play that ended more than this before its time was skipped."""
LEAD_IN_S: Final = 3.1
"""A timed play is announced during its lead-in, three seconds before it starts (PROTOCOL.md 8)."""


def played(
    connection: sqlite3.Connection,
    *,
    channel_id: int,
    media_type: str,
    media_id: str,
    title: str,
    duration: float,
    queued_by: str | None,
    started_at: float,
    time: float,
) -> bool:
    """Record a play that began at ``started_at`` and was seen at ``time``; returns whether it is a new one."""
    known = connection.execute(
        """
        SELECT 1 FROM media_played
        WHERE channel_id = ? AND started_at BETWEEN ? AND ? AND type = ? AND media_id = ?
        """,
        (channel_id, started_at - START_TOLERANCE_S, started_at + START_TOLERANCE_S, media_type, media_id),
    ).fetchone()
    if known is not None:
        return False
    # What played before ended when this began; a bot that was away saw neither.
    ended(connection, channel_id=channel_id, time=min(time, started_at), before=started_at)
    connection.execute(
        """
        INSERT INTO media_played (channel_id, started, started_at, title, type, media_id, duration, queued_by)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (channel_id, int(started_at), started_at, title, media_type, media_id, int(duration), queued_by),
    )
    return True


def ended(
    connection: sqlite3.Connection,
    *,
    channel_id: int,
    time: float,
    before: float | None = None,
    skipped: bool | None = None,
) -> None:
    """End what plays at ``time``.

    Args:
        before: only plays that began before this; where absent, those that were announced by ``time``.
        skipped: whether it was cut short; where absent, whether its duration was not up.
    """
    connection.execute(
        """
        UPDATE media_played SET
            ended = max(started, ?),
            skipped = coalesce(?, duration > 0 AND ? < started_at + duration - ?)
        WHERE channel_id = ? AND ended IS NULL AND started_at < coalesce(?, ? + iif(duration > 0, ?, 0.001))
        """,
        (
            int(time),
            None if skipped is None else int(skipped),
            time,
            CUT_SHORT_S,
            channel_id,
            before,
            time,
            LEAD_IN_S,
        ),
    )
