"""Reading beside the writer: on few connections, in threads, until it is closed."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from rosey_database import BotDatabase
from rosey_database.reader import READERS, Reader
from rosey_database.sqlite import DatabaseClosed, Location


async def test_a_slow_question_holds_no_other_back(database_file: Path) -> None:
    reader = Reader(Location.of(database_file))
    go_on = threading.Event()
    try:
        slow = asyncio.create_task(reader.run(lambda connection: go_on.wait(10)))
        rows = await asyncio.wait_for(
            reader.run(lambda connection: connection.execute("SELECT count(*) FROM channels").fetchall()), 5
        )
        assert rows == [(1,)]
        assert not slow.done()
    finally:
        go_on.set()
        await slow
        await reader.close()


async def test_connections_are_used_again_and_are_few(database_file: Path) -> None:
    reader = Reader(Location.of(database_file))
    used = [await reader.run(id) for _ in range(10)]
    assert len(set(used)) == 1
    await asyncio.gather(*(reader.run(lambda connection: connection.execute("SELECT 1")) for _ in range(50)))
    assert 1 <= len(reader._idle) <= READERS
    await reader.close()


async def test_what_is_being_read_is_read_before_it_closes(database_file: Path) -> None:
    reader = Reader(Location.of(database_file))
    begun, go_on = threading.Event(), threading.Event()

    def read(connection: sqlite3.Connection) -> int:
        begun.set()
        go_on.wait(10)
        return int(connection.execute("SELECT 7").fetchone()[0])

    reading = asyncio.create_task(reader.run(read))
    await asyncio.to_thread(begun.wait, 10)
    closing = asyncio.create_task(reader.close())
    await asyncio.sleep(0)
    with pytest.raises(DatabaseClosed):
        await reader.run(read)
    go_on.set()
    assert await reading == 7
    await closing
    await reader.close()


async def test_a_question_that_fails_gives_its_connection_back(database_file: Path) -> None:
    reader = Reader(Location.of(database_file))
    for _ in range(2 * READERS):
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            await reader.run(lambda connection: connection.execute("SELECT * FROM nowhere"))
    assert len(reader._idle) == 1
    await reader.close()


async def test_the_statistics_of_a_channel_are_of_one_moment(temp_database: BotDatabase) -> None:
    """A user who is counted is among the chatters, whenever one asks."""
    stop = asyncio.Event()

    async def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            await temp_database.user_chat_message(f"user{number}", "hi")

    writing = asyncio.create_task(write())
    for _ in range(100):
        rows = await temp_database.queries.statistics(None, 1000)
        named = [row for row in rows if row["username"] is not None]
        assert len(named) == rows[0]["users_seen"]
    stop.set()
    await writing


async def test_top_chatters_of_equal_counts_come_in_the_order_of_their_names(temp_database: BotDatabase) -> None:
    for name in ("cid", "Ann", "bob"):
        await temp_database.user_chat_message(name, "hi")
    await temp_database.user_chat_message("Dan", "hi")
    await temp_database.user_chat_message("Dan", "hi")
    rows = await temp_database.queries.statistics(None, 3)
    assert [row["username"] for row in rows] == ["Dan", "Ann", "bob"]
    assert await temp_database.queries.statistics("nowhere", 3) == []
