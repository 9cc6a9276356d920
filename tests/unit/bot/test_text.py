"""Text from and to CyTube."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rosey_bot.cytube.text import LONGEST_MESSAGE, plain_text, split_message, utf16_length, well_formed


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("hi &lt;3", "hi <3"),
        ("<strong>bold</strong> move", "bold move"),
        ("&amp;lt;", "&lt;"),
        ('<a href="http://x/?a&quot;" target="_blank">http://x/?a"</a> ok', 'http://x/?a" ok'),
        ('it\'s "plain" (really)', 'it\'s "plain" (really)'),
        ("", ""),
        ("1 < 2", "1 < 2"),
    ],
)
def test_markup_becomes_what_was_typed(markup: str, text: str) -> None:
    assert plain_text(markup) == text


def test_half_surrogates_are_replaced() -> None:
    assert well_formed("a\ud83d") == "a\ufffd"
    assert well_formed("a\U0001f600") == "a\U0001f600"


def test_length_counts_utf16_units() -> None:
    assert utf16_length("abc") == 3
    assert utf16_length("\U0001f600") == 2


def test_a_short_text_is_one_message() -> None:
    assert split_message("hello there") == ["hello there"]


def test_lines_are_messages_of_their_own() -> None:
    assert split_message("one\n\ntwo\r\nthree\n") == ["one", "two", "three"]


def test_long_text_is_split_between_words() -> None:
    messages = split_message("word " * 200)
    assert all(message.endswith("word") for message in messages)
    assert " ".join(messages) == ("word " * 200).strip()


def test_a_word_longer_than_a_message_is_split_inside() -> None:
    assert [len(message) for message in split_message("x" * 700)] == [320, 320, 60]


def test_an_emoji_is_never_cut_in_half() -> None:
    messages = split_message("\U0001f600" * 200)
    assert "".join(messages) == "\U0001f600" * 200
    assert [utf16_length(message) for message in messages] == [320, 80]


def test_no_message_begins_with_a_slash() -> None:
    assert split_message("/kick Alice") == [" /kick Alice"]
    text = "y" * 319 + " /clear"
    assert split_message(text) == ["y" * 319, " /clear"]
    assert split_message("ok\n/ban Bob") == ["ok", " /ban Bob"]


@given(st.text(max_size=1500))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_messages_are_bounded_and_lose_nothing_but_blanks(text: str) -> None:
    messages = split_message(text)
    assert all(0 < utf16_length(message) <= LONGEST_MESSAGE for message in messages)
    assert not any(message.startswith("/") for message in messages)
    controls = {chr(code) for code in range(0x20)}

    def essence(value: str) -> str:
        return "".join(c for c in value if c not in controls and not c.isspace())

    assert essence("".join(messages)) == essence(well_formed(text))
