"""The default channel: chosen once, kept, and one with what was stored under its name before."""

from __future__ import annotations

from pathlib import Path

import pytest

from rosey_database import BotDatabase
from tests.support.clock import MovableClock


async def test_the_default_channel_is_chosen_once_and_kept(temp_database: BotDatabase, database_file: Path) -> None:
    assert temp_database.default_channel == ""
    assert await temp_database.choose_default_channel("Lobby") is True
    assert temp_database.default_channel == "lobby"
    assert await temp_database.choose_default_channel("attic") is False
    assert temp_database.default_channel == "lobby"
    await temp_database.close()
    again = BotDatabase(database_file)
    await again.connect()
    assert again.default_channel == "lobby"
    await again.close()


async def test_calls_without_a_channel_mean_the_default_one(temp_database: BotDatabase) -> None:
    await temp_database.user_chat_message("Ann", "before it had a name")
    await temp_database.choose_default_channel("lobby")
    await temp_database.user_chat_message("Ann", "by its name", channel="lobby")
    for channel in (None, "", "lobby", "LOBBY"):
        stats = await temp_database.get_user_stats("Ann", channel=channel)
        assert stats is not None
        assert stats["total_chat_lines"] == 2


async def test_what_was_stored_under_the_name_before_it_was_chosen_joins_the_default_rows(
    temp_database: BotDatabase, clock: MovableClock
) -> None:
    database = temp_database
    await database.user_joined("Ann")
    await database.user_chat_message("Ann", "unnamed")
    await database.update_high_water_mark(3, 9)
    await database.update_current_status(bot_name="Old")
    first = int(clock.now)
    named = clock.move(100)
    await database.user_joined("ANN", channel="lobby")
    await database.user_joined("Bob", channel="lobby")
    await database.user_chat_message("Bob", "named", channel="lobby")
    await database.update_high_water_mark(5, 6, channel="lobby")
    await database.update_current_status(bot_name="New", channel="lobby")
    await database.log_user_count(5, 6, channel="lobby")
    await database.log_user_action("Bob", "wave", channel="lobby")
    waiting = await database.enqueue_outbound_message("post me", channel="lobby")
    assert await database.get_total_users_seen() == 1

    assert await database.choose_default_channel("lobby")

    assert [line["message"] for line in await database.get_recent_chat()] == ["unnamed", "named"]
    assert await database.get_total_users_seen() == 2
    ann = await database.get_user_stats("Ann")
    assert ann is not None
    assert ann["username"] == "ANN"
    assert ann["first_seen"] == first
    assert ann["current_session_start"] == named
    assert await database.get_high_water_mark() == (5, named)
    assert await database.get_high_water_mark_connected() == (9, first)
    status = await database.get_current_status()
    assert status is not None
    assert status["bot_name"] == "New"
    assert [row["chat_users"] for row in await database.get_user_count_history()] == [5]
    assert [message["id"] for message in await database.get_unsent_outbound_messages()] == [waiting]
    await database.user_chat_message("Bob", "after", channel="lobby")
    assert len(await database.get_recent_chat(channel="lobby")) == 3
    assert database.conn is not None
    async with database.conn.execute("SELECT id, key FROM channels") as cursor:
        assert [tuple(row) for row in await cursor.fetchall()] == [(1, "lobby")]


async def test_an_older_status_under_the_name_gives_way(temp_database: BotDatabase, clock: MovableClock) -> None:
    await temp_database.update_current_status(bot_name="Old", channel="lobby")
    clock.move(10)
    await temp_database.update_current_status(bot_name="New")
    await temp_database.choose_default_channel("lobby")
    status = await temp_database.get_current_status(channel="lobby")
    assert status is not None
    assert status["bot_name"] == "New"


async def test_a_name_that_no_channel_can_have_is_refused(temp_database: BotDatabase) -> None:
    with pytest.raises(ValueError, match="no channel key"):
        await temp_database.choose_default_channel("not a name")
    assert temp_database.default_channel == ""
