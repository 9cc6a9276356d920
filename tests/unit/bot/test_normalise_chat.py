"""What becomes of chat."""

from __future__ import annotations

import pytest

from rosey_core.events import ChatMessage, UsersPresent
from rosey_core.identity import chat_id
from tests.unit.bot.harness import NOON, RoomHarness, chat, user

MS = int(NOON * 1000) - 7


def test_a_line_has_cytubes_time_and_an_id_made_of_what_it_is(harness: RoomHarness) -> None:
    harness.join(user("Alice"))
    harness.frame("chatMsg", chat("Alice", "hi &lt;3 <em>you</em>", MS))
    [line] = harness.sink.of(ChatMessage)
    assert line == ChatMessage(
        channel="lobby",
        timestamp=MS / 1000,
        platform="cytube",
        id=chat_id(channel="lobby", milliseconds=MS, username="Alice", text="hi <3 you"),
        username="Alice",
        message="hi <3 you",
        replayed=False,
    )


def test_lines_before_the_user_list_are_replayed_and_come_first(harness: RoomHarness) -> None:
    harness.normaliser.connected()
    harness.frame("chatMsg", chat("Alice", "old", MS))
    harness.frame("userlist", [user("Alice")])
    harness.frame("chatMsg", chat("Alice", "new", MS + 1))
    assert [line.replayed for line in harness.sink.of(ChatMessage)] == [True, False]
    kinds = [type(event) for event in harness.sink.events]
    assert kinds.index(ChatMessage) < kinds.index(UsersPresent)


def test_the_same_line_live_and_replayed_has_one_id(harness: RoomHarness) -> None:
    harness.join(user("Alice"))
    harness.frame("chatMsg", chat("Alice", "hello", MS))
    harness.normaliser.disconnected()
    harness.normaliser.connected()
    harness.frame("chatMsg", chat("Alice", "hello", MS))
    live, replay = harness.sink.of(ChatMessage)
    assert live.id == replay.id
    assert (live.replayed, replay.replayed) == (False, True)


def test_equal_lines_of_one_millisecond_are_told_apart_the_same_way_each_time(harness: RoomHarness) -> None:
    harness.join()
    for _ in range(3):
        harness.frame("chatMsg", chat("Alice", "spam", MS))
    live = [line.id for line in harness.sink.of(ChatMessage)]
    assert len(set(live)) == 3
    harness.sink.take()
    harness.normaliser.disconnected()
    harness.normaliser.connected()
    for _ in range(3):
        harness.frame("chatMsg", chat("Alice", "spam", MS))
    assert [line.id for line in harness.sink.of(ChatMessage)] == live


def test_replay_and_live_lines_share_the_count_of_equal_ones(harness: RoomHarness) -> None:
    harness.normaliser.connected()
    harness.frame("chatMsg", chat("Alice", "spam", MS))
    harness.frame("userlist", [])
    harness.frame("chatMsg", chat("alice", "spam", MS))
    first, second = harness.sink.of(ChatMessage)
    assert first.id != second.id


def test_telling_lines_apart_takes_bounded_memory(harness: RoomHarness) -> None:
    harness.join()
    for offset in range(2000):
        harness.frame("chatMsg", chat("Alice", "spam", MS + offset))
    assert len(harness.normaliser._lines) <= 512
    assert len({line.id for line in harness.sink.of(ChatMessage)}) == 2000


@pytest.mark.parametrize("name", ["[server]", "[voteskip]", "[anything]", ""])
def test_what_the_server_says_is_not_chat(harness: RoomHarness, name: str) -> None:
    harness.join()
    harness.frame("chatMsg", chat(name, "Alice joined", MS))
    assert harness.sink.of(ChatMessage) == []


def test_shadow_muted_lines_are_not_chat(harness: RoomHarness) -> None:
    harness.join()
    harness.frame("chatMsg", chat("Alice", "psst", MS, shadow=True))
    assert harness.sink.of(ChatMessage) == []


def test_while_the_bot_has_no_name_only_what_is_replayed_is_certain_to_be_chat() -> None:
    """CyTube shows a shadow-muted user's lines to anonymous sockets without a mark."""
    harness = RoomHarness(bot_name="Rosey")
    harness.normaliser.connected()
    harness.frame("chatMsg", chat("Alice", "replayed", MS))
    harness.frame("userlist", [user("Alice")])
    harness.frame("chatMsg", chat("Alice", "psst", MS + 1))
    harness.log_in("Rosey", rank=1)
    harness.frame("chatMsg", chat("Alice", "replayed where the bot comes in anew", MS + 2))
    harness.normaliser.settled()
    harness.frame("chatMsg", chat("Alice", "hello all", MS + 3))
    assert [line.message for line in harness.sink.of(ChatMessage)] == ["replayed", "hello all"]


def test_who_logged_in_before_the_join_takes_all_that_it_hears() -> None:
    harness = RoomHarness(bot_name="Rosey")
    harness.normaliser.connected()
    harness.frame("rank", 1)
    harness.frame("login", {"success": True, "name": "Rosey"})
    harness.frame("rank", 3)
    harness.frame("chatMsg", chat("Alice", "replayed", MS))
    harness.frame("userlist", [user("Alice"), user("Rosey", 3)])
    harness.frame("chatMsg", chat("Alice", "hello all", MS + 1))
    assert [line.replayed for line in harness.sink.of(ChatMessage)] == [True, False]
    assert harness.room.own_rank == 3


def test_a_bot_that_is_to_have_no_name_takes_every_line_for_chat(harness: RoomHarness) -> None:
    harness.join(user("Alice"))
    harness.frame("chatMsg", chat("Alice", "hello all", MS))
    assert [line.message for line in harness.sink.of(ChatMessage)] == ["hello all"]


@pytest.mark.parametrize("bot_name", ["Guest", None], ids=["to be named", "broken variant: not to be named"])
def test_an_anonymous_socket_of_a_recording_hears_what_a_shadow_muted_user_said(bot_name: str | None) -> None:
    harness = RoomHarness(bot_name=bot_name)
    harness.play("anonymous")
    said = {line.message for line in harness.sink.of(ChatMessage) if not line.replayed}
    assert said == (set() if bot_name else {"awake", "shadow muted message"})


def test_the_bots_own_lines_are_chat(harness: RoomHarness) -> None:
    harness.join()
    harness.log_in("Rosey")
    harness.frame("chatMsg", chat("Rosey", "hello all", MS))
    assert [line.username for line in harness.sink.of(ChatMessage)] == ["Rosey"]


def test_half_an_emoji_does_not_stop_a_line(harness: RoomHarness) -> None:
    harness.join()
    harness.frame("chatMsg", chat("Alice", "cut \ud83d", MS))
    assert [line.message for line in harness.sink.of(ChatMessage)] == ["cut \ufffd"]
