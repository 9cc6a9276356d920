"""Connecting and closing: once, safely, and with the sessions ended as the caller says."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import aiosqlite
import pytest

from rosey_database import BotDatabase
from tests.support.clock import MovableClock
from tests.support.waiting import until


async def test_connect_creates_connection(tmp_path: Path) -> None:
    database = BotDatabase(str(tmp_path / "bot_data.db"))
    assert database.conn is None
    assert not database.is_connected
    await database.connect()
    assert isinstance(database.conn, aiosqlite.Connection)
    assert database.is_connected
    async with database.conn.execute("SELECT 1 AS one") as cursor:
        row = await cursor.fetchone()
    assert row is not None
    assert row["one"] == 1
    await database.close()
    assert database.conn is None
    assert not database.is_connected


async def test_connect_twice_raises_error(temp_database: BotDatabase) -> None:
    before = temp_database.conn
    with pytest.raises(RuntimeError, match="already connected"):
        await temp_database.connect()
    assert temp_database.conn is before
    assert await temp_database.get_total_users_seen() == 0


async def test_of_two_connects_at_once_one_connects(tmp_path: Path) -> None:
    database = BotDatabase(tmp_path / "bot_data.db")
    outcomes = await asyncio.gather(database.connect(), database.connect(), return_exceptions=True)
    assert outcomes[0] is None
    assert isinstance(outcomes[1], RuntimeError)
    await asyncio.gather(database.close(), database.close(end_sessions=False))
    assert not database.is_connected


async def test_a_close_during_connect_closes_what_is_opened(tmp_path: Path) -> None:
    database = BotDatabase(tmp_path / "bot_data.db")
    await asyncio.gather(database.connect(), database.close())
    assert not database.is_connected
    assert database.conn is None


@pytest.mark.parametrize("turns", range(12))
async def test_who_is_cancelled_leaves_no_thread_behind(tmp_path: Path, turns: int) -> None:
    async def cancelled(call: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(call)
        for _ in range(turns):
            await asyncio.sleep(0.0005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    before = {thread for thread in threading.enumerate() if not thread.name.startswith("asyncio")}
    database = BotDatabase(tmp_path / "bot_data.db")
    await cancelled(database.connect())
    if not database.is_connected:
        await database.connect()
    await cancelled(database.close())
    await database.close()
    assert not database.is_connected
    await until(lambda: {it for it in threading.enumerate() if not it.name.startswith("asyncio")} <= before)


async def test_close_gracefully_handles_no_connection(tmp_path: Path) -> None:
    database = BotDatabase(tmp_path / "bot_data.db")
    await database.close()
    await database.close(end_sessions=False)
    await database.connect()
    await database.close()
    await database.close()
    assert not database.is_connected


async def test_close_commits_active_sessions(database_file: Path, clock: MovableClock) -> None:
    database = BotDatabase(database_file, clock=clock)
    await database.connect()
    joined = int(clock.now)
    await database.user_joined("Ann")
    clock.move(90)
    await database.close()

    await database.connect()
    assert await database.get_user_stats("Ann") == {
        "username": "Ann",
        "first_seen": joined,
        "last_seen": joined + 90,
        "total_chat_lines": 0,
        "total_time_connected": 90,
        "current_session_start": None,
    }
    await database.close()


async def test_a_service_closes_without_ending_sessions(database_file: Path, clock: MovableClock) -> None:
    database = BotDatabase(database_file, clock=clock)
    await database.connect()
    joined = int(clock.now)
    await database.user_joined("Ann")
    clock.move(90)
    await database.close(end_sessions=False)

    await database.connect()
    stats = await database.get_user_stats("Ann")
    assert stats is not None
    assert stats["current_session_start"] == joined
    clock.move(10)
    await database.user_left("Ann")
    stats = await database.get_user_stats("Ann")
    assert stats is not None
    assert stats["total_time_connected"] == 100
    await database.close()


async def test_close_commits_what_the_caller_left_open(temp_database: BotDatabase) -> None:
    assert temp_database.conn is not None
    await temp_database.user_joined("Ann")
    await temp_database.conn.execute("BEGIN")
    await temp_database.conn.execute("INSERT INTO recent_chat (timestamp, username, message) VALUES (1, 'Ann', 'hi')")
    await temp_database.close()

    await temp_database.connect()
    assert [line["message"] for line in await temp_database.get_recent_chat()] == ["hi"]
    stats = await temp_database.get_user_stats("Ann")
    assert stats is not None
    assert stats["current_session_start"] is None


async def test_a_connection_that_the_caller_closed_is_no_matter(temp_database: BotDatabase) -> None:
    assert temp_database.conn is not None
    await temp_database.conn.close()
    await temp_database.user_joined("Ann")
    await temp_database.close()
    assert not temp_database.is_connected


async def test_it_is_closed_also_where_the_sessions_cannot_be_ended(temp_database: BotDatabase) -> None:
    assert temp_database.conn is not None
    await temp_database.conn.execute("DROP TABLE user_stats")
    with pytest.raises(aiosqlite.Error, match="user_stats"):
        await temp_database.close()
    assert not temp_database.is_connected
    assert temp_database.conn is None


def test_nothing_happens_in_the_constructor(tmp_path: Path) -> None:
    path = tmp_path / "bot_data.db"
    assert BotDatabase(path).db_path == str(path)
    assert BotDatabase(db_path=str(path)).db_path == str(path)
    assert BotDatabase().db_path == "bot_data.db"
    assert not path.exists()


def test_is_connected_cannot_be_set(tmp_path: Path) -> None:
    with pytest.raises(AttributeError):
        BotDatabase(tmp_path / "x.db").is_connected = True  # type: ignore[misc]


async def test_in_memory_one_database_serves_all_connections(clock: MovableClock) -> None:
    database = BotDatabase(":memory:", clock=clock)
    await database.connect()
    await database.user_joined("Ann")
    assert database.conn is not None
    async with database.conn.execute("SELECT username FROM user_stats") as cursor:
        assert [tuple(row) for row in await cursor.fetchall()] == [("Ann",)]
    await database.conn.execute("INSERT INTO user_stats (username, first_seen, last_seen) VALUES ('Bob', 1, 2)")
    assert await database.get_total_users_seen() == 2
    other = BotDatabase(":memory:")
    await other.connect()
    assert await other.get_total_users_seen() == 0
    await other.close()
    await database.close()
    await database.connect()
    assert await database.get_total_users_seen() == 0
    await database.close()


def _garbage(path: Path) -> Path:
    path.write_bytes(b"this is no database" * 200)
    return path


def _missing_folder(path: Path) -> Path:
    return path / "missing" / "bot_data.db"


def _directory(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.parametrize(
    ("make", "says"),
    [(_directory, "is a folder"), (_garbage, "not a database"), (_missing_folder, "its folder exists")],
    ids=["folder", "garbage", "missing folder"],
)
async def test_what_cannot_be_opened_raises_the_driver_s_error_and_leaves_nothing_open(
    tmp_path: Path, make: Callable[[Path], Path], says: str
) -> None:
    path = make(tmp_path / "x")
    database = BotDatabase(path)
    with pytest.raises(aiosqlite.Error, match=says) as caught:
        await database.connect()
    assert str(path) in str(caught.value)
    assert not database.is_connected
    assert database.conn is None
    await database.close()


@pytest.fixture
def broken_file(database_file: Path) -> Path:
    """A database whose first page is noise behind its header."""
    content = bytearray(database_file.read_bytes())
    content[100:4096] = os.urandom(3996)
    database_file.write_bytes(content)
    return database_file


async def test_a_broken_database_is_refused(broken_file: Path) -> None:
    with pytest.raises(aiosqlite.Error, match="corrupt"):
        await BotDatabase(broken_file).connect()


async def test_calls_without_a_connection_say_so(tmp_path: Path) -> None:
    database = BotDatabase(tmp_path / "x.db")
    for call in (
        database.user_joined("Ann"),
        database.get_user_stats("Ann"),
        database.perform_maintenance(),
    ):
        with pytest.raises(aiosqlite.Error, match="not connected"):
            await call
    with pytest.raises(aiosqlite.Error, match="not connected"):
        _ = database.location


async def test_a_statement_of_the_caller_s_never_holds_up_writing(temp_database: BotDatabase) -> None:
    assert temp_database.conn is not None
    await temp_database.conn.execute(
        "INSERT INTO recent_chat (timestamp, username, message) VALUES (1, 'Ann', 'by hand')"
    )
    assert not temp_database.conn.in_transaction
    await asyncio.wait_for(temp_database.user_chat_message("Ann", "hi"), 2)
    assert [line["message"] for line in await temp_database.get_recent_chat()] == ["by hand", "hi"]


async def test_an_unfinished_select_of_the_caller_s_does_not_hold_up_writing(temp_database: BotDatabase) -> None:
    for name in ("Ann", "Bob", "Cid"):
        await temp_database.user_joined(name)
    assert temp_database.conn is not None
    async with temp_database.conn.execute("SELECT username FROM user_stats") as cursor:
        await cursor.fetchone()
        await asyncio.wait_for(temp_database.user_left("Ann"), 2)


async def test_connecting_fast_enough_for_a_restart(temp_database: BotDatabase) -> None:
    await temp_database.close()
    loop = asyncio.get_running_loop()
    seconds = []
    for _ in range(5):
        began = loop.time()
        await temp_database.connect()
        seconds.append(loop.time() - began)
        await temp_database.close()
    assert min(seconds) < 0.1


def test_alembic_is_not_imported_for_a_database_that_is_up_to_date(database_file: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from rosey_database import BotDatabase\n"
        "async def main():\n"
        "    database = BotDatabase(sys.argv[1])\n"
        "    await database.connect()\n"
        "    await database.user_joined('Ann')\n"
        "    await database.close()\n"
        "asyncio.run(main())\n"
        "print(sorted(name for name in sys.modules if name.partition('.')[0] in ('alembic', 'mako')))\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program, str(database_file)], check=True, capture_output=True, text=True
    )
    assert shown.stdout.strip() == "[]"


async def test_two_databases_on_one_file_do_not_disturb_each_other(
    temp_database: BotDatabase, database_file: Path, clock: MovableClock
) -> None:
    other = BotDatabase(database_file, clock=clock)
    await other.connect()
    await asyncio.gather(
        *(database.user_chat_message("Ann", f"{n}") for n in range(20) for database in (temp_database, other))
    )
    stats = await other.get_user_stats("Ann")
    assert stats is not None
    assert stats["total_chat_lines"] == 40
    await other.close()
