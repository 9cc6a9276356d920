"""How times, durations and ranks read."""

from __future__ import annotations

import pytest

from rosey_bot.commands.answers import counted, duration, moment, position, rank_title


@pytest.mark.parametrize(
    ("timestamp", "text"),
    [
        (1794514500.0, "12 Nov 2026 20:15 UTC"),
        (0, "1 Jan 1970 00:00 UTC"),
        (None, "never"),
        (1e300, "at an unknown time"),
    ],
)
def test_moments(timestamp: float | None, text: str) -> None:
    assert moment(timestamp) == text


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
