"""One look at a whole Rosey: what a view shows, and what a report is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from rosey_cli.up.channel import Channel
from rosey_cli.up.child import State
from rosey_cli.up.journal import Entry
from rosey_cli.up.scrape import Totals

_QUANTILES: Final = (0.5, 0.95, 0.99)


class ProcessState(NamedTuple):
    """One process: CPU in seconds and per cent of a core, memory in bytes."""

    name: str
    state: State
    pid: int | None
    restarts: int
    cpu_seconds: float
    cpu_percent: float
    rss: int
    rss_max: int


class Latency(NamedTuple):
    """Quantiles of a time, in milliseconds."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, totals: Totals, histogram: str, since: Totals | None = None) -> Latency | None:
        """What a histogram of seconds tells, as ``Totals.quantiles`` does; ``None`` where it is empty."""
        found = totals.quantiles(histogram, _QUANTILES, since)
        return None if found is None else cls(*(1000 * found[share] for share in _QUANTILES))


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What is known at one moment.

    Attributes:
        time: Unix seconds.
        seconds: since the start.
        published: events that the stream has confirmed to the bot, those that it had already included;
            ``None`` where nobody tells.
        stored: events that the database has committed; ``None`` where nobody tells.
        rejected: events that went to the dead letters.
        waiting: events in the stream and not yet stored.
        held: events that the bot holds and the stream has not confirmed.
        dropped: events that the bot had no room for.
        per_second: events stored a second, lately.
        in_room: whether the bot is in all its channels.
        frame_to_row: from CyTube's frame to the committed row.
        publish_to_row: from the stream to the committed row.
        problems: what is wrong now.
    """

    time: float
    seconds: float
    published: int | None = 0
    stored: int | None = 0
    rejected: int = 0
    waiting: int = 0
    held: int = 0
    dropped: int = 0
    per_second: float = 0.0
    in_room: bool = False
    frame_to_row: Latency | None = None
    publish_to_row: Latency | None = None
    channels: Sequence[Channel] = ()
    processes: Sequence[ProcessState] = ()
    problems: Sequence[str] = ()
    journal: Sequence[Entry] = field(default=())
