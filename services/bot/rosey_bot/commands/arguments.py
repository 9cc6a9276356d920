"""Reading what stands behind a command's name."""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class Kind(enum.Enum):
    """What a parameter takes."""

    WORD = "word"
    COUNT = "count"


class UsageError(Exception):
    """The arguments are not what the command takes; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a command."""

    name: str
    kind: Kind = Kind.WORD
    is_optional: bool = False

    def __str__(self) -> str:
        return f"[{self.name}]" if self.is_optional else f"<{self.name}>"


def split_command(text: str) -> tuple[str, str]:
    """The first word, and the rest as typed."""
    name, *rest = re.split(r"\s+", text.strip(), maxsplit=1)
    return name, rest[0] if rest else ""


def parse_arguments(text: str, parameters: Sequence[Parameter]) -> dict[str, Any]:
    """The arguments by their parameters' names; optional ones that are not given are absent.

    Raises:
        UsageError: too few, too many, or not of the kind.
    """
    words = text.split()
    arguments: dict[str, Any] = {}
    for parameter in parameters:
        if not words:
            if not parameter.is_optional:
                raise UsageError(f"{parameter.name} is missing")
            continue
        word = words.pop(0)
        if parameter.kind is Kind.WORD:
            arguments[parameter.name] = word
        elif re.fullmatch(r"[0-9]{1,6}", word) and int(word) > 0:
            arguments[parameter.name] = int(word)
        else:
            raise UsageError(f"{parameter.name} should be a number from 1 on")
    if words:
        raise UsageError("that is more than it takes")
    return arguments
