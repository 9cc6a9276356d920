"""The database's file and its write-ahead log, under a writer that never rests."""

import asyncio
import os
import shutil
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rosey_database import sqlite, writer
from rosey_database.reader import Reader
from rosey_database.sqlite import Location
from rosey_database.writer import Transaction, Writer

LIMIT = 1 << 20


@pytest.fixture
async def opened(database_file: Path) -> AsyncIterator[Writer]:
    """A writer on ``database_file``, already open."""
    result = Writer(Location.of(database_file))
    await result.open()
    yield result
    await result.close()


@pytest.fixture
async def reader(database_file: Path) -> AsyncIterator[Reader]:
    """A reader of ``database_file``."""
    result = Reader(Location.of(database_file))
    yield result
    await result.close()


def write(work: Transaction) -> None:
    work.connection.executemany(
        "INSERT INTO recent_chat (timestamp, username, message) VALUES (1, 'Ann', ?)", [("x" * 100,)] * 200
    )


def count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM channels").fetchone()[0])


def _times_begun(log_file: Path) -> int:
    """The log's own count (https://www.sqlite.org/fileformat2.html, WAL header, checkpoint sequence number)."""
    return int.from_bytes(log_file.read_bytes()[12:16], "big")


async def test_the_write_ahead_log_stays_bounded_under_a_writer_that_never_rests(
    opened: Writer, database_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "CHECKPOINT_INTERVAL_S", 0.01)
    monkeypatch.setattr(writer, "LOG_BYTES", LIMIT)
    log_file = database_file.with_name(f"{database_file.name}-wal")
    await opened.run(write)
    transaction = log_file.stat().st_size
    written = largest = 0
    while _times_begun(log_file) < 3:
        await opened.run(write)
        written += transaction
        largest = max(largest, log_file.stat().st_size)
        assert written < 500 * LIMIT, "the log was never begun anew"
    assert largest < 50 * LIMIT


@pytest.mark.parametrize("replaced", [False, True])
async def test_a_file_that_is_deleted_or_replaced_is_not_written_to_as_if_it_were_there(
    opened: Writer, database_file: Path, empty_database: Path, replaced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await opened.run(write)
    monkeypatch.chdir("/")
    moved = database_file.with_name("moved.db")
    shutil.move(database_file, moved)
    if replaced:
        shutil.copy(empty_database, database_file)
    with pytest.raises(sqlite3.OperationalError, match="deleted or replaced") as raised:
        await opened.run(write)
    assert sqlite.is_storage_fault(raised.value)
    shutil.move(moved, database_file)
    await opened.run(write)


async def test_questions_are_not_answered_from_a_file_that_was_replaced(
    reader: Reader, database_file: Path, empty_database: Path
) -> None:
    await reader.run(count)
    moved = database_file.with_name("moved.db")
    shutil.move(database_file, moved)
    # Its folder may be away for a moment.
    assert await reader.run(count) == 1
    shutil.copy(empty_database, database_file)
    with pytest.raises(sqlite3.OperationalError, match="deleted or replaced"):
        await reader.run(count)
    shutil.move(moved, database_file)
    assert await reader.run(count) == 1


async def test_a_file_that_is_deleted_does_not_come_back_empty(reader: Reader, database_file: Path) -> None:
    await reader.run(count)
    os.unlink(database_file)
    begun, go_on = threading.Event(), threading.Event()

    def hold(connection: sqlite3.Connection) -> int:
        begun.set()
        go_on.wait(10)
        return count(connection)

    holding = asyncio.create_task(reader.run(hold))
    await asyncio.to_thread(begun.wait, 10)
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        await reader.run(count)
    go_on.set()
    assert await holding == 1
    with pytest.raises(FileNotFoundError):
        os.stat(database_file)
