"""Reading arguments: quotes, positions, titles, durations, and what the errors say."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosey_bot.commands.arguments import (
    ItemReference,
    Kind,
    Parameter,
    UsageError,
    nearest,
    parse_arguments,
    split_command,
)
from rosey_bot.commands.router import default_registry

ADD = (
    Parameter("url", Kind.LINK),
    Parameter("temp", Kind.YES_NO, is_optional=True),
    Parameter("duration", Kind.DURATION, is_optional=True),
)
MOVE = (Parameter("#", Kind.ITEM), Parameter("position", Kind.POSITION))
PM = (Parameter("user", Kind.USER), Parameter("msg", Kind.TEXT))
IFRAME = '<iframe src="https://e.com" width="3"></iframe>'


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("http://x", {"url": "http://x"}),
        ("http://x no", {"url": "http://x", "temp": False}),
        ("http://x YES", {"url": "http://x", "temp": True}),
        ("http://x temp no 1h30m", {"url": "http://x", "temp": False, "duration": 5400}),
        ("http://x temp", {"url": "http://x", "temp": True}),
        ("http://x 90m", {"url": "http://x", "duration": 5400}),
        ("http://x 1:30:00", {"url": "http://x", "duration": 5400}),
        ("http://x 2:05", {"url": "http://x", "duration": 125}),
        ("http://x 1d2H3min4sec", {"url": "http://x", "duration": 93784}),
        ('"http://x" y', {"url": "http://x", "temp": True}),
        (IFRAME, {"url": IFRAME}),
        (f"{IFRAME} no 5s", {"url": IFRAME, "temp": False, "duration": 5}),
        (f"cu:{IFRAME} no", {"url": f"cu:{IFRAME}", "temp": False}),
        ("<b", {"url": "<b"}),
    ],
)
def test_a_link_and_what_may_follow(text: str, arguments: dict[str, Any]) -> None:
    assert parse_arguments(text, ADD) == arguments


@pytest.mark.parametrize(
    ("text", "item", "position"),
    [
        ("2 5", ItemReference(2), 5),
        ("#2 #5", ItemReference(2), 5),
        ("some title words 5", ItemReference(title="some title words"), 5),
        ('"some title" 5', ItemReference(title="some title"), 5),
        ("“curly quotes” 5", ItemReference(title="curly quotes"), 5),
        ("'single ones' 5", ItemReference(title="single ones"), 5),
        ('"2" 5', ItemReference(title="2"), 5),
        ("don't stop 5", ItemReference(title="don't stop"), 5),
        ('7" single 5', ItemReference(title='7" single'), 5),
        ('"unclosed title 5', ItemReference(title='"unclosed title'), 5),
        ("2 fast 2 furious 5", None, None),
    ],
)
def test_an_item_and_a_position(text: str, item: ItemReference | None, position: int | None) -> None:
    if item is None:
        with pytest.raises(UsageError):
            parse_arguments(text, MOVE)
    else:
        assert parse_arguments(text, MOVE) == {"#": item, "position": position}


def test_text_is_taken_as_typed() -> None:
    assert parse_arguments('Alice say "hi"  to\n them', PM) == {"user": "Alice", "msg": 'say "hi"  to\n them'}
    assert parse_arguments("\"Alice\" 'x'", PM) == {"user": "Alice", "msg": "'x'"}


@pytest.mark.parametrize(
    ("text", "parameters", "complaint"),
    [
        ("", ADD, "url is missing"),
        ("x maybe", ADD, "temp should be yes or no, or duration should be a time like 1h30m"),
        ("x 0s", ADD, "temp should be yes or no, or duration should be from 1 second to 7 days"),
        ("x yes 5m z", ADD, "that is more than it takes"),
        ("1", MOVE, "position is missing"),
        ("title", MOVE, "position is missing"),
        ("0 1", MOVE, "# should be a position from 1 on, like 3 or #3"),
        ("1 -1", MOVE, "position should be a position from 1 on, like 3 or #3"),
        ('"" 1', MOVE, "# should be a position, like 3, or words of the title"),
        ("' ' 1", MOVE, "# should be a position, like 3, or words of the title"),
        ("1 1000000000", MOVE, "position should be a position from 1 on, like 3 or #3"),
    ],
)
def test_errors_say_what_is_wrong(text: str, parameters: tuple[Parameter, ...], complaint: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_arguments(text, parameters)
    assert complaint in str(error.value)


def test_the_nearest_name() -> None:
    assert nearest("ALISE", ["Bob", "Alice"]) == "Alice"
    assert nearest("zzz", ["Bob", "Alice"]) is None
    assert nearest("x" * 10_000, ["Bob"]) is None


@given(st.text(max_size=200))
def test_no_text_gets_anything_but_arguments_or_a_complaint(text: str) -> None:
    for command in default_registry():
        with contextlib.suppress(UsageError):
            arguments = parse_arguments(text, command.parameters)
            assert arguments.keys() <= {parameter.name for parameter in command.parameters}


@given(st.text(min_size=1))
def test_a_command_splits_into_its_name_and_what_was_typed_behind(text: str) -> None:
    name, rest = split_command(text)
    assert not any(character.isspace() for character in name.strip())
    assert text.strip().startswith(name)
    assert text.strip().endswith(rest)
