"""Text of strangers in a terminal."""

from __future__ import annotations

import pytest

from rosey_core.text import one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("naïve 日本 🍿", "naïve 日本 🍿"),
        ("two\nlines\r\n\tand  a tab ", "two lines and a tab"),
        ("\x1b[31mred\x1b[0m \x07", r"\x1b[31mred\x1b[0m \x07"),
        ("\x9b2J", r"\x9b2J"),
        ("user\u202egnp.exe", "usergnp.exe"),
        ("\udc80 half", r"\udc80 half"),
        ("", ""),
    ],
)
def test_nothing_that_a_stranger_writes_moves_the_cursor(text: str, shown: str) -> None:
    assert one_line(text) == shown
    assert one_line(text).isprintable()
