"""Maintenance: what is older than its retention goes, in slices that let others write."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from rosey_database import BotDatabase, maintenance
from rosey_database.maintenance import Retention
from tests.support.clock import MovableClock

HOUR = 3600
DAY = 24 * HOUR

NOTHING = {"recent_chat": 0, "user_count_history": 0, "outbound_messages": 0, "api_tokens": 0, "user_actions": 0}


async def _one_of_each(database: BotDatabase) -> None:
    await database.user_chat_message("Ann", "hi")
    await database.log_chat("Ann", "hi")
    await database.log_user_count(1, 1)
    await database.mark_outbound_sent(await database.enqueue_outbound_message("sent"))
    await database.mark_outbound_failed(await database.enqueue_outbound_message("failed"), "no", is_permanent=True)
    await database.enqueue_outbound_message("waiting")
    await database.revoke_api_token(await database.generate_api_token("revoked"))
    await database.generate_api_token("good")
    await database.log_user_action("Ann", "wave")


@pytest.mark.parametrize(
    ("age", "deleted"),
    [
        (150 * HOUR - 1, {}),
        (150 * HOUR + 2, {"recent_chat": 2}),
        (7 * DAY + 2, {"recent_chat": 2, "outbound_messages": 2}),
        (30 * DAY + 2, {"recent_chat": 2, "outbound_messages": 2, "user_count_history": 1}),
        (90 * DAY + 2, {"recent_chat": 2, "outbound_messages": 2, "user_count_history": 1, "api_tokens": 1}),
        (
            365 * DAY + 2,
            {
                "recent_chat": 2,
                "outbound_messages": 2,
                "user_count_history": 1,
                "api_tokens": 1,
                "user_actions": 1,
            },
        ),
    ],
)
async def test_each_table_is_swept_after_its_own_time(
    temp_database: BotDatabase, clock: MovableClock, age: int, deleted: dict[str, int]
) -> None:
    await _one_of_each(temp_database)
    clock.move(age)
    await _one_of_each(temp_database)
    assert await temp_database.perform_maintenance() == {**NOTHING, **deleted}
    assert await temp_database.perform_maintenance() == NOTHING
    assert len(await temp_database.get_unsent_outbound_messages()) == 2
    assert len(await temp_database.list_api_tokens()) == 2
    assert await temp_database.get_total_users_seen() == 1


async def test_a_line_logged_with_its_time_is_as_old_as_that(temp_database: BotDatabase, clock: MovableClock) -> None:
    await temp_database.log_chat("Ann", "older", clock.now - 150 * HOUR - 2)
    await temp_database.log_chat("Ann", "kept", timestamp=clock.now - 150 * HOUR + 2)
    assert await temp_database.perform_maintenance() == {**NOTHING, "recent_chat": 1}
    assert [line["message"] for line in await temp_database.get_recent_chat()] == ["kept"]


async def test_retention_is_configurable(database_file: Path, clock: MovableClock) -> None:
    database = BotDatabase(database_file, clock=clock, retention=Retention(chat_hours=1, actions_days=1))
    await database.connect()
    await _one_of_each(database)
    clock.move(2 * HOUR)
    assert await database.perform_maintenance() == {**NOTHING, "recent_chat": 2}
    clock.move(DAY)
    assert await database.perform_maintenance() == {**NOTHING, "user_actions": 1}
    await database.close()


async def test_a_claimed_message_of_unknown_outcome_stays(temp_database: BotDatabase, clock: MovableClock) -> None:
    await temp_database.enqueue_outbound_message("claimed")
    await temp_database.claim_outbound_messages()
    clock.move(1000 * DAY)
    assert await temp_database.perform_maintenance() == NOTHING
    assert len(await temp_database.get_outbound_outcome_unknown()) == 1


async def test_writing_goes_on_between_the_slices(temp_database: BotDatabase, clock: MovableClock) -> None:
    assert temp_database.conn is not None
    await temp_database.conn.executemany(
        "INSERT INTO recent_chat (timestamp, username, message) VALUES (?, 'Ann', 'x')", [(1,)] * 1000
    )
    sweeping = asyncio.create_task(maintenance.perform(temp_database.writer, Retention(), clock=clock, slice_rows=10))
    written = 0
    while not sweeping.done():
        await temp_database.user_chat_message("Ann")
        written += 1
    assert (await sweeping)["recent_chat"] == 1000
    # One write for each slice at least, were it strictly by turns; far less would mean that writers starve.
    assert written > 25


async def test_space_is_given_back(temp_database: BotDatabase, database_file: Path) -> None:
    def pages() -> int:
        with closing(sqlite3.connect(database_file)) as connection:
            return int(connection.execute("PRAGMA page_count").fetchone()[0])

    assert temp_database.conn is not None
    await temp_database.conn.executemany(
        "INSERT INTO recent_chat (timestamp, username, message) VALUES (?, 'Ann', ?)", [(1, "x" * 4000)] * 600
    )
    before = pages()
    await temp_database.perform_maintenance()
    assert before > 600
    assert pages() < before / 4


async def test_a_database_that_fails_in_between_says_so(temp_database: BotDatabase) -> None:
    assert temp_database.conn is not None
    await temp_database.conn.execute("DROP TABLE api_tokens")
    with pytest.raises(sqlite3.Error, match="api_tokens"):
        await temp_database.perform_maintenance()
