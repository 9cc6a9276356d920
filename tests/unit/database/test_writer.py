"""The writer: one transaction a call, rolled back where it raises, and checkpoints off the path of commits."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from rosey_database import sqlite, writer
from rosey_database.sqlite import Location
from rosey_database.writer import Transaction, Writer
from tests.support.waiting import until


@pytest.fixture
async def opened(database_file: Path) -> AsyncIterator[Writer]:
    opened = Writer(Location.of(database_file))
    await opened.open()
    yield opened
    await opened.close()


def put(work: Transaction) -> None:
    work.connection.execute("INSERT INTO rosey_info (key, value) VALUES ('a', '1')")


def get(work: Transaction) -> int:
    (count,) = work.connection.execute("SELECT count(*) FROM rosey_info WHERE key = 'a'").fetchone()
    return int(count)


async def test_what_raises_is_rolled_back(opened: Writer) -> None:
    def fail(work: Transaction) -> None:
        put(work)
        raise ValueError("after all")

    with pytest.raises(ValueError, match="after all"):
        await opened.run(fail)
    assert await opened.run(get) == 0
    await opened.run(put)
    assert await opened.run(get) == 1


@pytest.mark.parametrize(("durable", "level"), [(False, 1), (True, 2)])
async def test_durable_means_on_disk(opened: Writer, durable: bool, level: int) -> None:
    def synchronous(work: Transaction) -> int:
        return int(work.connection.execute("PRAGMA synchronous").fetchone()[0])

    assert await opened.run(synchronous, durable=durable) == level
    normal = 1
    assert await opened.run(synchronous) == normal


async def test_a_lock_held_by_another_process_is_an_error_and_passes(
    opened: Writer, database_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def impatient(work: Transaction) -> None:
        work.connection.execute("PRAGMA busy_timeout = 1").fetchall()

    await opened.run(impatient)
    with closing(sqlite3.connect(database_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked") as caught:
            await opened.run(put)
        assert sqlite.is_storage_fault(caught.value)
        assert "another process holds a lock" in sqlite.advice(caught.value, Location.of(database_file))
    await opened.run(put)
    assert await opened.run(get) == 1


async def test_a_closed_writer_says_so(opened: Writer) -> None:
    await opened.close()
    await opened.close()
    with pytest.raises(sqlite3.ProgrammingError, match="not connected"):
        await opened.run(get)


async def test_what_cannot_be_opened_leaves_no_thread(tmp_path: Path) -> None:
    broken = Writer(Location.of(tmp_path / "missing" / "x.db"))
    with pytest.raises(sqlite3.OperationalError):
        await broken.open()
    await broken.close()


async def test_checkpoints_move_the_log_into_the_file(database_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "CHECKPOINT_INTERVAL_S", 0.01)
    opened = Writer(Location.of(database_file))
    await opened.open()
    before = database_file.read_bytes()  # noqa: ASYNC240
    await opened.run(put)
    await until(lambda: database_file.read_bytes() != before)
    await opened.close()


async def test_a_checkpoint_that_fails_is_told_once_and_tried_again(
    database_file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer, "CHECKPOINT_INTERVAL_S", 0.001)
    opened = Writer(Location.of(database_file))
    tries = 0

    connect = sqlite.connect

    def fail(location: Location) -> sqlite3.Connection:
        nonlocal tries
        if threading.current_thread().name != "database-checkpoints":
            return connect(location)
        tries += 1
        raise sqlite3.OperationalError("disk I/O error")

    with caplog.at_level(logging.WARNING), monkeypatch.context() as patch:
        patch.setattr(sqlite, "connect", fail)
        await opened.open()
        await until(lambda: tries > 3)
    await opened.close()
    assert [record.getMessage().count("disk I/O error") for record in caplog.records] == [1]
