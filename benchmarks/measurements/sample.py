"""What one run of a measurement gives, and how much is done in one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How much is done.

    Attributes:
        runs: of each measurement; figures are their medians.
        burst: events that are published as fast as they are acknowledged.
        drain: events on the full stream.
        seconds: of each latency, without the warm-up before it.
        warm_up: seconds.
        direct: events that the direct writer writes.
        chat_lines, chat_users: stored before ``channel_stats`` is asked.
        memory: events before resident memory is read.
        growth: seconds in which it is watched.
        restarts: of each run.
    """

    runs: int = 5
    burst: int = 150_000
    drain: int = 100_000
    seconds: float = 8.0
    warm_up: float = 2.0
    direct: int = 4000
    chat_lines: int = 1_000_000
    chat_users: int = 50_000
    memory: int = 1_000_000
    growth: float = 300.0
    restarts: int = 10


QUICK = Scale(
    runs=1,
    burst=40_000,
    drain=40_000,
    seconds=4.0,
    warm_up=1.0,
    direct=1500,
    chat_lines=100_000,
    chat_users=5_000,
    memory=50_000,
    growth=10.0,
    restarts=5,
)


@dataclass(frozen=True)
class Sample:
    """One run.

    Attributes:
        values: figures by key; ``publish_to_row_1k_ms.p99`` is the key and the part of it.
        raw: what they were made of.
        verdict: what became of the events.
    """

    values: dict[str, float]
    raw: dict[str, Any] = field(default_factory=dict)
    verdict: Verdict = field(default_factory=Verdict)


Measurement = Callable[[Scale], Awaitable[Sample]]
