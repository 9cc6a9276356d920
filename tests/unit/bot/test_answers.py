"""How times, durations and ranks read."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from rosey_bot.commands.answers import ago, counted, duration, moment, position, rank_title

NOW = 1_796_000_000.0


@pytest.mark.parametrize(
    ("timestamp", "text"),
    [
        (1794514500.0, "12 Nov 20:15 UTC"),
        (1762978500.0, "12 Nov 2025 20:15 UTC"),
        (0, "1 Jan 1970 00:00 UTC"),
        (None, "never"),
        (1e300, "at an unknown time"),
    ],
)
def test_moments(timestamp: float | None, text: str) -> None:
    assert moment(timestamp, NOW) == text


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("Europe/Berlin", "1 Jan 2027 00:30 CET"),
        ("America/New_York", "31 Dec 18:30 EST"),
        ("Asia/Kathmandu", "1 Jan 2027 05:15 +0545"),
    ],
)
def test_moments_in_other_time_zones_are_in_that_zones_year(zone: str, text: str) -> None:
    assert moment(1798759800.0, NOW, ZoneInfo(zone)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (7199, "1 hour ago"),
        (3 * 86400, "3 days ago"),
        (75 * 86400, "2 months ago"),
        (800 * 86400, "2 years ago"),
        (1e300, "3170 years ago"),
    ],
)
def test_how_long_ago(seconds: float, text: str) -> None:
    assert ago(NOW - seconds, NOW) == text


def test_what_never_was_is_never_ago() -> None:
    assert ago(None, NOW) == "never"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (-5, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (7530, "2 h 5 min"),
        (3605, "1 h 5 s"),
        (90061, "1 d 1 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (-2, "0:00"), (65, "1:05"), (3723, "1:02:03")])
def test_positions(seconds: float, text: str) -> None:
    assert position(seconds) == text


@pytest.mark.parametrize(
    ("rank", "title"),
    [
        (-1, "anonymous, rank -1"),
        (0, "guest, rank 0"),
        (1, "registered, rank 1"),
        (1.5, "leader, rank 1.5"),
        (2, "moderator, rank 2"),
        (5, "founder, rank 5"),
        (255, "site administrator, rank 255"),
    ],
)
def test_ranks(rank: float, title: str) -> None:
    assert rank_title(rank) == title


def test_counts() -> None:
    assert [counted(number, "user") for number in range(3)] == ["0 users", "1 user", "2 users"]
