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
    silent_since: float = 0.0,
) -> bool:
    """Record a play that began at ``started_at`` and was announced at ``time``; returns whether it is a new one.

    Args:
        silent_since: when it was last known that nothing plays: a play announced before is over, however late it is
            told.
    """
    known = connection.execute(
        """
        SELECT 1 FROM media_played
        WHERE channel_id = ? AND started_at BETWEEN ? AND ? AND type = ? AND media_id = ?
        """,
        (channel_id, started_at - START_TOLERANCE_S, started_at + START_TOLERANCE_S, media_type, media_id),
    ).fetchone()
    if known is not None:
        return False
    # Plays follow each other as they were announced: one that is skipped in its lead-in would have started later than
    # its successor. Of a play that was found running the start is all there is.
    began = min(time, started_at)
    # What played before ended when this began; a bot that was away saw neither.
    _end(connection, "min(started_at, seen_at) < ?", (channel_id, began), time=began, skipped=None)
    row_id = connection.execute(
        """
        INSERT INTO media_played (channel_id, started, started_at, seen_at, title, type, media_id, duration, queued_by)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (channel_id, int(started_at), started_at, time, title, media_type, media_id, int(duration), queued_by),
    ).lastrowid
    (next_began,) = connection.execute(
        """
        SELECT min(min(started_at, seen_at)) FROM media_played
        WHERE channel_id = ?1 AND started_at > ?2 AND seen_at > ?2
        """,
        (channel_id, began),
    ).fetchone()
    ends = [] if next_began is None else [next_began]
    if silent_since > time:
        ends.append(silent_since)
    if ends:
        _end(connection, "id = ?", (channel_id, row_id), time=min(ends), skipped=None)
    return True


def ended(connection: sqlite3.Connection, *, channel_id: int, time: float, skipped: bool | None = None) -> None:
    """End what plays at ``time``: whatever was announced before, which may be before its start.

    Args:
        skipped: whether it was cut short; where absent, whether its duration was not up.
    """
    _end(connection, "seen_at < ?", (channel_id, time), time=time, skipped=skipped)


def _end(
    connection: sqlite3.Connection,
    which: str,
    parameters: tuple[object, ...],
    *,
    time: float,
    skipped: bool | None,
) -> None:
    connection.execute(
        f"""
        UPDATE media_played SET
            ended = max(started, ?),
            skipped = coalesce(?, duration > 0 AND ? < started_at + duration - ?)
        WHERE channel_id = ? AND ended IS NULL AND {which}
        """,  # noqa: S608
        (int(time), None if skipped is None else int(skipped), time, CUT_SHORT_S, *parameters),
    )
