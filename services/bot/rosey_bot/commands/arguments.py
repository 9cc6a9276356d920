"""Reading what stands behind a command's name: once, by the kinds of its parameters, with errors that say what to type.

Words are parted by blanks; quotes keep several together. A parameter that takes a title also takes several words
without quotes, as long as those behind it have theirs.
"""

from __future__ import annotations

import difflib
import enum
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

LONGEST_DURATION: Final = 7 * 86400

_QUOTES: Final = {'"': '"', "'": "'", "“": "”", "„": "“", "«": "»"}
_NUMBER: Final = re.compile(r"#?([+-]?[0-9]+)")
_UNITS: Final = {"d": 86400, "h": 3600, "m": 60, "min": 60, "s": 1, "sec": 1}
_DURATION: Final = re.compile(r"(?:\d{1,7}(?:d|h|min|m|sec|s))+", re.IGNORECASE)
_CLOCK: Final = re.compile(r"(?:(\d{1,3}):)?(\d{1,3}):([0-5]\d)")
_YES: Final = frozenset({"yes", "y", "true", "on", "1"})
_NO: Final = frozenset({"no", "n", "false", "off", "0"})


class Kind(enum.Enum):
    """What a parameter takes."""

    WORD = "word"
    COUNT = "count"
    USER = "user"
    ITEM = "item"
    POSITION = "position"
    ON_OFF = "on or off"
    YES_NO = "yes or no"
    DURATION = "duration"
    LINK = "link"
    TEXT = "text"


class UsageError(Exception):
    """The arguments are not what the command takes; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a command.

    Attributes:
        name: what the command finds it under.
        shown: how it stands in the command's form; its name where empty.
    """

    name: str
    kind: Kind = Kind.WORD
    is_optional: bool = False
    shown: str = ""

    def __str__(self) -> str:
        shown = self.shown or self.name
        return f"[{shown}]" if self.is_optional else f"<{shown}>"


@dataclass(frozen=True, slots=True)
class ItemReference:
    """An item of the playlist as somebody names it: by its position, from 1, or by words of its title."""

    position: int | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    start: int
    end: int
    is_quoted: bool = False


def split_command(text: str) -> tuple[str, str]:
    """The first word, and the rest as typed."""
    name, *rest = re.split(r"\s+", text.strip(), maxsplit=1)
    return name, rest[0] if rest else ""


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that somebody may have meant who typed ``word``, in whatever case."""
    known = {choice.casefold(): choice for choice in choices}
    close = difflib.get_close_matches(word.casefold()[:64], known, n=1)
    return known[close[0]] if close else None


def parse_arguments(text: str, parameters: Sequence[Parameter]) -> dict[str, Any]:
    """The arguments by their parameters' names; optional ones that are not given are absent.

    ``WORD``, ``USER``, ``LINK`` and ``TEXT`` become strings, ``COUNT`` and ``POSITION`` numbers, ``DURATION`` seconds,
    ``ON_OFF`` and ``YES_NO`` truth values, ``ITEM`` an ``ItemReference``.

    Raises:
        UsageError: too few, too many, or not of the kind.
    """
    words = _words(text)
    arguments: dict[str, Any] = {}
    misfits: list[str] = []
    for place, parameter in enumerate(parameters):
        words = _without_name(words, parameter)
        if not words:
            if not parameter.is_optional:
                raise UsageError(f"{parameter.name} is missing")
            continue
        behind = sum(not later.is_optional for later in parameters[place + 1 :])
        taken = _extent(words, parameter, behind, text)
        try:
            arguments[parameter.name] = _read(words[:taken], parameter, text)
        except UsageError as error:
            # Optional ones may be left out: the word may be meant for the next one.
            misfits.append(str(error))
            if parameter.is_optional and place + 1 < len(parameters):
                continue
            raise UsageError(", or ".join(misfits)) from None
        words = words[taken:]
    if words:
        raise UsageError("that is more than it takes")
    return arguments


def _words(text: str) -> list[_Word]:
    words, start = [], 0
    while found := re.compile(r"\S+").search(text, start):
        start, end = found.span()
        closing = _QUOTES.get(text[start])
        close = text.find(closing, start + 1) if closing else -1
        # A quote that does not end at a word's end is an apostrophe, or an inch.
        if close > start and (close + 1 == len(text) or text[close + 1].isspace()):
            words.append(_Word(text[start + 1 : close], start, close + 1, is_quoted=True))
            start = close + 1
        else:
            words.append(_Word(found[0], start, end))
            start = end
    return words


def _without_name(words: list[_Word], parameter: Parameter) -> list[_Word]:
    """``temp no`` is as good as ``no``."""
    if parameter.kind is not Kind.YES_NO or not words or words[0].text.casefold() != parameter.name:
        return words
    return words[1:] or [_Word("yes", words[0].start, words[0].end)]


def _extent(words: list[_Word], parameter: Parameter, behind: int, text: str) -> int:
    """How many of ``words`` the parameter takes, where so many parameters behind it need theirs."""
    first = words[0]
    if parameter.kind is Kind.TEXT:
        return len(words)
    if parameter.kind is Kind.LINK and ("<" in first.text[:4]):
        # An embed code has blanks in it, and ends with a tag.
        close = text.rfind(">")
        return sum(word.start <= close for word in words) or 1
    if parameter.kind is Kind.ITEM and not first.is_quoted and _NUMBER.fullmatch(first.text) is None:
        return max(len(words) - behind, 1)
    return 1


def _read(words: list[_Word], parameter: Parameter, text: str) -> Any:
    whole = text[words[0].start : words[-1].end]
    single = words[0].text
    match parameter.kind:
        case Kind.TEXT | Kind.LINK:
            return single if len(words) == 1 and parameter.kind is Kind.LINK else whole
        case Kind.WORD | Kind.USER:
            return single
        case Kind.ITEM:
            if len(words) == 1 and not words[0].is_quoted and _NUMBER.fullmatch(single):
                return ItemReference(_position(single, parameter))
            title = (single if len(words) == 1 else whole).strip()
            if not title:
                # It would be in every title.
                raise UsageError(f"{parameter.name} should be a position, like 3, or words of the title")
            return ItemReference(title=title)
        case kind:
            return _READERS[kind](single, parameter)


def _count(word: str, parameter: Parameter) -> int:
    if re.fullmatch(r"[0-9]{1,6}", word) and int(word) > 0:
        return int(word)
    raise UsageError(f"{parameter.name} should be a number from 1 on")


def _position(word: str, parameter: Parameter) -> int:
    found = _NUMBER.fullmatch(word)
    if found is None or len(found[1]) > 6 or int(found[1]) < 1:
        raise UsageError(f"{parameter.name} should be a position from 1 on, like 3 or #3")
    return int(found[1])


def _on_off(word: str, parameter: Parameter) -> bool:
    return _choice(word, "should be on or off")


def _yes_no(word: str, parameter: Parameter) -> bool:
    return _choice(word, f"{parameter.name} should be yes or no")


def _choice(word: str, complaint: str) -> bool:
    if word.casefold() in _YES:
        return True
    if word.casefold() in _NO:
        return False
    raise UsageError(complaint)


def _duration(word: str, parameter: Parameter) -> int:
    clock = _CLOCK.fullmatch(word)
    if clock is not None:
        seconds = int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + int(clock[3])
    elif _DURATION.fullmatch(word):
        parts = re.findall(r"(\d+)([a-z]+)", word.lower())
        seconds = sum(int(count) * _UNITS[unit] for count, unit in parts)
    else:
        raise UsageError(f"{parameter.name} should be a time like 1h30m, 90m or 1:30:00")
    if not 0 < seconds <= LONGEST_DURATION:
        raise UsageError(f"{parameter.name} should be from 1 second to 7 days")
    return seconds


_READERS: Final[dict[Kind, Callable[[str, Parameter], Any]]] = {
    Kind.COUNT: _count,
    Kind.POSITION: _position,
    Kind.ON_OFF: _on_off,
    Kind.YES_NO: _yes_no,
    Kind.DURATION: _duration,
}
