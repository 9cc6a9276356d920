"""Counts of users: their history and their highest."""

from __future__ import annotations

import pytest

from rosey_database import BotDatabase
from tests.support.clock import MovableClock


async def test_the_high_water_mark_keeps_the_time_at_which_it_was_reached(
    temp_database: BotDatabase, clock: MovableClock
) -> None:
    await temp_database.update_high_water_mark(5, 9)
    reached = clock.move(100)
    await temp_database.update_high_water_mark(7)
    clock.move(100)
    await temp_database.update_high_water_mark(7, 9)
    await temp_database.update_high_water_mark(3, 2)
    assert await temp_database.get_high_water_mark() == (7, reached)
    assert await temp_database.get_high_water_mark_connected() == (9, reached - 100)


async def test_without_connections_their_mark_stays_unset(temp_database: BotDatabase, clock: MovableClock) -> None:
    await temp_database.update_high_water_mark(5)
    assert await temp_database.get_high_water_mark() == (5, int(clock.now))
    assert await temp_database.get_high_water_mark_connected() == (0, None)


async def test_each_channel_has_marks_of_its_own(temp_database: BotDatabase, clock: MovableClock) -> None:
    await temp_database.update_high_water_mark(5, 6, channel="lobby")
    assert await temp_database.get_high_water_mark() == (0, None)
    assert await temp_database.get_high_water_mark(channel="lobby") == (5, int(clock.now))
    assert await temp_database.get_high_water_mark_connected(channel="elsewhere") == (0, None)


async def test_the_history_is_told_oldest_first_for_so_many_hours(
    temp_database: BotDatabase, clock: MovableClock
) -> None:
    start = int(clock.now)
    for number in range(30):
        await temp_database.log_user_count(number, number + 5)
        clock.move(3600)
    day = await temp_database.get_user_count_history()
    assert len(day) == 24
    assert day[0] == {"timestamp": start + 6 * 3600, "chat_users": 6, "connected_users": 11}
    assert day[-1]["chat_users"] == 29
    assert [row["chat_users"] for row in await temp_database.get_user_count_history(hours=2)] == [28, 29]
    assert [row["chat_users"] for row in await temp_database.get_user_count_history(limit=1)] == [29]


async def test_cleaning_up_deletes_what_is_older_in_that_channel_alone(
    temp_database: BotDatabase, clock: MovableClock
) -> None:
    await temp_database.log_user_count(1, 1)
    await temp_database.log_user_count(2, 2, channel="lobby")
    clock.move(31 * 86400)
    await temp_database.log_user_count(3, 3)
    assert await temp_database.cleanup_old_history() == 1
    assert await temp_database.cleanup_old_history(days=30) == 0
    assert [row["chat_users"] for row in await temp_database.get_user_count_history(hours=10_000)] == [3]
    lobby = await temp_database.get_user_count_history(hours=10_000, channel="lobby")
    assert [row["chat_users"] for row in lobby] == [2]


async def test_counts_that_are_none_are_refused(temp_database: BotDatabase) -> None:
    for call in (
        temp_database.log_user_count(-1, 0),
        temp_database.log_user_count(1, "two"),  # type: ignore[arg-type]
        temp_database.update_high_water_mark(2**40),
    ):
        with pytest.raises(ValueError, match="count"):
            await call
    assert await temp_database.get_user_count_history() == []
