"""How answers look: times, durations, counts, ranks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UNITS: Final = (
    (365 * 86400, "year"),
    (30 * 86400, "month"),
    (86400, "day"),
    (3600, "hour"),
    (60, "minute"),
)
_LONG_AGO: Final = 1e11
_RANKS: Final = (
    (255, "site administrator"),
    (5, "founder"),
    (4, "owner"),
    (3, "admin"),
    (2, "moderator"),
    (1.5, "leader"),
    (1, "registered"),
    (0, "guest"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command answers.

    Attributes:
        lines: for whoever asked.
        error: why the command could not do what it should, although it has an answer.
    """

    lines: list[str]
    error: str | None = None


class CommandError(Exception):
    """A command cannot do what it should; the text is the answer, and says what to do."""


def moment(timestamp: float | None, now: float, zone: tzinfo = UTC) -> str:
    """A time as people read it, like ``12 Nov 20:15 UTC``, with the year where it is not the present one.

    Args:
        timestamp: Unix seconds.
        now: Unix seconds.
        zone: the time zone.
    """
    if timestamp is None:
        return "never"
    try:
        time = datetime.fromtimestamp(timestamp, zone)
        year = "" if time.year == datetime.fromtimestamp(now, zone).year else f" {time.year}"
    except (OverflowError, ValueError, OSError):
        return "at an unknown time"
    return f"{time.day} {_MONTHS[time.month - 1]}{year} {time.hour:02}:{time.minute:02} {time.tzname()}"


def ago(timestamp: float | None, now: float) -> str:
    """How long ago a time is, by its largest unit, like ``3 days ago``.

    Args:
        timestamp: Unix seconds.
        now: Unix seconds.
    """
    if timestamp is None:
        return "never"
    seconds = int(min(max(now - timestamp, 0), _LONG_AGO))
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{counted(seconds // size, unit)} ago"
    return "just now"


def duration(seconds: float) -> str:
    """A span of time by its two largest units, like ``2 h 5 min``."""
    rest = max(int(seconds), 0)
    parts = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def position(seconds: float) -> str:
    """A length or a position of a medium, like ``1:02:03``; ``live`` has neither."""
    hours, rest = divmod(max(int(seconds), 0), 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def counted(count: int, noun: str) -> str:
    """A number with its noun, like ``1 user`` or ``3 users``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def rank_title(rank: float) -> str:
    """What CyTube calls a rank, with its number."""
    title = next((title for least, title in _RANKS if rank >= least), "anonymous")
    return f"{title}, rank {rank:g}"
