"""What a release costs, by what its processes tell of themselves."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from benchmarks.histogram import median
from benchmarks.names import HOUR
from benchmarks.outcome import Outcome
from benchmarks.processes import Process, module
from benchmarks.release.reading import BOT, CPU, DATABASE, MEMORY, Reading, Source
from benchmarks.release.run import Run
from benchmarks.rows import Bound, Series

NO_SOURCE = "no process's metrics are known: name them with --metrics or --prometheus"
OTHERS = "other processes answered than before: one was started anew, or several share an address; ask a Prometheus"
UNTOLD = "no database service among these processes tells it: only on Linux do they know"
TAKES_AN_HOUR = f"takes an hour: name it with --only {HOUR}"
MEMORY_RATE = 2000.0
READINGS = 3
HOUR_RATE = 100.0
HOUR_SLICE_S = 20.0


async def test_cpu_overhead_comparison(run: Run, outcome: Outcome) -> None:
    """CPU time of an event, in the Python processes that publish and store it, against the direct writer.

    **The way:** the bot's outbox, here in the load's process, publishes lines as fast as they are acknowledged; its CPU
    time and that of the release's database service are added. The direct writer writes as many lines, a transaction
    each, SQLite as it comes, in a process of its own beside the load. CyTube's frames are on neither side.

    **It would lie** where the release's database service runs on another kind of CPU than this process, if others used
    the release meanwhile, or in milliseconds: a process counts its time in hundredths of a second.
    """
    metric, floor = "CPU above the direct writer's in a burst, Python processes", Bound("<", 5)
    if run.source is None:
        outcome.omit(metric, "%", NO_SOURCE, required=floor)
        return
    count = run.extent.poured
    await run.release.pour(count // 10)
    before, own = await run.source.read(), time.process_time()
    await run.release.pour(count)
    # Until here: what is read afterwards costs this process time that no bot has.
    own = time.process_time() - own
    after = await run.source.read()
    outcome.judge_fate(await run.release.verdict())
    problem = _problem(CPU, before, after)
    if problem is not None:
        outcome.omit(metric, "%", problem, required=floor)
        return
    service = after.total(CPU, DATABASE) - before.total(CPU, DATABASE)
    direct = await _direct(count // 4)
    rosey = (own + service) / count * 1e6
    outcome.figure(metric, "%", [100 * (rosey / direct - 1)], required=floor)
    outcome.figure("CPU of an event in a burst, publisher", "us", [own / count * 1e6])
    outcome.figure("CPU of an event in a burst, database service", "us", [service / count * 1e6])
    outcome.figure("CPU of an event in a burst, direct writer", "us", [direct])


async def test_memory_baseline(run: Run, outcome: Outcome) -> None:
    """Resident memory of bot and database service as they are, against after 10,000 events.

    **It would lie** by showing less growth in a release that has been at work before: what a process needs it has by
    then. The memory of a release that was just installed grows most.
    """
    metric, floor = f"memory of bot and service, growth over {run.extent.kept:,} events", Bound("<", 10)
    if run.source is None:
        outcome.omit(metric, "%", NO_SOURCE, required=floor)
        return
    earlier = await _settled(run.source, run.extent.calm_s)
    await run.release.say(run.extent.kept, MEMORY_RATE)
    later = await _settled(run.source, run.extent.calm_s)
    outcome.judge_fate(await run.release.verdict())
    problem = _problem(MEMORY, *earlier, *later)
    if problem is not None:
        outcome.omit(metric, "%", problem, required=floor)
        return
    before, after = (median([resident_mb(reading) for reading in each]) for each in (earlier, later))
    outcome.figure(metric, "%", [100 * (after / before - 1)], required=floor)
    outcome.figure("memory of bot and service, before", "MB", [before])
    outcome.figure(f"memory of bot and service, after {run.extent.kept:,} events", "MB", [after])


async def test_memory_stability_1hour(run: Run, outcome: Outcome) -> None:
    """Resident memory of bot and database service over an hour at 100 lines a second.

    **Samples:** a reading every 20 seconds. Growth is from the median of minutes 20 to 30 to that of the last ten.
    """
    metric, floor = "memory growth, minutes 20 to 30 against the last ten", Bound("<", 2)
    reason = NO_SOURCE if run.source is None else None if run.is_named else TAKES_AN_HOUR
    if run.source is None or reason is not None:
        outcome.omit(metric, "%", reason or NO_SOURCE, required=floor)
        return
    whole = run.extent.hour_s
    line = Series("bot and service")
    readings: list[Reading] = []
    begun = time.monotonic()
    while (now := time.monotonic() - begun) < whole:
        reading = await run.source.read()
        readings.append(reading)
        line.points.append((now, resident_mb(reading)))
        run.say(f"minute {now / 60:.0f} of {whole / 60:.0f}: {line.points[-1][1]:.1f} MB")
        seconds = min(HOUR_SLICE_S, whole / 180)
        await run.release.say(round(HOUR_RATE * seconds), HOUR_RATE)
        outcome.judge_fate(await run.release.verdict())
    outcome.series["memory over an hour"] = [line]
    problem = _problem(MEMORY, *readings)
    if problem is not None:
        outcome.omit(metric, "%", problem, required=floor)
        return
    middle = [mb for now, mb in line.points if whole / 3 <= now < whole / 2]
    last = [mb for now, mb in line.points if now >= whole * 5 / 6]
    outcome.figure(metric, "%", [100 * (median(last) / median(middle) - 1)], required=floor)
    outcome.figure("memory, last ten minutes", "MB", [median(last)])


def resident_mb(reading: Reading) -> float:
    """Resident memory of bots and database services, in 2**20 bytes."""
    return (reading.total(MEMORY, BOT) + reading.total(MEMORY, DATABASE)) / (1 << 20)


def _problem(metric: str, *readings: Reading) -> str | None:
    """Why these cannot be compared; ``None`` where they can."""
    if not all(reading.total(metric, DATABASE) for reading in readings):
        return UNTOLD
    return OTHERS if len({reading.processes for reading in readings}) > 1 else None


async def _settled(source: Source, seconds: float) -> list[Reading]:
    readings = []
    for _ in range(READINGS):
        await asyncio.sleep(seconds / READINGS)
        readings.append(await source.read())
    return readings


async def _direct(count: int) -> float:
    """CPU microseconds of an event that a bot without NATS writes itself."""
    with tempfile.TemporaryDirectory(prefix="rosey-benchmark-") as name:
        directory = Path(name)
        command = [*module("direct"), "--database", str(directory / "direct.db"), "--count", str(count), "--lines"]
        process = Process(command, directory / "log")
        await process.start()
        try:
            return float((await process.report())["cpu_us"])
        finally:
            await process.stop()
