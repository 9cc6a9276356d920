"""A channel as its events show it."""

from __future__ import annotations

from dataclasses import replace

from rosey_cli.up.channel import CHAT_LINES, Channel, ChatLine, Playing
from rosey_cli.up.output import summary
from rosey_core.events import ChatMessage, MediaEnded, StatusData, StatusUpdate, UserCount, UserJoined, UserLeft
from tests.unit.cli.snapshots import NOW, busy, lobby


def test_a_channel_is_what_its_events_say() -> None:
    channel = lobby()
    assert list(channel.users.values()) == ["Alice", "Bob🍿"]
    assert channel.connected == 3
    assert channel.playing == Playing("Big Buck Bunny", NOW - 25, 100, "Bob")
    assert list(channel.chat) == [ChatLine("lobby", NOW - 5, "Alice", "hi \x1b[31m*there*")]


def test_users_come_and_go_whatever_the_case_of_their_names() -> None:
    channel = lobby()
    channel.apply(UserLeft(username="ALICE"), NOW)
    channel.apply(UserJoined(username="Carol"), NOW)
    assert list(channel.users.values()) == ["Bob🍿", "Carol"]


def test_what_is_not_known_any_more_is_not_shown() -> None:
    channel = lobby()
    channel.apply(StatusUpdate(status_data=StatusData(current_connected_users=None)), NOW)
    channel.apply(MediaEnded(), NOW)
    channel.apply(UserCount(chat_count=1, connected_count=1), NOW)
    assert channel.connected is None
    assert channel.playing is None


def test_that_the_bot_is_not_there_is_said_and_that_it_is_again() -> None:
    channel = lobby()
    assert channel.attendance == "lobby: 2 users"
    channel.apply(StatusUpdate(status_data=StatusData(bot_connected=False)), NOW)
    assert channel.attendance == "lobby: the bot is not there"
    assert "plays" not in summary(replace(busy(), channels=[channel]))
    channel.apply(StatusUpdate(status_data=StatusData(bot_connected=1)), NOW)
    assert channel.attendance == "lobby: 2 users"
    assert "lobby: 2 users, plays 'Big Buck Bunny'" in summary(replace(busy(), channels=[channel]))


def test_only_the_last_lines_are_kept() -> None:
    channel = Channel("lobby")
    for number in range(CHAT_LINES + 1):
        channel.apply(ChatMessage(username="Alice", message=str(number)), NOW)
    assert [line.message for line in channel.chat] == [str(number) for number in range(1, CHAT_LINES + 1)]
