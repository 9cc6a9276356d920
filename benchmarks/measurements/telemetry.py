"""What traces cost: the path's CPU with none exported, with the default ratio, and with every event traced.

Run it by itself: ``python -m benchmarks.measurements.telemetry``. The ways take turns, so that what else the machine
does falls on all of them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Final

from benchmarks.histogram import Histogram, median
from benchmarks.measurements.sample import Sample
from benchmarks.otlp_receiver import OtlpReceiver
from benchmarks.pipeline import Pipeline

RATE: Final = 1000.0
CHANNELS: Final = 10
USERS: Final = 50
WARM_UP_S: Final = 2.0
WAYS: Final = {"off": None, "1 %": 0.01, "all": 1.0}
"""The part of the events that is traced; ``None`` without a receiver."""
LIMIT: Final = 0.05
"""The part of the path's CPU that the default ratio may take."""


async def telemetry(ratio: float | None, seconds: float) -> Sample:
    """CPU of bot and database service for an event at 1,000 lines a second, and frame to row beside it.

    Everything is started anew, real processes export to a receiver in the harness, whose CPU is not counted; what the
    export thread takes is. Metrics are on in all ways.

    It would lie if nothing were traced: the spans that arrived are in the raw figures.
    """
    receiver = OtlpReceiver()
    await receiver.start()
    try:
        with _environment(None if ratio is None else receiver.url, ratio):
            async with Pipeline(channels=CHANNELS, users=USERS) as pipeline:
                await pipeline.say(round(RATE * WARM_UP_S), RATE)
                count = round(RATE * seconds)
                meter = pipeline.meter()
                act = await pipeline.say(count, RATE)
                cpu = meter.microseconds(count)
                arrivals = await pipeline.arrivals()
    finally:
        await receiver.stop()
    row = Histogram(arrivals.latencies(act))
    values = {"cpu_us": cpu["bot"] + cpu["service"], "frame_to_row_ms.p99": row.percentile(99) * 1e3}
    return Sample(values, {"cpu_us": cpu, "spans": len(receiver.spans)}, arrivals.verdict)


@contextlib.contextmanager
def _environment(endpoint: str | None, ratio: float | None) -> Iterator[None]:
    """What processes that are started here inherit."""
    before = dict(os.environ)
    os.environ.pop("OTEL_EXPORTER_OTLP_ENDPOINT", None)
    if endpoint is not None:
        os.environ |= {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "ROSEY_TELEMETRY__SAMPLE_RATIO": str(ratio)}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before


async def _compare(runs: int, seconds: float) -> bool:
    samples: dict[str, list[Sample]] = {way: [] for way in WAYS}
    for number in range(runs):
        for way, ratio in WAYS.items():
            sample = await telemetry(ratio, seconds)
            samples[way].append(sample)
            figures = ", ".join(f"{key} {value:.4g}" for key, value in sample.values.items())
            print(f"run {number + 1} of {runs}: {way}: {figures}, {sample.raw['spans']} spans", flush=True)
    cpu = {way: median([sample.values["cpu_us"] for sample in taken]) for way, taken in samples.items()}
    for way, value in cpu.items():
        print(f"{way:>4}: {value:6.1f} us CPU an event, {value / cpu['off'] - 1:+.1%} against off")
    is_sound = all(
        not (sample.verdict.lost or sample.verdict.doubled) and bool(sample.raw["spans"]) == (way != "off")
        for way, taken in samples.items()
        for sample in taken
    )
    print("every event was stored once" if is_sound else "EVENTS OR SPANS ARE MISSING: the figures mean nothing")
    return is_sound and cpu["1 %"] / cpu["off"] - 1 < LIMIT


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.measurements.telemetry", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="of each way; figures are their medians")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each run, without the warm-up")
    options = parser.parse_args()
    return 0 if asyncio.run(_compare(options.runs, options.seconds)) else 1


if __name__ == "__main__":
    sys.exit(main())
