"""Frames of every shape but the right one: none gets an exception out, and the bot follows what comes after."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rosey_bot.cytube import frames
from rosey_core.events import ChatMessage, MediaPlayed, UserJoined, UsersPresent
from tests.unit.bot.harness import (
    NOON,
    ListSink,
    RoomHarness,
    chat,
    item,
    media,
    read_recording,
    unconnected_channel,
    user,
)

FRAMES = [(entry["event"], entry["args"]) for entry in read_recording("frames")]

ODD_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**48, 2**63, 2**64, -1, 10**400]),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["", "x" * 100_000, "[server]", "\ud800", "\x00", "<" * 5000, "&" * 5000]),
    st.lists(st.none(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        found += places(child, (*path, key))
    return found


@st.composite
def mutated_frames(draw: st.DrawFn, recorded: Sequence[tuple[str, list[Any]]] = FRAMES) -> tuple[str, list[Any]]:
    name, arguments = draw(st.sampled_from(recorded))
    arguments = copy.deepcopy(arguments)
    for _ in range(draw(st.integers(1, 3))):
        *path, last = draw(st.sampled_from(places(arguments)[1:] or [(0,)]))
        target: Any = arguments
        for key in path:
            target = target[key]
        if isinstance(target, list) and not target:
            target.append(None)
        if draw(st.booleans()):
            target[last] = draw(ODD_VALUES)
        else:
            del target[last]
    return name, arguments


async def follow_mutated(mutated: list[tuple[str, list[Any]]]) -> None:
    sink = ListSink()
    channel = unconnected_channel(sink)
    channel.connecting()
    for name, argument in (
        ("login", {"success": True, "name": "RoseyBot"}),
        ("playlist", [item(0, media("abc"))]),
        ("setCurrent", 0),
        ("changeMedia", media("abc")),
        ("userlist", [user("Alice"), user("ModUser", 5)]),
    ):
        channel.dispatcher.dispatch(name, [argument])
    for name, arguments in mutated:
        channel.dispatcher.dispatch(name, arguments)
    sink.take()
    for name, argument in (
        ("userlist", [user("Alice")]),
        ("chatMsg", chat("Alice", "still here", int(NOON * 1000))),
        ("addUser", user("Bob")),
        ("changeMedia", media("next")),
    ):
        channel.dispatcher.dispatch(name, [argument])
    await channel._router.close()
    assert channel.dispatcher.failed == {}
    for kind in (UsersPresent, ChatMessage, UserJoined, MediaPlayed):
        assert len(sink.of(kind)) == 1


@given(st.lists(mutated_frames(), min_size=1, max_size=30))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_mutated_frames_stop_nothing(mutated: list[tuple[str, list[Any]]]) -> None:
    with asyncio.Runner() as runner:
        runner.run(follow_mutated(mutated))


@pytest.mark.parametrize(("name", "arguments"), FRAMES, ids=lambda value: str(value)[:30])
def test_no_recorded_frame_is_malformed(harness: RoomHarness, name: str, arguments: list[Any]) -> None:
    harness.join(user("Alice"))
    harness.dispatcher.dispatch(name, arguments)
    assert harness.dispatcher.malformed == {}
    assert harness.dispatcher.failed == {}


@pytest.mark.parametrize(
    "arguments", [[], [None], [[]], ["x"], [{}], [float("nan")], [json.loads("[" * 500 + "]" * 500)]]
)
def test_arguments_of_the_wrong_kind_are_counted(harness: RoomHarness, arguments: list[Any]) -> None:
    for name in ("chatMsg", "pm", "addUser", "queue", "setUserMeta", "changeMedia", "usercount"):
        harness.dispatcher.dispatch(name, arguments)
    known = {"chatMsg", "addUser", "queue", "setUserMeta", "changeMedia", "usercount"}
    assert set(harness.dispatcher.malformed) == known


def test_a_null_says_nothing_like_an_absent_field(harness: RoomHarness) -> None:
    harness.join(
        {"name": "Ann", "rank": 2, "profile": None, "meta": None},
        {"name": "Bob", "rank": 1.5, "meta": {"afk": None, "muted": True}},
        {"name": "Cid", "rank": None},
        {"name": None, "rank": 1},
    )
    harness.frame("addUser", {"name": "Dan", "rank": 1, "meta": None})
    users = {user.name: (user.rank, user.afk, user.muted) for user in harness.room.users}
    assert users == {
        "Ann": (2, False, False),
        "Bob": (1.5, False, True),
        "Cid": (0, False, False),
        "Dan": (1, False, False),
    }
    harness.frame("chatMsg", {**chat("Ann", "hi"), "meta": None})
    assert [line.message for line in harness.sink.of(ChatMessage)] == ["hi"]
    harness.frame("changeMedia", {**media("abc", seconds=100), "title": None, "currentTime": None, "paused": None})
    assert harness.room.media is not None
    assert (harness.room.media.title, harness.room.media.seconds) == ("", 100)


def test_a_time_with_a_fraction_is_one(harness: RoomHarness) -> None:
    harness.join(user("Ann"))
    harness.frame("chatMsg", {**chat("Ann", "hi"), "time": NOON * 1000 + 0.25})
    harness.frame("chatMsg", chat("Ann", "hi"))
    first, second = harness.sink.of(ChatMessage)
    assert first.timestamp == NOON + 0.00025
    # The same millisecond: the second line of two equal ones.
    assert first.id != second.id


def test_an_odd_item_keeps_its_place_in_the_playlist(harness: RoomHarness) -> None:
    untitled = {"id": "", "title": None, "type": "cu", "seconds": None}
    harness.join()
    harness.frame(
        "playlist", [item(0), {"uid": 1, "media": untitled, "queueby": None}, {"uid": 2, "temp": None}, item(3)]
    )
    assert [(entry.uid, entry.title) for entry in harness.room.playlist] == [
        (0, "Title of v0"),
        (1, ""),
        (2, ""),
        (3, "Title of v3"),
    ]


def test_a_malformed_kind_is_logged_once(harness: RoomHarness, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(5):
        harness.frame("chatMsg", {"username": 1})
    assert harness.dispatcher.malformed["chatMsg"] == 5
    assert len(caplog.records) == 1
    assert "malformed chatMsg" in caplog.text


def test_a_failing_handler_is_logged_once_and_stops_no_other(
    harness: RoomHarness, caplog: pytest.LogCaptureFixture
) -> None:
    reached: list[float] = []

    def fail(_: float) -> None:
        raise RuntimeError("broken handler")

    harness.dispatcher.on(frames.RANK, fail)
    harness.dispatcher.on(frames.RANK, reached.append)
    harness.frame("rank", 1)
    harness.frame("rank", 2)
    assert reached == [1, 2]
    assert harness.dispatcher.failed["rank"] == 2
    assert len(caplog.records) == 1


def test_unknown_frames_are_ignored(harness: RoomHarness) -> None:
    harness.frame("somethingNew", {"x": 1})
    harness.frame("", None)
    assert harness.dispatcher.malformed == {}
    assert harness.sink.events == []
