"""Reading: along indexes only, on connections that cannot write."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from rosey_core import events
from rosey_database import BotDatabase, effects
from rosey_database.writer import Transaction
from tests.support.clock import MovableClock

HISTORIES = ("recent_chat", "user_count_history", "user_actions", "media_played", "outbound_messages", "user_stats")


class WatchedConnection:
    """A connection that notes every statement and its parameters."""

    def __init__(self, connection: sqlite3.Connection, seen: list[tuple[str, Any]]) -> None:
        self._connection = connection
        self._seen = seen

    def execute(self, statement: str, parameters: Any = ()) -> sqlite3.Cursor:
        self._seen.append((statement, parameters))
        return self._connection.execute(statement, parameters)


@contextmanager
def statements_of(database: BotDatabase) -> Iterator[list[tuple[str, Any]]]:
    """Every statement that is read with meanwhile, with its parameters."""
    seen: list[tuple[str, Any]] = []
    reader = database.queries._reader
    with pytest.MonkeyPatch.context() as patch:
        read = reader._read
        patch.setattr(
            reader, "_read", lambda function: read(lambda connection: function(WatchedConnection(connection, seen)))
        )
        yield seen


async def _fill(database: BotDatabase) -> None:
    """Enough rows, and SQLite's statistics of them, for the planner to prefer what it will prefer in the field."""
    assert database.conn is not None
    users = [(f"u{n}", f"u{n}", n % 50, channel) for n in range(500) for channel in (1, 2)]
    await database.update_current_status(channel="lobby", bot_name="Rosey")
    await database.conn.executemany(
        "INSERT INTO user_stats (username, user_key, first_seen, last_seen, total_chat_lines, channel_id) "
        "VALUES (?, ?, 1, 1, ?, ?)",
        users,
    )
    rows = [(n, channel) for n in range(1000) for channel in (1, 2)]
    for statement in (
        "INSERT INTO recent_chat (timestamp, username, message, channel_id) VALUES (?, 'Ann', 'hi', ?)",
        "INSERT INTO user_count_history (timestamp, chat_users, connected_users, channel_id) VALUES (?, 1, 1, ?)",
        "INSERT INTO user_actions (timestamp, username, action_type, channel_id) VALUES (?, 'Ann', 'x', ?)",
        "INSERT INTO media_played (started, title, type, media_id, channel_id) VALUES (?, 'a', 'yt', 'a', ?)",
        "INSERT INTO outbound_messages (timestamp, message, sent, channel_id) VALUES (?, 'hi', 1, ?)",
    ):
        await database.conn.executemany(statement, rows)
    await database.perform_maintenance()


async def _ask_everything(database: BotDatabase, channel: str | None) -> None:
    queries = database.queries
    await queries.statistics(channel, 10)
    await queries.high_water(channel)
    await queries.user(channel, "u7")
    await queries.users(channel)
    await queries.top_chatters(channel, 10)
    await queries.users_seen(channel)
    await queries.count_history(channel, 10)
    await queries.count_history(channel, 10, 100)
    await queries.recent_chat(channel, 20)
    await queries.recent_chat(channel, 20, since=10)
    await queries.recent_messages(channel, 20, 10)
    await queries.unsent(channel, limit=5, max_retries=3, now=10, bypass_backoff=False)
    await queries.outcome_unknown(channel, 10)
    await queries.status(channel)
    await queries.audit(channel, user=None, command="stats", since=0, limit=10)
    await queries.audit(channel, user="Ann", command=None, since=0, limit=10)
    await queries.audit(channel, user=None, command=None, since=0, limit=10, until=9, result="error", offset=2)
    await queries.media_history(channel, since=0, limit=10)


async def test_no_query_scans_a_history(temp_database: BotDatabase, database_file: Path) -> None:
    await _fill(temp_database)
    with statements_of(temp_database) as seen:
        for channel in (None, "lobby"):
            await _ask_everything(temp_database, channel)
    assert len(seen) > 30
    with closing(sqlite3.connect(database_file)) as connection:
        for statement, parameters in seen:
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            for step in plan:
                assert not re.match(rf"SCAN ({'|'.join(HISTORIES)})\b", step), (statement, plan)
                if "username COLLATE" in statement or '"NOCASE"' in statement:
                    assert "user_actions_channel" not in step, (statement, plan)
            # Sorting everything is a scan by another name; all users at once is asked for by nobody who waits, and the
            # top chatters are sorted again when they are few.
            if "LIMIT" in statement:
                sorts = [step for step in plan if "TEMP B-TREE" in step]
                assert len(sorts) <= plan.count("MATERIALIZE top"), (statement, plan)


async def test_a_scan_would_be_noticed(database_file: Path) -> None:
    with closing(sqlite3.connect(database_file)) as connection:
        (plan,) = connection.execute("EXPLAIN QUERY PLAN SELECT count(*) FROM recent_chat WHERE message = 'x'")
    assert re.match(rf"SCAN ({'|'.join(HISTORIES)})\b", plan[3])


async def test_reading_cannot_write(temp_database: BotDatabase) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await temp_database.queries._reader.run(lambda connection: connection.execute("DELETE FROM channels"))


async def test_what_is_written_is_read_at_once(temp_database: BotDatabase) -> None:
    for number in range(20):
        await temp_database.user_chat_message("Ann", f"{number}")
        assert (await temp_database.get_recent_chat(1))[0]["message"] == f"{number}"


async def _apply(database: BotDatabase, *given: tuple[events.Event, float, str | None]) -> None:
    received = [
        effects.Received(happened, channel, bytes([index]) * 16, time, time)
        for index, (happened, time, channel) in enumerate(given, 1)
    ]

    def apply(work: Transaction) -> None:
        effects.apply(work.connection, work.channel_ids, received)

    await database.writer.run(apply)


async def test_the_audit_is_told_newest_first_and_by_user_command_and_time(temp_database: BotDatabase) -> None:
    await _apply(
        temp_database,
        (events.PmCommand(username="Mod", command="kick", args="Bob", result="success"), 100, None),
        (events.PmCommand(username="mod", command="kick", args="Cid", result="error", error="too strong"), 200, None),
        (events.PmCommand(username="Eve", command="kickban"), 300, None),
        (events.PmCommand(username="Eve", command="stats"), 300, "lobby"),
    )
    await temp_database.log_user_action("Eve", "wave")
    ask = temp_database.queries.audit
    everything = await ask(None, user=None, command=None, since=0, limit=10)
    assert [row["details"] for row in everything] == [
        None,
        "cmd=kickban, args: , result: unknown",
        "cmd=kick, args: Cid, result: error, error: too strong",
        "cmd=kick, args: Bob, result: success",
    ]
    assert everything[3] == {
        "id": 1,
        "timestamp": 100,
        "username": "Mod",
        "action_type": "pm_command",
        "details": "cmd=kick, args: Bob, result: success",
        "result": "success",
    }
    assert [row["id"] for row in await ask(None, user="MOD", command=None, since=0, limit=10)] == [2, 1]
    assert [row["id"] for row in await ask(None, user=None, command="kick", since=0, limit=10)] == [2, 1]
    assert [row["id"] for row in await ask(None, user="mod", command="kick", since=150, limit=10)] == [2]
    assert len(await ask(None, user=None, command=None, since=0, limit=2)) == 2
    assert [row["username"] for row in await ask("lobby", user=None, command=None, since=0, limit=9)] == ["Eve"]
    everybody = {"user": None, "since": 0, "limit": 9}
    assert [row["id"] for row in await ask(None, **everybody, command="KICK", until=200)] == [1]
    assert [row["id"] for row in await ask(None, **everybody, command=None, result="error")] == [2]
    assert [row["id"] for row in await ask(None, **everybody, command=None, offset=2)] == [2, 1]


async def test_media_are_told_newest_first(temp_database: BotDatabase, clock: MovableClock) -> None:
    await _apply(
        temp_database,
        (events.MediaPlayed(title="One", type="yt", id="a", duration=60, queued_by="Ann"), 1000, None),
        (events.MediaPlayed(title="Two", type="yt", id="b", duration=60), 1030, None),
    )
    assert await temp_database.queries.media_history(None, since=0, limit=10) == [
        {
            "title": "Two",
            "type": "yt",
            "id": "b",
            "duration": 60,
            "queued_by": None,
            "started": 1030,
            "ended": None,
            "skipped": False,
        },
        {
            "title": "One",
            "type": "yt",
            "id": "a",
            "duration": 60,
            "queued_by": "Ann",
            "started": 1000,
            "ended": 1030,
            "skipped": True,
        },
    ]
    assert len(await temp_database.queries.media_history(None, since=1010, limit=10)) == 1
    assert len(await temp_database.queries.media_history(None, since=0, limit=1)) == 1
