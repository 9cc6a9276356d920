"""Latency over the whole way: from a line said at CyTube to its committed row."""

from __future__ import annotations

from benchmarks.histogram import Histogram
from benchmarks.measurements.sample import Sample, Scale
from benchmarks.pipeline import Pipeline

RATE = 1000.0


async def frames(scale: Scale) -> Sample:
    """Open loop at 1,000 lines a second over 50 channels: from the moment a line is due to its committed row.

    The simulator's process says the line in its room and sends the frame over its socket; the bot's process, real
    ``rosey-bot`` with 50 connections, makes it an event and publishes it; the service commits it. Between two runs
    everything is started anew; a warm-up at the same rate is left out.

    It would lie if people were silenced by CyTube's own rate limit (every line must be there at the end, or it counts
    as lost) and says nothing of the Internet between CyTube and a bot.
    """
    async with Pipeline() as pipeline:
        await pipeline.say(round(RATE * scale.warm_up), RATE)
        count = round(RATE * scale.seconds)
        meter = pipeline.meter()
        act = await pipeline.say(count, RATE)
        cpu = meter.microseconds(count)
        arrivals = await pipeline.arrivals()
    row = Histogram(arrivals.latencies(act))
    values = {"frame_to_row_ms.p50": row.percentile(50) * 1e3, "frame_to_row_ms.p99": row.percentile(99) * 1e3}
    return Sample(values, {"row": row.as_json(), "cpu_us": cpu}, arrivals.verdict)
