"""What telemetry costs: the path's CPU without metrics, with them, and with part or all of the events traced.

Run it by itself: ``python -m benchmarks.measurements.telemetry``. The ways take turns, to and fro, so that what else
the machine does falls on all of them; each is compared with the one before it, turn by turn.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks import counting, interruption
from benchmarks.commits import Commits
from benchmarks.histogram import Histogram, median
from benchmarks.measurements.sample import Sample
from benchmarks.otlp_receiver import OtlpReceiver
from benchmarks.pipeline import Pipeline
from benchmarks.processes import Service

RATE: Final = 1000.0
CHANNELS: Final = 10
USERS: Final = 50
WARM_UP_S: Final = 2.0
SCRAPE_INTERVAL_S: Final = 5.0
OPEN_METRICS: Final = "application/openmetrics-text; version=1.0.0"
LIMIT: Final = 0.05
"""The part of the path's CPU that metrics may take, and the default ratio of traces."""


@dataclass(frozen=True)
class Way:
    """How much is told.

    Attributes:
        metrics: whether bot and database service count, and are scraped.
        ratio: the part of the events that is traced; ``None`` without a receiver.
        limit: the part of the CPU that it may take beyond the way before it.
        watch: the file for what counting took, where it is to be timed from inside.
    """

    metrics: bool
    ratio: float | None
    limit: float | None = None
    watch: Path | None = None


WAYS: Final = {
    "nothing": Way(False, None),
    "metrics": Way(True, None, LIMIT),
    "1 % traced": Way(True, 0.01, LIMIT),
    "all traced": Way(True, 1.0),
}


async def telemetry(way: Way, seconds: float) -> Sample:
    """CPU of bot and database service for an event at 1,000 lines a second, and frame to row beside it.

    Everything is started anew. Without metrics, nothing on the path is counted or observed; with them, both processes
    are scraped every five seconds, as OpenMetrics. Spans go from real processes to a receiver in the harness, whose
    CPU is not counted; what the export thread takes is.

    It would lie if nothing were counted or traced: the service's count and the spans that arrived are in the raw
    figures.
    """
    receiver = OtlpReceiver()
    await receiver.start()
    try:
        with _environment(way, receiver.url):
            async with Pipeline(channels=CHANNELS, users=USERS) as pipeline, _scraped(pipeline, way) as scraped:
                await pipeline.say(round(RATE * WARM_UP_S), RATE)
                count = round(RATE * seconds)
                meter = pipeline.meter()
                act = await pipeline.say(count, RATE)
                cpu = meter.microseconds(count)
                counted = await asyncio.to_thread(_counted, pipeline)
                arrivals = await pipeline.arrivals()
                batches = len(Commits(pipeline.stage.commits))
    finally:
        await receiver.stop()
    row = Histogram(arrivals.latencies(act))
    values = {"cpu_us": cpu["bot"] + cpu["service"], "frame_to_row_ms.p99": row.percentile(99) * 1e3}
    raw = {"cpu_us": cpu, "batches": batches, "counted": counted, "scrapes": len(scraped), "spans": len(receiver.spans)}
    return Sample(values, raw, arrivals.verdict)


def is_sound(way: Way, sample: Sample) -> bool:
    """Whether what should be told was, and every event was stored once."""
    raw = sample.raw
    told = bool(raw["counted"]) == bool(raw["scrapes"]) == way.metrics and bool(raw["spans"]) == bool(way.ratio)
    return told and not (sample.verdict.lost or sample.verdict.doubled)


@contextlib.contextmanager
def _environment(way: Way, endpoint: str) -> Iterator[None]:
    """What processes that are started here inherit."""
    before = dict(os.environ)
    os.environ.pop("OTEL_EXPORTER_OTLP_ENDPOINT", None)
    if way.ratio is not None:
        os.environ |= {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "ROSEY_TELEMETRY__SAMPLE_RATIO": str(way.ratio)}
    if not way.metrics:
        os.environ[counting.METRICS] = "off"
    elif way.watch is not None:
        os.environ |= {counting.METRICS: "timed", counting.WATCH: str(way.watch)}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before


@contextlib.asynccontextmanager
async def _scraped(pipeline: Pipeline, way: Way) -> AsyncIterator[list[str]]:
    """Scrape as a Prometheus does, for the time of the block; yields what was told."""
    told: list[str] = []

    async def scrape() -> None:
        while True:
            told.extend([await asyncio.to_thread(_metrics, service) for service in _services(pipeline)])
            await asyncio.sleep(SCRAPE_INTERVAL_S)

    scraping = asyncio.create_task(scrape()) if way.metrics else None
    try:
        yield told
    finally:
        if scraping is not None:
            scraping.cancel()
            await asyncio.gather(scraping, return_exceptions=True)


def _services(pipeline: Pipeline) -> tuple[Service, Service]:
    assert isinstance(pipeline.store, Service)
    return pipeline.bot, pipeline.store


def _metrics(service: Service) -> str:
    request = urllib.request.Request(f"{service.health_url}/metrics", headers={"Accept": OPEN_METRICS})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return str(answer.read().decode())


def _counted(pipeline: Pipeline) -> int:
    """How many latencies the service has observed."""
    _, store = _services(pipeline)
    lines = _metrics(store).splitlines()
    (value,) = [line.split()[1] for line in lines if line.startswith("rosey_database_frame_to_row_seconds_count ")]
    return int(float(value))


async def _compare(names: list[str], runs: int, seconds: float) -> bool:
    samples: dict[str, list[Sample]] = {name: [] for name in names}
    for number in range(runs):
        # To and fro: what comes later in a turn must not be the same way each time.
        for name in names if number % 2 == 0 else reversed(names):
            sample = await telemetry(WAYS[name], seconds)
            samples[name].append(sample)
            figures = ", ".join(f"{key} {value:.4g}" for key, value in sample.values.items())
            parts = ", ".join(f"{process} {value:.0f}" for process, value in sample.raw["cpu_us"].items())
            made = f"{sample.raw['batches']} batches, {sample.raw['spans']} spans"
            print(f"turn {number + 1} of {runs}: {name}: {figures} ({parts}), {made}", flush=True)
    if not all(is_sound(WAYS[name], sample) for name, taken in samples.items() for sample in taken):
        print("EVENTS, COUNTS OR SPANS ARE MISSING: the figures mean nothing")
        return False
    cpu = {name: [sample.values["cpu_us"] for sample in taken] for name, taken in samples.items()}
    will_do = True
    for before, name in zip([None, *names], names, strict=False):
        line = f"{name:>10}: {median(cpu[name]):6.1f} us CPU an event"
        if before is not None:
            shares = [ours / theirs - 1 for ours, theirs in zip(cpu[name], cpu[before], strict=True)]
            line += f", {median(shares):+.1%} against {before} ({min(shares):+.1%} to {max(shares):+.1%})"
            limit = WAYS[name].limit
            will_do = will_do and (limit is None or median(shares) < limit)
        print(line)
    print("every event was stored once")
    return will_do


async def _look_inside(runs: int, seconds: float) -> bool:
    """Time counting and telling in the processes themselves, with what the watch takes: an upper bound, less noisy."""
    shares = []
    for number in range(runs):
        with tempfile.TemporaryDirectory(prefix="rosey-watch-") as folder:
            watch = Path(folder) / "watch"
            way = replace(WAYS["metrics"], watch=watch)
            sample = await telemetry(way, seconds)
            taken = sum(map(float, watch.read_text().split()))
        if not is_sound(way, sample):
            print("EVENTS OR COUNTS ARE MISSING: the figures mean nothing")
            return False
        each = taken / sample.raw["counted"] * 1e6
        shares.append(each / sample.values["cpu_us"])
        print(f"run {number + 1} of {runs}: {each:.1f} of {sample.values['cpu_us']:.0f} us an event", flush=True)
    print(f"metrics take at most {median(shares):.1%} of the path's CPU ({min(shares):.1%} to {max(shares):.1%})")
    return median(shares) < LIMIT


def main() -> int:
    """Measure; returns the exit code: 1 where a way takes more than it may."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.measurements.telemetry", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="turns of each way; figures are their medians")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each run, without the warm-up")
    parser.add_argument("--way", action="append", choices=WAYS, help="this one; may be given again; else all")
    parser.add_argument("--inside", action="store_true", help="time counting in the processes, instead of comparing")
    options = parser.parse_args()
    if options.inside:
        return 0 if asyncio.run(_look_inside(options.runs, options.seconds)) else 1
    names = [name for name in WAYS if name in (options.way or WAYS)]
    return 0 if asyncio.run(_compare(names, options.runs, options.seconds)) else 1


if __name__ == "__main__":
    sys.exit(interruption.guarded(main))
