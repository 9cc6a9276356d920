"""Subjects: the specified ones, with and without a channel, and events kept apart from requests."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rosey_core
from rosey_core import subjects
from rosey_core.channels import InvalidChannelKey

KEYS = st.from_regex(r"[a-z0-9_-]{1,64}", fullmatch=True)

SPECIFIED_EVENTS = {
    "rosey.db.user.joined",
    "rosey.db.user.left",
    "rosey.db.message.log",
    "rosey.db.stats.user_count",
    "rosey.db.stats.high_water",
    "rosey.db.status.update",
    "rosey.db.user.present",
    "rosey.db.media.played",
    "rosey.db.playlist.changed",
    "rosey.db.messages.outbound.mark_sent",
    "rosey.db.messages.outbound.mark_failed",
    "rosey.db.action.pm_command",
}
SPECIFIED_REQUESTS = {
    "rosey.db.messages.outbound.enqueue",
    "rosey.db.messages.outbound.claim",
    "rosey.db.messages.outbound.get",
    "rosey.db.stats.recent_chat.get",
    "rosey.db.query.channel_stats",
    "rosey.db.query.user_stats",
    "rosey.db.query.count_history",
    "rosey.db.query.recent_messages",
    "rosey.db.query.audit",
    "rosey.db.query.media_history",
}


def matches(pattern: str, subject: str) -> bool:
    """Whether NATS hands a message on ``subject`` to a subscription to ``pattern``."""
    wanted, given_tokens = pattern.split("."), subject.split(".")
    for index, token in enumerate(wanted):
        if token == ">":
            return len(given_tokens) > index
        if index >= len(given_tokens) or token not in ("*", given_tokens[index]):
            return False
    return len(wanted) == len(given_tokens)


def captured(subject: str) -> bool:
    return any(matches(pattern, subject) for pattern in subjects.event_patterns())


def test_every_specified_subject_exists() -> None:
    assert set(subjects.EVENTS) >= SPECIFIED_EVENTS
    assert set(subjects.REQUESTS) >= SPECIFIED_REQUESTS


def test_no_subject_is_listed_twice_or_is_both_event_and_request() -> None:
    everything = subjects.EVENTS + subjects.REQUESTS
    assert len(set(everything)) == len(everything)


def test_every_subject_of_the_module_is_listed() -> None:
    named = {value for value in vars(subjects).values() if isinstance(value, str) and value.startswith("rosey.")}
    assert named - {subjects.DEAD_LETTERS, subjects.OUTBOUND_WAITING} == set(subjects.EVENTS + subjects.REQUESTS)


def test_without_a_channel_the_subject_stays_as_it_is() -> None:
    assert subjects.for_channel(subjects.MESSAGE_LOG, None) == "rosey.db.message.log"


def test_a_channel_is_one_more_token() -> None:
    assert subjects.for_channel(subjects.MESSAGE_LOG, "lobby") == "rosey.db.message.log.lobby"


@pytest.mark.parametrize("channel", ["", "Lobby", "a.b", "*", ">", "a b", "lobby\r\nPUB x"])
def test_what_is_no_key_enters_no_subject(channel: str) -> None:
    with pytest.raises(InvalidChannelKey):
        subjects.for_channel(subjects.MESSAGE_LOG, channel)


@pytest.mark.parametrize("event", subjects.EVENTS)
def test_the_stream_captures_each_event_in_both_forms(event: str) -> None:
    assert captured(event)
    assert captured(subjects.for_channel(event, "lobby"))
    assert not captured(f"{event}.lobby.more")


@pytest.mark.parametrize("request_subject", subjects.REQUESTS)
def test_the_stream_captures_no_request_in_any_form(request_subject: str) -> None:
    for subject in (request_subject, subjects.for_channel(request_subject, "lobby")):
        assert not captured(subject), "JetStream would answer it with its ack"


def test_the_stream_captures_no_notice() -> None:
    assert not captured(subjects.for_channel(subjects.OUTBOUND_WAITING, "lobby"))


@pytest.mark.parametrize("event", subjects.EVENTS)
def test_the_stream_captures_no_dead_letter(event: str) -> None:
    letter = subjects.dead_letter(subjects.for_channel(event, "lobby"))
    assert letter == f"rosey.dlq.{event}.lobby"
    assert not captured(letter), "it would come back as an event, for ever"


def test_both_forms_match_their_own_subject_and_no_other() -> None:
    plain, full = subjects.in_every_form(subjects.QUERY_USER_STATS)
    assert matches(plain, "rosey.db.query.user_stats")
    assert matches(full, "rosey.db.query.user_stats.lobby")
    assert not any(matches(pattern, "rosey.db.query.channel_stats.lobby") for pattern in (plain, full))


@settings(max_examples=50)
@given(st.sampled_from(subjects.EVENTS), st.none() | KEYS)
def test_an_events_subject_is_read_as_it_was_built(event: str, channel: str | None) -> None:
    assert subjects.parse_event(subjects.for_channel(event, channel)) == (event, channel)


@pytest.mark.parametrize(
    "subject", ["", "rosey", "rosey.db.user", "rosey.db.user.joined.a.b", "rosey.db.query.user_stats", "x.y", "."]
)
def test_what_is_no_events_subject_is_refused(subject: str) -> None:
    with pytest.raises(ValueError, match="no event's subject"):
        subjects.parse_event(subject)


@pytest.mark.parametrize("channel", ["", "Lobby", "a b"])
def test_an_event_for_what_is_no_channel_is_refused(channel: str) -> None:
    with pytest.raises(InvalidChannelKey):
        subjects.parse_event(f"{subjects.USER_JOINED}.{channel}")


@settings(max_examples=50)
@given(st.sampled_from(subjects.REQUESTS), st.none() | KEYS)
def test_a_requests_channel_is_read_as_it_was_built(request_subject: str, channel: str | None) -> None:
    assert subjects.channel_of_request(subjects.for_channel(request_subject, channel), request_subject) == channel


@pytest.mark.parametrize("subject", ["rosey.db.query.user_stats.Lobby", "rosey.db.query.user_stats.a.b"])
def test_a_request_for_what_is_no_channel_is_refused(subject: str) -> None:
    with pytest.raises(InvalidChannelKey):
        subjects.channel_of_request(subject, subjects.QUERY_USER_STATS)


def _texts(path: Path) -> list[str]:
    """Every text in a module's code that may be a subject, docstrings left out."""
    source = path.read_text()
    if "rosey." not in source:
        return []
    tree = ast.parse(source)
    docstrings = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    ]


def test_no_other_module_spells_a_subject() -> None:
    services = Path(rosey_core.__file__).parents[2]
    modules = [path for path in services.glob("*/rosey_*/**/*.py") if path.name != "subjects.py"]
    assert len(modules) > 20, "the modules were found"
    spelt = [(path.name, text) for path in modules for text in _texts(path) if re.match(r"rosey\.(db|dlq)\.", text)]
    assert spelt == []
