"""Requests: the specified ones are understood, anything else is refused with a reason, and failures reach the asker."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rosey_core import queries, subjects
from rosey_core.queries import InvalidRequest, Request, RequestFailed

# As REQUIREMENTS give them.
SPECIFIED: dict[str, dict[str, Any]] = {
    subjects.OUTBOUND_ENQUEUE: {"message": "hello"},
    subjects.OUTBOUND_CLAIM: {"limit": 5},
    subjects.OUTBOUND_GET: {"limit": 5, "max_retries": 3},
    subjects.RECENT_CHAT_GET: {"limit": 5},
    subjects.QUERY_CHANNEL_STATS: {},
    subjects.QUERY_USER_STATS: {"username": "alice"},
}
REQUIRED = {subjects.OUTBOUND_ENQUEUE: "message", subjects.QUERY_USER_STATS: "username"}


def decode(subject: str, payload: Any) -> Request:
    """The request that an object, or bytes, on ``subject`` is."""
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return queries.decode(subject, subject, raw)[0]


def valid(subject: str) -> dict[str, Any]:
    return SPECIFIED.get(subject, {})


def test_each_request_subject_has_one_type() -> None:
    assert [kind.SUBJECT for kind in queries.TYPES] == list(subjects.REQUESTS)


@pytest.mark.parametrize("subject", subjects.REQUESTS)
def test_the_specified_payload_is_understood(subject: str) -> None:
    request = decode(subject, valid(subject))
    assert subject == request.SUBJECT
    assert {field: getattr(request, field) for field in valid(subject)} == valid(subject)
    assert decode(subject, queries.encode(request)) == request


@pytest.mark.parametrize("subject", [subject for subject in subjects.REQUESTS if subject not in REQUIRED])
def test_no_payload_at_all_is_an_empty_object(subject: str) -> None:
    assert decode(subject, b"") == decode(subject, {})


@pytest.mark.parametrize("subject", REQUIRED)
def test_a_missing_field_is_refused_by_its_name(subject: str) -> None:
    with pytest.raises(InvalidRequest, match=REQUIRED[subject]):
        decode(subject, {})


@pytest.mark.parametrize("subject", subjects.REQUESTS)
@pytest.mark.parametrize("payload", [b"[]", b"null", b"{", b"\xff", b'{"channel":' + b"[" * 100_000])
def test_what_is_no_json_object_is_refused(subject: str, payload: bytes) -> None:
    with pytest.raises(InvalidRequest):
        decode(subject, payload)


@pytest.mark.parametrize(
    ("subject", "change"),
    [
        (subjects.OUTBOUND_ENQUEUE, {"message": ""}),
        (subjects.OUTBOUND_ENQUEUE, {"message": " \n"}),
        (subjects.OUTBOUND_ENQUEUE, {"message": 5}),
        (subjects.OUTBOUND_CLAIM, {"limit": 0}),
        (subjects.OUTBOUND_CLAIM, {"seconds": 0}),
        (subjects.OUTBOUND_GET, {"limit": 10**9}),
        (subjects.RECENT_CHAT_GET, {"limit": "5"}),
        (subjects.RECENT_CHAT_GET, {"limit": 1.5}),
        (subjects.QUERY_USER_STATS, {"username": ""}),
        (subjects.QUERY_USER_STATS, {"username": "x" * 65}),
        (subjects.QUERY_COUNT_HISTORY, {"hours": 0}),
        (subjects.QUERY_RECENT_MESSAGES, {"offset": -1}),
        (subjects.QUERY_AUDIT, {"since": -1}),
        (subjects.QUERY_CHANNEL_STATS, {"channel": "a.b"}),
        (subjects.QUERY_CHANNEL_STATS, {"channel": "lobby\n"}),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_its_name(subject: str, change: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match=next(iter(change))):
        decode(subject, {**valid(subject), **change})


def test_the_channel_of_the_subject_wins() -> None:
    template = subjects.QUERY_CHANNEL_STATS
    assert queries.decode(template, template, b"{}")[1] is None
    assert queries.decode(template, template, b'{"channel":"Den"}')[1] == "den"
    assert queries.decode(template, f"{template}.lobby", b'{"channel":"den"}')[1] == "lobby"
    with pytest.raises(InvalidRequest, match="subject: 'No'"):
        queries.decode(template, f"{template}.No", b"{}")


def test_half_of_a_character_is_called_what_it_is() -> None:
    payload = rb'{"message": "\ud800"}'
    with pytest.raises(InvalidRequest, match="half of a surrogate pair"):
        queries.decode(subjects.OUTBOUND_ENQUEUE, subjects.OUTBOUND_ENQUEUE, payload)


def test_a_reply_is_read_as_its_type() -> None:
    reply = queries.decode_reply(queries.EnqueueMessage, b'{"success":true,"message_id":7}')
    assert reply == queries.Enqueued(message_id=7)
    assert queries.decode_reply(queries.RecentChat, b"[]") == []


def test_of_an_unknown_user_a_reply_says_so_and_nothing_more() -> None:
    reply = queries.UserStatistics(username="alice", found=False, message="never seen")
    assert json.loads(queries.encode(reply)) == {
        "username": "alice",
        "success": True,
        "found": False,
        "message": "never seen",
    }


@pytest.mark.parametrize("kind", queries.TYPES)
def test_a_failure_reaches_the_asker_in_the_services_words(kind: type[Request]) -> None:
    answer = queries.encode(queries.Failure(error="the disk is full"))
    assert json.loads(answer) == {"success": False, "error": "the disk is full"}
    with pytest.raises(RequestFailed, match=r"^the disk is full$"):
        queries.decode_reply(kind, answer)


@pytest.mark.parametrize("answer", [b"", b"{", b"\xff", b"5", b'{"success":true}', b"[" * 100_000])
@pytest.mark.parametrize("kind", [queries.EnqueueMessage, queries.RecentChat])
def test_an_answer_that_is_none_is_a_failure(kind: type[Request], answer: bytes) -> None:
    with pytest.raises(RequestFailed, match="unreadable answer"):
        queries.decode_reply(kind, answer)


@settings(max_examples=60)
@given(st.sampled_from(subjects.REQUESTS), st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_refusal(subject: str, payload: bytes) -> None:
    with contextlib.suppress(InvalidRequest):
        decode(subject, payload)
    with contextlib.suppress(RequestFailed):
        queries.decode_reply(queries.TYPES[0], payload)
