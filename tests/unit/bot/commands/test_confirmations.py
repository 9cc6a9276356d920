"""The table of confirmations against requests that a real CyTube granted, refused, or met with silence.

Each line of ``requests.jsonl`` is one recorded request: the room as it was, and what came within 0.2 s.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rosey_bot.cytube import acts
from rosey_bot.cytube.acts import Enqueue, KickUser, LeadPlayback, Move, PlayNext, Say, VoteSkip
from rosey_bot.cytube.confirmations import Confirmations
from rosey_bot.cytube.signs import SIGNS, Done, Refused
from tests.unit.bot.harness import RoomHarness, chat, item, media, user

REQUESTS = [json.loads(line) for line in Path(__file__).with_name("requests.jsonl").read_text().splitlines()]


def prepared(harness: RoomHarness, request: dict[str, Any] | None = None) -> Confirmations:
    found = Confirmations(harness.room)
    found.follow(harness.dispatcher)
    harness.join(user("Alice"), user("RoseyBot"), user("ModUser"))
    harness.log_in()
    if request is not None:
        harness.frame("login", {"success": True, "name": request["me"]})
        harness.frame("setUserRank", {"name": request["me"], "rank": request["rank"]})
        harness.frame("setAFK", {"name": request["me"], "afk": request["afk"]})
        harness.frame("playlist", request["playlist"])
        if request["current"] is not None:
            harness.frame("setCurrent", request["current"])
    return found


@pytest.mark.parametrize("request_", REQUESTS, ids=[f"{each['act']}: {each['told'][:40]}" for each in REQUESTS])
async def test_a_recorded_request_is_told_as_it_was(harness: RoomHarness, request_: dict[str, Any]) -> None:
    table = prepared(harness, request_)
    expectation = table.expect(getattr(acts, request_["act"])(**request_["asks"]))
    for name, arguments in request_["frames"]:
        harness.dispatcher.dispatch(name, arguments)
    match expectation.verdict.result() if expectation.verdict.done() else None:
        case Done():
            told = "done"
        case Refused(reason):
            told = reason
        case other:
            assert other is None
            told = "silence"
    assert told == request_["told"]


def test_every_kind_of_request_is_recorded() -> None:
    assert {each["act"] for each in REQUESTS} == {act.__name__ for act in SIGNS}


async def test_a_frame_tells_of_the_oldest_request_that_it_fits(harness: RoomHarness) -> None:
    table = prepared(harness)
    first, second = table.expect(Say("one")), table.expect(Say("two"))
    harness.frame("chatMsg", chat("Rosey", "one"))
    assert first.verdict.done()
    assert not second.verdict.done()
    table.forget(first)
    table.forget(first)
    assert len(table) == 1
    harness.frame("chatMsg", chat("Rosey", "two"))
    assert second.verdict.done()


async def test_what_others_do_confirms_nothing(harness: RoomHarness) -> None:
    table = prepared(harness)
    harness.frame("playlist", [item(0), item(1)])
    harness.frame("setCurrent", 0)
    asked = [
        table.expect(act)
        for act in (
            Enqueue("yt", "abc"),
            Enqueue("cu", "<iframe src='https://example.com'>"),
            KickUser("Alice"),
            Move(1, "prepend"),
            LeadPlayback("v0", "yt", 50.0, False),
            VoteSkip(),
        )
    ]
    harness.frame("queue", {"item": item(5, media("abc"), by="Alice"), "after": 1})
    harness.frame("queue", {"item": item(6, media("other"), by="Rosey"), "after": 5})
    harness.frame("queueFail", {"msg": "no", "link": "", "id": "other"})
    harness.frame("userLeave", {"name": "Alice"})
    harness.frame("chatMsg", chat("[server]", "ModUser kicked Alice"))
    harness.frame("chatMsg", chat("Mallory", "Rosey kicked Alice"))
    harness.frame("errorMsg", {"msg": "You do not have permission to kick ModUser"})
    harness.frame("moveVideo", {"from": 0, "after": "prepend"})
    harness.frame("mediaUpdate", {"currentTime": 12, "paused": False})
    harness.frame("mediaUpdate", {"currentTime": 50, "paused": True})
    harness.frame("voteskip", {"count": 0, "need": 0})
    assert [expectation.act for expectation in asked if expectation.verdict.done()] == []


async def test_who_may_not_hear_of_kicks_goes_by_the_departure(harness: RoomHarness) -> None:
    table = prepared(harness)
    harness.frame("setUserRank", {"name": "Rosey", "rank": 1.5})
    kick = table.expect(KickUser("alice"))
    harness.frame("userLeave", {"name": "Alice"})
    assert isinstance(kick.verdict.result(), Done)


async def test_warnings_come_with_the_confirmation(harness: RoomHarness) -> None:
    table = prepared(harness)
    asked = table.expect(Enqueue("yt", "abc"))
    harness.frame("queueWarn", {"msg": "blocked in <b>XX</b>", "link": "https://youtu.be/abc"})
    harness.frame("queueWarn", {"msg": "about another", "link": "https://youtu.be/xyz"})
    assert not asked.verdict.done()
    harness.frame("queue", {"item": item(0, media("abc"), by="rosey"), "after": "prepend"})
    done = asked.verdict.result()
    assert isinstance(done, Done)
    assert done.notes == ("blocked in XX",)


async def test_a_youtube_playlist_is_confirmed_by_its_first_item(harness: RoomHarness) -> None:
    table = prepared(harness)
    asked = table.expect(Enqueue("yp", "PL123"))
    harness.frame("queue", {"item": item(0, media("abc"), by="Rosey"), "after": "prepend"})
    assert asked.verdict.done()


async def test_the_last_item_going_is_how_next_ends(harness: RoomHarness) -> None:
    table = prepared(harness)
    harness.frame("playlist", [item(0), item(1)])
    asked = table.expect(PlayNext(0))
    harness.frame("delete", {"uid": 0})
    assert not asked.verdict.done()
    harness.frame("delete", {"uid": 1})
    assert not asked.verdict.done()
    harness.frame("changeMedia", media("abc"))
    assert asked.verdict.done()


async def test_a_complaint_about_a_frames_shape_refuses_that_frame(harness: RoomHarness) -> None:
    table = prepared(harness)
    say, add = table.expect(Say("x")), table.expect(Enqueue("yt", "abc"))
    harness.frame("errorMsg", {"msg": "Unexpected error for message queue: Extra key: x"})
    assert add.verdict.done()
    assert not say.verdict.done()


@pytest.mark.parametrize("name", ["queueFail", "queueWarn", "clearchat", "voteskip"])
async def test_a_frame_of_another_shape_is_counted_and_tells_nothing(harness: RoomHarness, name: str) -> None:
    table = prepared(harness)
    asked = table.expect(Enqueue("yt", "abc"))
    for odd in (None, 3, [], {"msg": 1, "count": "many", "need": 10**400, "clearedBy": 5}):
        harness.frame(name, odd)
    assert harness.dispatcher.malformed[name] == 4
    assert not asked.verdict.done()
