"""Text of strangers, made fit for a terminal."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_SPACES: Final = re.compile(r"[\s\x85\u2028\u2029]+")


def one_line(text: str) -> str:
    """``text`` on one line, control characters shown by their number, invisible formatting left out.

    A chat line must not be able to move the cursor, colour the screen or reverse the direction of writing.
    """
    text = _SPACES.sub(" ", text).strip()
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _shown(character) for character in text)


def _shown(character: str) -> str:
    if unicodedata.category(character) == "Cf":
        return ""
    return character.encode("unicode_escape").decode()
