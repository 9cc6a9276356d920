"""Identity: what is the same has the same id, wherever and whenever it is seen; what differs has another."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosey_core.identity import ID_BYTES, chat_id, id_bytes, place_id, user_key, uuid7

MILLISECONDS = st.integers(min_value=0, max_value=2**48 - 1)
LINE = {"channel": "lobby", "milliseconds": 1_700_000_000_123, "username": "alice", "text": "hello"}


def test_spellings_of_one_name_are_one_user() -> None:
    assert user_key("Alice") == user_key("ALICE") == user_key("alice")
    assert user_key("alice") != user_key("alice_")


@given(MILLISECONDS)
def test_a_new_id_is_a_uuid_of_version_7_with_its_time(milliseconds: int) -> None:
    value = uuid.UUID(uuid7(milliseconds))
    assert value.version == 7
    assert value.variant == uuid.RFC_4122
    assert value.int >> 80 == milliseconds
    assert str(value) == uuid7(milliseconds)[:13] + str(value)[13:], "written the way UUIDs are"


def test_new_ids_differ_and_carry_the_present_time() -> None:
    ids = [uuid7() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert uuid.UUID(ids[0]).int >> 80 > 1_700_000_000_000


@given(MILLISECONDS, MILLISECONDS)
def test_ids_sort_by_time(first: int, second: int) -> None:
    def line(milliseconds: int) -> bytes:
        return id_bytes(chat_id(channel="c", milliseconds=milliseconds, username="u", text="t"))

    if first != second:
        assert (line(first) < line(second)) == (first < second)
        assert (id_bytes(uuid7(first)) < id_bytes(uuid7(second))) == (first < second)


def test_a_line_has_the_same_id_whoever_sees_it_again() -> None:
    assert chat_id(**LINE) == chat_id(**LINE)
    assert chat_id(**LINE) == chat_id(**{**LINE, "username": "ALICE"})
    assert len(id_bytes(chat_id(**LINE))) == ID_BYTES


def test_the_id_of_a_line_never_changes_from_one_version_to_the_next() -> None:
    """The database holds these ids: computed otherwise, every line that CyTube replays would count once more."""
    assert chat_id(**LINE) == "018bcfe5687b66cf0c83b17697b64f34"


@pytest.mark.parametrize(
    "change",
    [
        {"channel": "den"},
        {"milliseconds": 1_700_000_000_124},
        {"username": "bob"},
        {"text": "hello "},
        {"text": "Hello"},
        {"ordinal": 1},
        {"channel": "lobbya", "username": "lice"},
        {"username": "alicehello", "text": ""},
        {"username": "", "text": "alicehello"},
        {"text": "hello0", "ordinal": 0},
    ],
)
def test_another_line_has_another_id(change: dict[str, object]) -> None:
    assert chat_id(**{**LINE, **change}) != chat_id(**LINE)


def test_a_line_with_half_a_surrogate_has_an_id() -> None:
    assert len(chat_id(**{**LINE, "text": "\ud83d"})) == 32


@given(st.uuids())
def test_hexadecimal_ids_are_taken_as_they_are(value: uuid.UUID) -> None:
    assert id_bytes(str(value)) == id_bytes(value.hex) == id_bytes(str(value).upper()) == value.bytes


@given(st.text(st.characters(), min_size=1, max_size=200))
def test_any_text_of_a_stranger_makes_an_id(text: str) -> None:
    assert len(id_bytes(text)) == ID_BYTES
    assert id_bytes(text) == id_bytes(text)


@pytest.mark.parametrize("text", ["x" * 32, "-" * 36, "ab " * 10 + "ab", "0" * 31, "0" * 33, "\ud800" * 32])
def test_what_only_looks_hexadecimal_is_digested(text: str) -> None:
    assert len(id_bytes(text)) == ID_BYTES
    assert id_bytes(text) != id_bytes(text + " ")


def test_an_event_without_id_is_its_place_in_the_stream() -> None:
    place = {"stream_created": "2026-01-01T00:00:00Z", "sequence": 7, "nanoseconds": 1_700_000_000_123_456_789}
    assert place_id(**place) == place_id(**place)
    assert len(place_id(**place)) == ID_BYTES
    assert int.from_bytes(place_id(**place)[:6]) == 1_700_000_000_123
    for change in (
        {"sequence": 8},
        {"nanoseconds": 1_700_000_000_123_456_790},
        {"stream_created": "2026-01-02T00:00:00Z"},
    ):
        assert place_id(**{**place, **change}) != place_id(**place)
