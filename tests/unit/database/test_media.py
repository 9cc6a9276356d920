"""Plays follow each other as they were announced, which is not always the order of their starts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rosey_database.tables import media

LEAD_IN = 3.0


@pytest.fixture
def connection(database_file: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(database_file)
    yield connection
    connection.close()


def announce(connection: sqlite3.Connection, media_id: str, time: float, *, started_at: float | None = None) -> bool:
    return media.played(
        connection,
        channel_id=1,
        media_type="tw",
        media_id=media_id,
        title=media_id,
        duration=60,
        queued_by=None,
        started_at=time if started_at is None else started_at,
        time=time,
    )


def plays(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
    return connection.execute("SELECT media_id, started, ended, skipped FROM media_played ORDER BY id").fetchall()


def test_a_play_that_is_skipped_in_its_lead_in_ends_and_its_successor_goes_on(connection: sqlite3.Connection) -> None:
    """The successor is live: it has no lead-in, and starts before the start that the skipped one would have had."""
    announce(connection, "timed", 100, started_at=100 + LEAD_IN)
    announce(connection, "live", 101)
    assert plays(connection) == [("timed", 103, 103, 1), ("live", 101, None, 0)]


def test_a_play_that_is_told_late_ended_when_its_successor_was_announced(connection: sqlite3.Connection) -> None:
    announce(connection, "second", 120, started_at=120 + LEAD_IN)
    announce(connection, "first", 100)
    assert plays(connection) == [("second", 123, None, 0), ("first", 100, 120, 1)]


def test_a_play_that_was_found_running_precedes_what_was_announced_before_it_was_found(
    connection: sqlite3.Connection,
) -> None:
    announce(connection, "second", 120)
    announce(connection, "first", 130, started_at=100)
    assert plays(connection) == [("second", 120, None, 0), ("first", 100, 120, 1)]
