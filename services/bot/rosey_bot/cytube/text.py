"""Text as CyTube carries it: HTML that comes in, and lines of bounded length that go out."""

from __future__ import annotations

import html
import re
from typing import Final

LONGEST_MESSAGE: Final = 320
"""UTF-16 units; CyTube cuts the rest off without a word (PROTOCOL.md 5)."""

_TAG: Final = re.compile(r"<[^>]*>")
_BLANK: Final = re.compile(r"[\x00-\x1f ]+")


def well_formed(text: str) -> str:
    """The text with half surrogates replaced, which JSON can carry and UTF-8 cannot."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def plain_text(markup: str) -> str:
    """What a user typed, of the HTML that CyTube made of it: tags off, then unescaped once (PROTOCOL.md 5)."""
    text = _TAG.sub("", markup) if "<" in markup else markup
    return well_formed(html.unescape(text) if "&" in text else text)


def is_blank(text: str) -> bool:
    """Whether CyTube finds nothing in a line of chat, and drops it without a word (PROTOCOL.md 5)."""
    # A byte order mark is blank in JavaScript, and not in Python.
    return not text.replace("\ufeff", "").strip()


def utf16_length(text: str) -> int:
    """The length as CyTube counts it: in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _cut(text: str, limit: int) -> int:
    """How many characters of ``text`` fit into ``limit`` units, at least one."""
    units = 0
    for index, character in enumerate(text):
        units += 2 if character > "\uffff" else 1
        if units > limit:
            return max(index, 1)
    return len(text)


def split_message(text: str, limit: int = LONGEST_MESSAGE) -> list[str]:
    """``text`` as messages that CyTube neither cuts nor takes for a command.

    Lines become messages of their own; long ones are split between words, a word longer than a message inside.
    Blank lines are left out. A message that would begin with ``/`` gets a space before it, since CyTube runs the
    bot's ``/kick`` as readily as anybody's (PROTOCOL.md 5, slash commands).

    Args:
        text: any text.
        limit: UTF-16 units a message.
    """
    messages: list[str] = []
    for line in re.split(r"[\r\n]+", well_formed(text)):
        rest = _BLANK.sub(" ", line).strip()
        while rest:
            if rest.startswith("/"):
                rest = " " + rest
            size = _cut(rest, limit)
            if size < len(rest):
                # The break is looked for behind the first word, so that a guarding space never ends up alone.
                space = rest.rfind(" ", 2, size + 1)
                size = space if space > 0 else size
            messages.append(rest[:size].rstrip())
            rest = rest[size:].strip()
    return messages
