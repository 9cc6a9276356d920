"""An event on one line, and who wants to see it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rosey_cli.events.filter import Filter
from rosey_cli.events.line import Received, as_json, for_people, read
from rosey_core import events, subjects
from rosey_core.events import Event
from rosey_database.ingest.consumer import StreamMessage

TIME = 1_700_000_000


def received(event: Event, channel: str | None = "lobby") -> Received:
    return raw(subjects.for_channel(event.SUBJECT, channel), events.encode(event))


def raw(subject: str, payload: bytes) -> Received:
    return read(StreamMessage(subject, payload, 7, TIME * 10**9, 0))


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (events.ChatMessage(username="Alice", message="hi\n\x1b[31mthere"), r"Alice: hi \x1b[31mthere"),
        (events.UserJoined(username="Alice"), "Alice"),
        (events.UsersPresent(users=[events.PresentUser(f"u{n}") for n in range(12)]), "12 users: u0, u1, u2, u3, u4, "),
        (
            events.MediaPlayed(title="Film", type="yt", id="x", duration=90, queued_by="Bob"),
            "Film (yt:x, 90 s, queued by Bob)",
        ),
        (
            events.PmCommand(username="Ann", command="skip", args="now", result="error", error="no"),
            "Ann: skip now -> error: no",
        ),
        (events.UserCount(chat_count=2, connected_count=5), "chat_count: 2, connected_count: 5"),
        (events.StatusUpdate(status_data=events.StatusData(playlist_items=3)), "playlist_items: 3"),
        (events.PlaylistChanged(action="add", item={"title": "x"}), 'action: add, item: {"title":"x"}'),
    ],
)
def test_an_event_is_one_readable_line(event: Event, told: str) -> None:
    line = for_people(received(event))
    assert told in line
    assert "  lobby  " in line
    assert line.isprintable()


@pytest.mark.parametrize("event", list(events.TYPES), ids=lambda kind: kind.__name__)
def test_the_subject_is_shown_without_what_all_have_in_common(event: Any) -> None:
    line = for_people(raw(f"{event.SUBJECT}.lobby", b"{"))
    assert f"  {event.SUBJECT.removeprefix('rosey.db.')}  " in line


@pytest.mark.parametrize(
    ("subject", "payload"),
    [
        (subjects.MESSAGE_LOG, b"\xff\xfe"),
        (subjects.MESSAGE_LOG, b"[" * 100_000),
        (f"{subjects.MESSAGE_LOG}.Not A Key", b"{}"),
        ("some\x07thing.else", b"{}"),
    ],
)
def test_an_odd_message_is_shown_as_such(subject: str, payload: bytes) -> None:
    odd = raw(subject, payload)
    assert "ODD MESSAGE: " in for_people(odd)
    assert for_people(odd).isprintable()
    assert len(for_people(odd)) < 1000
    told = json.loads(as_json(odd))
    assert told["error"]
    assert "event" not in told


def test_a_time_beyond_the_calendar_is_shown_as_its_number() -> None:
    assert for_people(raw(subjects.USER_JOINED, b'{"username": "A", "timestamp": 1e300}')).startswith("1e+300 ")


def test_as_json_an_event_is_what_was_published() -> None:
    event = events.ChatMessage(username="Alice", message="hi", timestamp=TIME)
    assert json.loads(as_json(received(event))) == {
        "sequence": 7,
        "time": TIME,
        "subject": subjects.MESSAGE_LOG,
        "channel": "lobby",
        "event": {"username": "Alice", "message": "hi", "timestamp": TIME},
    }


CHAT = received(events.ChatMessage(username="Alice", message="hi"))
PLAY = received(events.MediaPlayed(title="x", type="yt", id="x", queued_by="Bob"), "other")
ROOM = received(events.UsersPresent(users=[events.PresentUser("ALICE")]), None)
NAMED = received(events.UserJoined(username="Zoe", channel="Lobby"), None)
ODD = raw("odd", b"{}")


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (Filter(), [CHAT, PLAY, ROOM, NAMED, ODD]),
        (Filter(channels=frozenset({"lobby"})), [CHAT, NAMED]),
        (Filter(subjects=frozenset({subjects.MEDIA_PLAYED, subjects.USER_PRESENT})), [PLAY, ROOM]),
        (Filter(users=frozenset({"alice"})), [CHAT, ROOM]),
        (Filter(users=frozenset({"bob", "zoe"})), [PLAY, NAMED]),
        (Filter(users=frozenset({"alice"}), channels=frozenset({"lobby"})), [CHAT]),
    ],
)
def test_only_what_is_wanted_is_shown(wanted: Filter, shown: list[Received]) -> None:
    assert [one for one in (CHAT, PLAY, ROOM, NAMED, ODD) if wanted.wants(one)] == shown
