"""Users: sessions, lines, names without case, and statistics."""

from __future__ import annotations

import pytest

from rosey_core.identity import user_key
from rosey_database import BotDatabase
from tests.support.clock import MovableClock


async def _stats(database: BotDatabase, username: str, channel: str | None = None) -> dict[str, object]:
    stats = await database.get_user_stats(username, channel=channel)
    assert stats is not None
    return stats


async def test_a_session_is_the_time_between_join_and_leave(temp_database: BotDatabase, clock: MovableClock) -> None:
    joined = int(clock.now)
    await temp_database.user_joined("Ann")
    assert (await _stats(temp_database, "Ann"))["current_session_start"] == joined
    left = clock.move(300)
    await temp_database.user_left("Ann")
    assert await _stats(temp_database, "Ann") == {
        "username": "Ann",
        "first_seen": joined,
        "last_seen": left,
        "total_chat_lines": 0,
        "total_time_connected": 300,
        "current_session_start": None,
    }


async def test_sessions_add_up(temp_database: BotDatabase, clock: MovableClock) -> None:
    for seconds in (10, 20, 30):
        await temp_database.user_joined("Ann")
        clock.move(seconds)
        await temp_database.user_left("Ann")
        clock.move(1000)
    assert (await _stats(temp_database, "Ann"))["total_time_connected"] == 60


async def test_a_second_join_keeps_the_session(temp_database: BotDatabase, clock: MovableClock) -> None:
    joined = int(clock.now)
    await temp_database.user_joined("Ann")
    clock.move(100)
    await temp_database.user_joined("Ann")
    assert (await _stats(temp_database, "Ann"))["current_session_start"] == joined
    clock.move(50)
    await temp_database.user_left("Ann")
    assert (await _stats(temp_database, "Ann"))["total_time_connected"] == 150


async def test_a_join_and_a_leave_while_the_clock_stands_end_the_session(temp_database: BotDatabase) -> None:
    await temp_database.user_joined("Ann")
    await temp_database.user_left("Ann")
    stats = await _stats(temp_database, "Ann")
    assert stats["current_session_start"] is None
    assert stats["total_time_connected"] == 0


async def test_who_leaves_without_having_come_stays_unknown(temp_database: BotDatabase) -> None:
    await temp_database.user_left("Ann")
    assert await temp_database.get_user_stats("Ann") is None
    assert await temp_database.get_total_users_seen() == 0


async def test_a_leave_without_a_session_adds_no_time(temp_database: BotDatabase, clock: MovableClock) -> None:
    await temp_database.user_chat_message("Ann")
    clock.move(100)
    await temp_database.user_left("Ann")
    assert (await _stats(temp_database, "Ann"))["total_time_connected"] == 0


async def test_names_that_differ_in_case_are_one_user_shown_as_last_seen(
    temp_database: BotDatabase, clock: MovableClock
) -> None:
    for spelling in ("Ann", "ANN", "ann"):
        await temp_database.user_joined(spelling)
        await temp_database.user_chat_message(spelling, "hi")
        clock.move(10)
    assert await temp_database.get_total_users_seen() == 1
    assert (await _stats(temp_database, "aNN"))["username"] == "ann"
    assert (await _stats(temp_database, "aNN"))["total_chat_lines"] == 3
    await temp_database.user_joined("ÉLAN")
    await temp_database.user_joined("élan")
    assert await temp_database.get_total_users_seen() == 2


async def test_a_message_counts_a_line_and_stores_the_text(temp_database: BotDatabase, clock: MovableClock) -> None:
    await temp_database.user_joined("Ann")
    said = clock.move(5)
    await temp_database.user_chat_message("Ann", "hello")
    stats = await _stats(temp_database, "Ann")
    assert stats["total_chat_lines"] == 1
    assert stats["last_seen"] == said
    assert await temp_database.get_recent_chat() == [{"timestamp": said, "username": "Ann", "message": "hello"}]


async def test_a_message_without_text_counts_and_stores_nothing(temp_database: BotDatabase) -> None:
    await temp_database.user_chat_message("Ann")
    await temp_database.user_chat_message("Ann", "")
    assert (await _stats(temp_database, "Ann"))["total_chat_lines"] == 2
    assert await temp_database.get_recent_chat() == []


async def test_the_text_of_the_user_server_is_not_stored(temp_database: BotDatabase) -> None:
    await temp_database.user_chat_message("server", "restarting")
    await temp_database.user_chat_message("Server", "restarting")
    assert (await _stats(temp_database, "server"))["total_chat_lines"] == 2
    assert await temp_database.get_recent_chat() == []


async def test_what_cytube_says_in_its_own_voice_is_nobody_s_chat(temp_database: BotDatabase) -> None:
    await temp_database.user_chat_message("[server]", "Ann was kicked")
    assert await temp_database.get_recent_chat() == []
    assert await temp_database.get_total_users_seen() == 0
    assert await temp_database.get_top_chatters() == []


async def test_equal_lines_by_call_count_each(temp_database: BotDatabase) -> None:
    for _ in range(3):
        await temp_database.user_chat_message("Ann", "same")
    assert (await _stats(temp_database, "Ann"))["total_chat_lines"] == 3
    assert len(await temp_database.get_recent_chat()) == 3


async def test_top_chatters_come_most_first_and_only_those_who_said_something(temp_database: BotDatabase) -> None:
    for name, lines in {"Ann": 2, "Bob": 5, "Cid": 0, "Dan": 3}.items():
        await temp_database.user_joined(name)
        for _ in range(lines):
            await temp_database.user_chat_message(name)
    assert await temp_database.get_top_chatters() == [
        {"username": "Bob", "total_chat_lines": 5},
        {"username": "Dan", "total_chat_lines": 3},
        {"username": "Ann", "total_chat_lines": 2},
    ]
    assert [row["username"] for row in await temp_database.get_top_chatters(limit=1)] == ["Bob"]
    assert await temp_database.get_top_chatters(limit=-1) == []
    everyone = await temp_database.get_all_user_stats()
    assert [row["username"] for row in everyone] == ["Bob", "Dan", "Ann", "Cid"]
    assert set(everyone[0]) == set(await _stats(temp_database, "Bob"))


async def test_users_are_counted_as_they_come_by_call_by_hand_and_replaced(temp_database: BotDatabase) -> None:
    assert temp_database.conn is not None
    await temp_database.user_joined("Ann")
    columns = "(username, first_seen, last_seen)"
    await temp_database.conn.execute(f"INSERT INTO user_stats {columns} VALUES ('Bob', 1, 1)")
    assert await temp_database.get_total_users_seen() == 2
    assert (await _stats(temp_database, "BOB"))["first_seen"] == 1
    await temp_database.conn.execute(f"INSERT OR REPLACE INTO user_stats {columns} VALUES ('bob', 2, 2)")
    assert await temp_database.get_total_users_seen() == 2
    await temp_database.conn.execute("DELETE FROM user_stats WHERE username = 'bob'")
    assert await temp_database.get_total_users_seen() == 1


async def test_users_of_two_channels_are_apart(temp_database: BotDatabase) -> None:
    await temp_database.user_joined("Ann")
    await temp_database.user_chat_message("Ann", "here", channel="Lobby")
    assert (await _stats(temp_database, "Ann"))["total_chat_lines"] == 0
    assert (await _stats(temp_database, "Ann", "lobby"))["total_chat_lines"] == 1
    assert await temp_database.get_total_users_seen(channel="lobby") == 1
    assert await temp_database.get_recent_chat() == []
    assert await temp_database.get_user_stats("Ann", channel="elsewhere") is None
    assert await temp_database.get_total_users_seen(channel="elsewhere") == 0


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "tab\there", 7])
async def test_a_name_that_is_none_is_refused(temp_database: BotDatabase, name: str) -> None:
    for call in (
        temp_database.user_joined(name),
        temp_database.user_left(name),
        temp_database.log_user_action(name, "kick"),
        temp_database.log_chat(name, "hi"),
    ):
        with pytest.raises(ValueError, match="username"):
            await call
    assert await temp_database.get_total_users_seen() == 0


async def test_an_unfit_channel_is_refused(temp_database: BotDatabase) -> None:
    with pytest.raises(ValueError, match="no channel key"):
        await temp_database.user_joined("Ann", channel="no such thing")


async def test_actions_are_recorded_as_given(temp_database: BotDatabase, clock: MovableClock) -> None:
    await temp_database.log_user_action("Ann", "kick", "of Bob")
    await temp_database.log_user_action("Ann", "wave")
    assert temp_database.conn is not None
    async with temp_database.conn.execute(
        "SELECT timestamp, username, action_type, details FROM user_actions ORDER BY id"
    ) as cursor:
        assert [tuple(row) for row in await cursor.fetchall()] == [
            (int(clock.now), "Ann", "kick", "of Bob"),
            (int(clock.now), "Ann", "wave", None),
        ]


async def test_text_is_data_never_sql(temp_database: BotDatabase) -> None:
    evil = "x'); DROP TABLE user_stats; --"
    await temp_database.user_chat_message(evil, evil)
    await temp_database.log_user_action(evil, evil, evil)
    await temp_database.update_current_status(bot_name=evil)
    await temp_database.enqueue_outbound_message(evil)
    assert (await _stats(temp_database, evil))["username"] == evil
    assert user_key(evil) == evil.lower()
    assert (await temp_database.get_recent_chat())[0]["message"] == evil
