"""``python -m benchmarks.saturation``: the highest rate that holds, from CyTube frame to committed row.

A rate holds where, open loop for some seconds, the 99th percentile of the latency stays below 100 ms and nothing is
lost. One that was merely late is tried once more: machines have moments. The search doubles the rate until it does not
hold, and halves the gap until it is narrow. Each try has new processes and an empty database, so that a rate that was
too high leaves nothing behind for the next. A rate that the
simulated site itself does not offer in time is not held by Rosey either: whatever is late counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import archive, interruption, report
from benchmarks.histogram import Histogram
from benchmarks.pipeline import Pipeline
from benchmarks.processes import CpuMeter

CHANNELS: Final = (1, 10, 100)
FIRST_RATE: Final = 500.0
BOUND_MS: Final = 100.0
SECONDS: Final = 5.0
WARM_UP_S: Final = 1.0
LINES_OF_A_USER: Final = 3.0
"""A second: so few in a run that CyTube, which takes twenty at once, silences nobody when the generator catches up."""


@dataclass(frozen=True)
class Point:
    """What one rate gave.

    Attributes:
        rate: lines a second.
        p50_ms, p99_ms: ``None`` where nothing arrived.
        lost: lines that did not arrive, or arrived twice.
        cores: how much of a core each process took.
    """

    rate: float
    p50_ms: float | None
    p99_ms: float | None
    lost: int
    cores: dict[str, float]

    @property
    def holds(self) -> bool:
        """Whether the rate is one to rely on."""
        return self.lost == 0 and self.p99_ms is not None and self.p99_ms < BOUND_MS


async def measure(channels: int, rate: float, seconds: float) -> Point:
    """Take one rate."""
    users = max(math.ceil(rate / channels / LINES_OF_A_USER), 1)
    count = round(rate * seconds)
    async with Pipeline(channels=channels, users=users) as pipeline:
        await pipeline.say(round(rate * WARM_UP_S), rate)
        processes = {"simulator": pipeline.simulator.pid, "bot": pipeline.bot.pid, "nats": pipeline.stage.nats.pid}
        assert pipeline.store is not None
        meter = CpuMeter(**processes, service=pipeline.store.pid)
        act = await pipeline.say(count, rate)
        taken = meter.microseconds(count)
        arrivals = await pipeline.arrivals()
    latencies = Histogram(arrivals.latencies(act))
    # What a process takes in a second of the load, of which the waiting for the last rows is a small part.
    cores = {name: round(microseconds * rate / 1e6, 3) for name, microseconds in taken.items()}
    verdict = arrivals.verdict
    p50, p99 = (round(latencies.percentile(share) * 1e3, 3) if len(latencies) else None for share in (50, 99))
    return Point(rate, p50, p99, verdict.lost + verdict.doubled, cores)


async def search(channels: int, *, seconds: float, precision: float) -> list[Point]:
    """Look for the highest rate that holds; all rates that were taken, in their order.

    Args:
        precision: the search ends where the highest rate that holds and the lowest that does not differ by this share.
    """
    points: list[Point] = []
    held, failed, rate = 0.0, math.inf, FIRST_RATE
    while failed > held * (1 + precision) and rate >= 1:
        point = await measure(channels, rate, seconds)
        points.append(point)
        if not point.holds and not point.lost:
            point = await measure(channels, rate, seconds)
            points.append(point)
        p99 = "nothing arrived" if point.p99_ms is None else f"p99 {point.p99_ms:.1f} ms"
        fate = f", {point.lost} LOST OR DOUBLED" if point.lost else ""
        _say(f"{channels} channels, {rate:,.0f}/s: {p99}{fate}: {'holds' if point.holds else 'does not hold'}")
        if point.holds:
            held = rate
        else:
            failed = rate
        rate = round(held * 2 if failed is math.inf else (held + failed) / 2)
    return points


def limit(points: list[Point]) -> float:
    """The highest rate that holds; 0 where none does."""
    return max((point.rate for point in points if point.holds), default=0.0)


async def _search_all(options: argparse.Namespace) -> dict[str, list[Point]]:
    seconds = 2.0 if options.quick else SECONDS
    precision = 0.25 if options.quick else 0.06
    return {
        str(channels): await search(channels, seconds=seconds, precision=precision)
        for channels in options.channels or CHANNELS
    }


def main() -> int:
    """Search, print and keep; returns the exit code."""
    parser = argparse.ArgumentParser(prog="rosey bench saturation", description="Search the highest rate that holds.")
    parser.add_argument("--quick", action="store_true", help="short and coarse; is not kept")
    parser.add_argument("--channels", type=int, action="append", help="so many; may be given again")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where the result goes")
    options = parser.parse_args()
    environment = report.environment()
    found = asyncio.run(_search_all(options))
    content: dict[str, Any] = {
        "environment": environment,
        "limits": {channels: limit(points) for channels, points in found.items()},
        "points": {channels: [asdict(point) for point in points] for channels, points in found.items()},
    }
    is_whole = not (options.quick or options.channels)
    output = options.output or (archive.RESULTS / archive.SATURATION if is_whole else None)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(content, indent=1) + "\n")
    for channels, points in found.items():
        print(f"{channels:>4} channels: {limit(points):,.0f} lines a second with p99 < {BOUND_MS:g} ms, nothing lost")
    return 0 if all(limit(points) for points in found.values()) else 1


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(interruption.guarded(main))
