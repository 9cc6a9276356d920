"""What memory it takes, and whether that grows."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from benchmarks.extent import HOUR_S, Extent
from benchmarks.histogram import median
from benchmarks.history import prepare
from benchmarks.outcome import Outcome
from benchmarks.pipeline import Pipeline, Way
from benchmarks.processes import resident_mb
from benchmarks.rows import Bound, Series
from benchmarks.suite import Progress
from benchmarks.suite.ways import judge

RATE = 2000.0
CALM_S = 2.0
READ_EVERY_S = 0.5

HOUR_RATE = 100.0
HOUR_SLICE_S = 20.0


class TestMemoryOverhead:
    async def test_memory_baseline(self, extent: Extent, outcome: Outcome, progress: Progress, tmp_path: Path) -> None:
        """Resident memory of bot and service: idle and connected, against after 10,000 events.

        **The way:** the resident size that the system gives for the two processes, which sit in 50 channels, two
        seconds after both are ready; then after 10,000 lines, 2,000 a second, all of them stored. Beside it the direct
        writer, all in one process, in the same run, and nats-server.

        **Why a user feels it:** a bot shares a small machine with others.

        **Samples:** one reading before (a median of several), one after (the same); no warm-up, so that whatever is
        loaded at the first event counts as growth.

        **It would lie** with a database file that is not there yet: its first making takes 11 MB more, until the next
        start, and would hide growth. The file is made before.
        """
        database = await prepare(tmp_path, lines=0)
        for way in (Way.ROSEY, Way.DIRECT):
            progress(f"{way.value}: {extent.events:,} events")
            async with Pipeline(way, database=database) as pipeline:
                line = Series(way.value)
                begun = time.monotonic()
                before = await _settled_mb(pipeline, line, begun)
                said = asyncio.create_task(pipeline.say(extent.events, RATE))
                while not said.done():
                    line.points.append((time.monotonic() - begun, _resident_mb(pipeline)))
                    await asyncio.sleep(READ_EVERY_S)
                await said
                after = await _settled_mb(pipeline, line, begun)
                server = resident_mb(pipeline.stage.nats.pid)
                judge(outcome, pipeline, await pipeline.arrivals())
            outcome.series.setdefault("memory", []).append(line)
            name = "bot and service" if way is Way.ROSEY else "the direct writer's one process"
            growth = 100 * (after / before - 1)
            required = Bound("<", 10) if way is Way.ROSEY else None
            outcome.figure(f"memory of {name}, growth over 10,000 events", "%", [growth], required=required)
            outcome.figure(f"memory of {name}, idle and connected", "MB", [before])
            outcome.figure(f"memory of {name}, after 10,000 events", "MB", [after])
            if way is Way.ROSEY:
                outcome.figure("memory of nats-server, after 10,000 events", "MB", [server])

    async def test_memory_stability_1hour(self, outcome: Outcome, progress: Progress, tmp_path: Path) -> None:
        """Resident memory of bot and service over an hour at 100 lines a second.

        **The way:** as for the baseline, one reading every 20 seconds, 360,000 lines in all. Growth is from the median
        of the readings of minutes 20 to 30 to the median of the last ten minutes: what a process needs it has by then,
        and a leak goes on.

        **Why a user feels it:** a bot runs for months.

        **Samples:** 180 readings; 20 minutes of warm-up.

        **It would lie** if memory were given back just before a reading (medians of 30 readings are compared), or if
        the load were lighter than a room's: it is that of fifty busy ones.
        """
        database = await prepare(tmp_path, lines=0)
        line = Series(Way.ROSEY.value)
        async with Pipeline(database=database) as pipeline:
            begun = time.monotonic()
            while (now := time.monotonic() - begun) < HOUR_S:
                line.points.append((now, _resident_mb(pipeline)))
                if len(line.points) % 15 == 1:
                    progress(f"minute {now / 60:.0f} of {HOUR_S / 60:.0f}: {line.points[-1][1]:.1f} MB")
                await pipeline.say(round(HOUR_RATE * HOUR_SLICE_S), HOUR_RATE)
            judge(outcome, pipeline, await pipeline.arrivals())
        outcome.series["memory over an hour"] = [line]
        middle = [mb for now, mb in line.points if HOUR_S / 3 <= now < HOUR_S / 2]
        last = [mb for now, mb in line.points if now >= HOUR_S * 5 / 6]
        growth = 100 * (median(last) / median(middle) - 1)
        outcome.figure("memory growth, minutes 20 to 30 against the last ten", "%", [growth], required=Bound("<", 2))
        outcome.figure("memory, last ten minutes", "MB", [median(last)])


async def _settled_mb(pipeline: Pipeline, line: Series, begun: float) -> float:
    """The median of what is read for some seconds, the first of which is left out."""
    readings = []
    for _ in range(round(CALM_S / READ_EVERY_S)):
        await asyncio.sleep(READ_EVERY_S)
        readings.append(_resident_mb(pipeline))
        line.points.append((time.monotonic() - begun, readings[-1]))
    return median(readings[1:])


def _resident_mb(pipeline: Pipeline) -> float:
    return resident_mb(pipeline.bot.pid) + (resident_mb(pipeline.store.pid) if pipeline.store is not None else 0.0)
