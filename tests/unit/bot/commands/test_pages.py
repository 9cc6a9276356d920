"""Long answers by the page."""

from __future__ import annotations

from rosey_bot.commands import pages
from rosey_bot.commands.pages import PAGE, Pages


def test_a_page_is_as_long_as_a_burst_and_more_shows_the_rest() -> None:
    shown = Pages()
    lines = [f"line {number}" for number in range(25)]
    first = shown.first("Mod", lines)
    second, third = shown.more("mod"), shown.more("MOD")
    assert len(first) == len(second) == PAGE
    assert first[-1] == "(16 more: send more)"
    assert [*first[:-1], *second[:-1], *third] == lines
    assert shown.more("Mod") == []


def test_what_fits_a_page_is_shown_whole() -> None:
    assert Pages().first("Mod", ["x"] * PAGE) == ["x"] * PAGE


def test_users_have_their_own_pages_and_old_ones_are_forgotten() -> None:
    shown = Pages()
    for number in range(pages.REMEMBERED_USERS + 1):
        shown.first(f"user{number}", ["x"] * 20)
    assert shown.more("user0") == []
    assert len(shown.more("user1")) == PAGE


def test_a_long_line_is_split_before_it_is_counted() -> None:
    first = Pages().first("Mod", ["word " * 1000])
    assert len(first) == PAGE
    assert all(len(message) <= 320 for message in first)
