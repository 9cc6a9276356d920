"""Chat as it is read: order, pages, windows; and text that is stored alone."""

from __future__ import annotations

from rosey_database import BotDatabase
from tests.support.clock import MovableClock


async def _say(database: BotDatabase, clock: MovableClock, lines: int) -> None:
    for number in range(lines):
        await database.user_chat_message("Ann", f"line {number}")
        clock.move(60)


async def test_recent_chat_is_the_last_lines_oldest_first(temp_database: BotDatabase, clock: MovableClock) -> None:
    start = int(clock.now)
    await _say(temp_database, clock, 25)
    lines = await temp_database.get_recent_chat()
    assert [line["message"] for line in lines] == [f"line {n}" for n in range(5, 25)]
    assert lines[0] == {"timestamp": start + 5 * 60, "username": "Ann", "message": "line 5"}
    assert [line["message"] for line in await temp_database.get_recent_chat(limit=2)] == ["line 23", "line 24"]
    assert await temp_database.get_recent_chat(limit=-1) == []


async def test_recent_messages_come_newest_first_page_by_page(temp_database: BotDatabase, clock: MovableClock) -> None:
    await _say(temp_database, clock, 5)
    first = await temp_database.get_recent_messages(limit=2)
    second = await temp_database.get_recent_messages(limit=2, offset=2)
    assert [line["message"] for line in first + second] == ["line 4", "line 3", "line 2", "line 1"]
    assert set(first[0]) == {"id", "timestamp", "username", "message"}
    assert await temp_database.get_recent_messages(offset=5) == []


async def test_lines_of_one_second_keep_their_order(temp_database: BotDatabase) -> None:
    for number in range(5):
        await temp_database.user_chat_message("Ann", f"line {number}")
    assert [line["message"] for line in await temp_database.get_recent_chat(3)] == ["line 2", "line 3", "line 4"]


async def test_recent_chat_since_is_bounded_by_time_and_number(temp_database: BotDatabase, clock: MovableClock) -> None:
    await _say(temp_database, clock, 30)
    lines = await temp_database.get_recent_chat_since(minutes=10)
    assert [line["message"] for line in lines] == [f"line {n}" for n in range(20, 30)]
    assert set(lines[0]) == {"timestamp", "username", "message"}
    assert len(await temp_database.get_recent_chat_since()) == 20
    lines = await temp_database.get_recent_chat_since(minutes=10, limit=2)
    assert [line["message"] for line in lines] == ["line 28", "line 29"]


async def test_a_logged_line_is_stored_and_counts_for_nobody(temp_database: BotDatabase, clock: MovableClock) -> None:
    await temp_database.log_chat("Ann", "hello")
    await temp_database.log_chat("Bob", "earlier", timestamp=clock.now - 60)
    assert await temp_database.get_recent_chat() == [
        {"timestamp": int(clock.now) - 60, "username": "Bob", "message": "earlier"},
        {"timestamp": int(clock.now), "username": "Ann", "message": "hello"},
    ]
    assert await temp_database.get_total_users_seen() == 0


async def test_text_comes_back_as_it_was_said(temp_database: BotDatabase) -> None:
    said = "hi <3 &lt;3 \u0000 \U0001f339 '\"\\ end"
    await temp_database.user_chat_message("Ann", said)
    assert (await temp_database.get_recent_chat())[0]["message"] == said


async def test_chat_of_two_channels_is_apart(temp_database: BotDatabase) -> None:
    await temp_database.user_chat_message("Ann", "here")
    await temp_database.log_chat("Ann", "there", channel="lobby")
    assert [line["message"] for line in await temp_database.get_recent_chat()] == ["here"]
    assert [line["message"] for line in await temp_database.get_recent_messages(channel="lobby")] == ["there"]
