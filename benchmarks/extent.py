"""How much the ten benchmarks do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much is done.

    Attributes:
        rounds: in each, every way that is compared has its turn.
        seconds: of a round at a rate.
        requests: seconds in which requests and commands are sent, of a round.
        bursts: of a round.
        sustained: seconds.
        as_fast: events published as fast as they are acknowledged.
        busy: seconds of a round at 1,000 events a second, for CPU.
        burst: lines said at one moment, for CPU.
        events: between two readings of memory.
        mixed: moments at which everything happens at once.
        history: chat lines that are stored before anything is asked.
        restarts: of the service.
    """

    rounds: int = 3
    seconds: float = 1.5
    requests: float = 3.5
    bursts: int = 12
    sustained: float = 10.0
    as_fast: int = 40_000
    busy: float = 1.0
    burst: int = 1500
    events: int = 10_000
    mixed: int = 3
    history: int = 100_000
    restarts: int = 10


FULL: Final = Extent()
QUICK: Final = Extent(
    rounds=1,
    seconds=1.0,
    requests=2.0,
    bursts=3,
    sustained=2.0,
    as_fast=10_000,
    busy=0.5,
    burst=500,
    events=2_000,
    mixed=1,
    history=5_000,
    restarts=3,
)

HOUR_S: Final = 3600.0
