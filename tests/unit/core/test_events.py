"""Events: decoding is validation, and whatever comes, it either is the event or is refused with a reason."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rosey_core import events, subjects
from rosey_core.events import Event, InvalidEvent

# As REQUIREMENTS give them: with these fields alone, any NATS client can publish.
SPECIFIED: dict[str, dict[str, Any]] = {
    subjects.USER_JOINED: {"username": "alice"},
    subjects.USER_LEFT: {"username": "alice"},
    subjects.MESSAGE_LOG: {"username": "alice", "message": "hello"},
    subjects.USER_COUNT: {"chat_count": 3, "connected_count": 5},
    subjects.HIGH_WATER: {"chat_count": 3, "connected_count": 5},
    subjects.STATUS_UPDATE: {"status_data": {"bot_name": "rosey", "bot_rank": 2.5, "playlist_items": 4}},
    subjects.USER_PRESENT: {"users": [{"username": "alice", "rank": 2, "afk": True}]},
    subjects.MEDIA_PLAYED: {"title": "A film", "type": "yt", "id": "abc", "duration": 90, "queued_by": "bob"},
    subjects.MEDIA_ENDED: {"skipped": True},
    subjects.PLAYLIST_CHANGED: {"action": "queued", "item": {"title": "A film"}, "by": "bob"},
    subjects.OUTBOUND_MARK_SENT: {"message_id": 7},
    subjects.OUTBOUND_MARK_FAILED: {"message_id": 7, "error": "flood", "permanent": True},
    subjects.PM_COMMAND: {
        "timestamp": 1_700_000_000.5,
        "username": "alice",
        "command": "kick",
        "args": "bob",
        "result": "error",
        "error": "no such user",
    },
}
REQUIRED = [
    (subjects.USER_JOINED, "username"),
    (subjects.USER_LEFT, "username"),
    (subjects.MESSAGE_LOG, "username"),
    (subjects.MESSAGE_LOG, "message"),
    (subjects.USER_COUNT, "chat_count"),
    (subjects.USER_COUNT, "connected_count"),
    (subjects.HIGH_WATER, "chat_count"),
    (subjects.STATUS_UPDATE, "status_data"),
    (subjects.USER_PRESENT, "users"),
    (subjects.MEDIA_PLAYED, "title"),
    (subjects.MEDIA_PLAYED, "type"),
    (subjects.MEDIA_PLAYED, "id"),
    (subjects.PLAYLIST_CHANGED, "action"),
    (subjects.OUTBOUND_MARK_SENT, "message_id"),
    (subjects.OUTBOUND_MARK_FAILED, "message_id"),
    (subjects.PM_COMMAND, "username"),
    (subjects.PM_COMMAND, "command"),
]


def decode(subject: str, payload: Any) -> Event:
    """The event that an object, or bytes, on ``subject`` is."""
    return events.decode(subject, payload if isinstance(payload, bytes) else json.dumps(payload).encode())[0]


def test_each_event_subject_has_one_type() -> None:
    assert [kind.SUBJECT for kind in events.TYPES] == list(subjects.EVENTS)
    assert set(SPECIFIED) == set(subjects.EVENTS)


@pytest.mark.parametrize("subject", subjects.EVENTS)
def test_the_specified_payload_is_understood(subject: str) -> None:
    event = decode(subject, SPECIFIED[subject])
    assert subject == event.SUBJECT
    assert event.event_id is None
    as_understood = msgspec.to_builtins(event)
    for field, value in SPECIFIED[subject].items():
        assert as_understood[field] == value


@pytest.mark.parametrize("subject", subjects.EVENTS)
def test_an_event_comes_out_of_the_wire_as_it_went_in(subject: str) -> None:
    envelope = {"id": "e1", "channel": "lobby", "timestamp": 12.5, "platform": "cytube"}
    event = decode(subject, {**envelope, **SPECIFIED[subject]})
    assert events.decode(subject, events.encode(event)) == (event, "lobby")


@pytest.mark.parametrize("subject", subjects.EVENTS)
def test_fields_of_newer_versions_are_ignored(subject: str) -> None:
    assert decode(subject, {**SPECIFIED[subject], "mood": {"deep": [1]}}) == decode(subject, SPECIFIED[subject])


@pytest.mark.parametrize(("subject", "field"), REQUIRED)
def test_a_missing_field_is_refused_by_its_name(subject: str, field: str) -> None:
    payload = {key: value for key, value in SPECIFIED[subject].items() if key != field}
    with pytest.raises(InvalidEvent, match=field):
        decode(subject, payload)


@pytest.mark.parametrize(("subject", "field"), REQUIRED)
def test_null_is_no_value_for_a_required_field(subject: str, field: str) -> None:
    with pytest.raises(InvalidEvent, match=field):
        decode(subject, {**SPECIFIED[subject], field: None})


@pytest.mark.parametrize("subject", subjects.EVENTS)
@pytest.mark.parametrize(
    "payload",
    [b"", b"null", b"[]", b"3", b'"x"', b"{", b"{}}", b"{'username': 'a'}", b"\xff\xfe", b"\x00", b"nan"],
)
def test_what_is_no_json_object_is_refused(subject: str, payload: bytes) -> None:
    with pytest.raises(InvalidEvent):
        decode(subject, payload)


@pytest.mark.parametrize("half", [rb"\ud800", rb"\udc00", rb"\ud800 ", rb"\ud83d\ud83d"])
def test_half_of_a_character_is_called_what_it_is(half: bytes) -> None:
    payload = b'{"username": "Ann", "message": "%b"}' % half
    with pytest.raises(InvalidEvent, match="half of a surrogate pair"):
        decode(subjects.MESSAGE_LOG, payload)
    with pytest.raises(InvalidEvent) as truncated:
        decode(subjects.MESSAGE_LOG, payload[:-2])
    assert "half of" not in str(truncated.value)


@pytest.mark.parametrize(
    "username",
    ["", " ", "\t", "\n", "a\x00b", "a\nb", "bob\n", "\nbob", "a\x7f", "x" * 65, 5, None, ["a"], {"name": "a"}, True],
)
@pytest.mark.parametrize("subject", [subjects.USER_JOINED, subjects.MESSAGE_LOG, subjects.PM_COMMAND])
def test_a_name_that_is_none_is_refused(subject: str, username: object) -> None:
    with pytest.raises(InvalidEvent, match="username"):
        decode(subject, {**SPECIFIED[subject], "username": username})


@pytest.mark.parametrize("username", ["a", "x" * 64, "Ünïcøde", "with space", "😀" * 64])
def test_names_of_other_platforms_are_accepted(username: str) -> None:
    event = decode(subjects.USER_JOINED, {"username": username})
    assert isinstance(event, events.UserJoined)
    assert event.username == username


@pytest.mark.parametrize("timestamp", [b"NaN", b"Infinity", b"-1", b"1e999", b'"5"', b"true", b"[1]", b"-0.001"])
def test_a_time_that_is_none_is_refused(timestamp: bytes) -> None:
    with pytest.raises(InvalidEvent):
        decode(subjects.USER_JOINED, b'{"username":"alice","timestamp":%s}' % timestamp)


@pytest.mark.parametrize(
    ("subject", "change"),
    [
        (subjects.USER_COUNT, {"chat_count": -1}),
        (subjects.USER_COUNT, {"chat_count": 2**31}),
        (subjects.USER_COUNT, {"chat_count": 1.5}),
        (subjects.USER_COUNT, {"chat_count": "3"}),
        (subjects.USER_COUNT, {"chat_count": True}),
        (subjects.HIGH_WATER, {"connected_count": -1}),
        (subjects.STATUS_UPDATE, {"status_data": []}),
        (subjects.STATUS_UPDATE, {"status_data": {"bot_afk": 2}}),
        (subjects.STATUS_UPDATE, {"status_data": {"bot_rank": "high"}}),
        (subjects.STATUS_UPDATE, {"status_data": {"playlist_items": -1}}),
        (subjects.USER_PRESENT, {"users": {}}),
        (subjects.USER_PRESENT, {"users": ["alice"]}),
        (subjects.USER_PRESENT, {"users": [{"username": "alice"}, {"username": ""}]}),
        (subjects.USER_PRESENT, {"unseen_since": -1}),
        (subjects.MEDIA_PLAYED, {"duration": -1}),
        (subjects.MEDIA_PLAYED, {"duration": "3:00"}),
        (subjects.MEDIA_PLAYED, {"duration": 1e300}),
        (subjects.MEDIA_PLAYED, {"id": ""}),
        (subjects.MEDIA_PLAYED, {"type": ""}),
        (subjects.PLAYLIST_CHANGED, {"action": ""}),
        (subjects.PLAYLIST_CHANGED, {"action": "x" * 65}),
        (subjects.OUTBOUND_MARK_SENT, {"message_id": 0}),
        (subjects.OUTBOUND_MARK_SENT, {"message_id": 2**63}),
        (subjects.OUTBOUND_MARK_FAILED, {"permanent": 1}),
        (subjects.PM_COMMAND, {"command": ""}),
        (subjects.PM_COMMAND, {"result": "maybe"}),
        (subjects.USER_JOINED, {"id": ""}),
        (subjects.USER_JOINED, {"id": "x" * 201}),
        (subjects.USER_JOINED, {"id": 7}),
        (subjects.USER_JOINED, {"channel": "a.b"}),
        (subjects.USER_JOINED, {"channel": ""}),
        (subjects.USER_JOINED, {"channel": "lobby\n"}),
        (subjects.USER_JOINED, {"channel": "x" * 65}),
        (subjects.USER_JOINED, {"platform": 1}),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_its_name(subject: str, change: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvent, match=next(iter(change))):
        decode(subject, {**SPECIFIED[subject], **change})


def test_nesting_without_end_is_refused() -> None:
    for opening in (b"[", b'{"item":'):
        with pytest.raises(InvalidEvent, match="nested too deeply"):
            decode(subjects.PLAYLIST_CHANGED, b'{"action":"queued","item":' + opening * 100_000)


def test_an_unknown_subject_is_refused() -> None:
    with pytest.raises(InvalidEvent, match="no event's subject"):
        events.decode("rosey.db.query.user_stats", b"{}")
    with pytest.raises(InvalidEvent, match="subject: 'No Key'"):
        events.decode("rosey.db.user.joined.No Key", b'{"username":"alice"}')


@pytest.mark.parametrize(
    ("subject", "payload_channel", "expected"),
    [
        ("rosey.db.user.joined", None, None),
        ("rosey.db.user.joined", "den", "den"),
        ("rosey.db.user.joined", "Den", "den"),
        ("rosey.db.user.joined.lobby", None, "lobby"),
        ("rosey.db.user.joined.lobby", "den", "lobby"),
    ],
)
def test_the_channel_of_the_subject_wins(subject: str, payload_channel: str | None, expected: str | None) -> None:
    payload = {"username": "alice", "channel": payload_channel}
    assert events.decode(subject, json.dumps(payload).encode())[1] == expected


def test_the_id_of_a_play_is_not_the_mediums() -> None:
    payload = SPECIFIED[subjects.MEDIA_PLAYED]
    assert decode(subjects.MEDIA_PLAYED, payload).event_id is None
    assert decode(subjects.MEDIA_PLAYED, {**payload, "event": "e1"}).event_id == "e1"
    assert decode(subjects.USER_JOINED, {"username": "alice", "id": "e1"}).event_id == "e1"


def test_the_envelope_alone_has_no_identity() -> None:
    with pytest.raises(NotImplementedError):
        _ = Event().event_id


def test_what_is_absent_from_a_status_differs_from_what_is_null() -> None:
    event = decode(subjects.STATUS_UPDATE, {"status_data": {"current_media_title": None}})
    assert isinstance(event, events.StatusUpdate)
    assert event.status_data.current_media_title is None
    assert event.status_data.bot_name is msgspec.UNSET


@pytest.mark.parametrize("afk", [True, False, 0, 1])
def test_a_flag_of_the_status_may_be_a_number_as_in_the_original(afk: object) -> None:
    event = decode(subjects.STATUS_UPDATE, {"status_data": {"bot_afk": afk}})
    assert isinstance(event, events.StatusUpdate)
    assert event.status_data.bot_afk == afk


def test_defaults_of_additions_do_not_travel() -> None:
    assert events.encode(events.UserJoined(username="alice")) == b'{"username":"alice"}'
    assert events.encode(events.ChatMessage(username="alice", message="hi")) == b'{"username":"alice","message":"hi"}'


@pytest.mark.parametrize(("subject", "required"), [(kind.SUBJECT, kind) for kind in events.TYPES])
def test_a_plain_subscriber_finds_every_specified_field(subject: str, required: type[Event]) -> None:
    needed = {field.encode_name for field in msgspec.structs.fields(required) if field.required}
    sparse = decode(subject, {name: value for name, value in SPECIFIED[subject].items() if name in needed})
    # When it happened is the envelope's, which bots fill in.
    specified = SPECIFIED[subject].keys() - {"timestamp"}
    if subject != subjects.MEDIA_ENDED:
        assert specified <= json.loads(events.encode(sparse)).keys()


def test_of_users_present_every_field_is_told() -> None:
    event = events.UsersPresent(users=[events.PresentUser(username="bob")])
    assert json.loads(events.encode(event)) == {"users": [{"username": "bob", "rank": 0, "afk": False}]}


def test_of_a_present_user_the_name_is_enough() -> None:
    event = decode(subjects.USER_PRESENT, {"users": [{"username": "bob"}]})
    assert event == events.UsersPresent(users=[events.PresentUser(username="bob", rank=0, afk=False)])


def test_events_never_change() -> None:
    with pytest.raises(AttributeError):
        events.UserJoined(username="alice").username = "bob"  # type: ignore[misc]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(subjects.EVENTS), st.binary(max_size=300))
def test_no_bytes_raise_anything_but_a_refusal(subject: str, payload: bytes) -> None:
    with contextlib.suppress(InvalidEvent):
        decode(subject, payload)


@settings(max_examples=60)
@given(st.sampled_from(subjects.EVENTS), st.data())
def test_a_mutated_event_is_refused_or_is_one_that_can_be_sent_on(subject: str, data: st.DataObject) -> None:
    payload = dict(SPECIFIED[subject])
    fields = [*payload, "id", "channel", "timestamp", "platform"]
    for field in data.draw(st.lists(st.sampled_from(fields), min_size=1, max_size=3)):
        payload[field] = data.draw(JSON)
    raw = bytearray(json.dumps(payload).encode())
    for position in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=2)):
        raw[position] = data.draw(st.integers(0, 255))
    try:
        event, channel = events.decode(subject, bytes(raw))
    except InvalidEvent:
        return
    assert events.decode(subject, events.encode(event)) == (event, channel)


@given(st.text(max_size=40))
def test_no_subject_raises_anything_but_a_refusal(subject: str) -> None:
    with contextlib.suppress(InvalidEvent):
        events.decode(f"rosey.db.{subject}", b'{"username":"alice"}')
