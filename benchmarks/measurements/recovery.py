"""How long the service is away: restarted in its process, and killed."""

from __future__ import annotations

import asyncio
import time

import nats.errors

from benchmarks import commits
from benchmarks.measurements.sample import Sample, Scale
from benchmarks.processes import Process
from benchmarks.stage import Stage
from rosey_core import subjects
from tests.support.waiting import until

RATE = 1000.0
SETTLE_S = 1.0
POLL_S = 0.005


async def restart(scale: Scale) -> Sample:
    """Stop and start of a DatabaseService in its process, under 1,000 events a second.

    Counted by that process from the call of ``stop`` until ``start`` has returned and the consumer is there. Of the
    restarts of a run the slowest counts. What was published meanwhile must be stored at the end.

    It would lie if the service were idle or its file empty: it is loaded a second before, and during every restart.
    """
    count = round(RATE * (2 * SETTLE_S + scale.restarts * 0.25))
    async with Stage() as stage:
        restarts = await stage.program("restarts", "--database", stage.database, "--count", scale.restarts)
        await restarts.report()
        publisher = await stage.publisher(count=count, rate=RATE)
        publisher.nudge()
        await asyncio.sleep(SETTLE_S)
        taken = (await restarts.go())["restarts_ms"]
        await publisher.report()
        last = await stage.last_sequence()
        await until(lambda: stage.rows("SELECT max(sequence) FROM ingest_position")[0][0] >= last, timeout=30)
        verdict = (await stage.published(count)).verdict
        await _end(publisher)
        await _end(restarts)
    return Sample({"restart_ms": max(taken)}, {"restarts_ms": taken}, verdict)


async def crash(scale: Scale) -> Sample:
    """From SIGKILL of rosey-database to serving again, under 1,000 events a second.

    A new process is started at once, as a supervisor would. Serving means both: a ``channel_stats`` request is
    answered, and a batch is committed. The harness asks every five milliseconds, which is part of the figure.

    It would lie if the service were killed while idle, or if one of the two were left out.
    """
    count = round(RATE * (2 * SETTLE_S + 2))
    async with Stage() as stage:
        service = await stage.database_service()
        publisher = await stage.publisher(count=count, rate=RATE)
        publisher.nudge()
        await asyncio.sleep(SETTLE_S)
        await service.kill()
        killed = time.time()
        stored = commits.last_sequence(stage.commits)
        service = await stage.database_service(wait=False)
        answered = await _answered(stage) - killed
        await stage.reached(stored + 1)
        committed = commits.Commits(stage.commits).time_of(stored + 1) - killed
        await publisher.report()
        await stage.all_stored()
        await _end(publisher)
        await service.stop()
        verdict = (await stage.published(count)).verdict
    values = {"crash_recovery_s": max(answered, committed)}
    return Sample(values, {"answered_s": answered, "committed_s": committed}, verdict)


async def _answered(stage: Stage) -> float:
    async with asyncio.timeout(30):
        while True:
            try:
                await stage.client.request(subjects.QUERY_CHANNEL_STATS, b"{}", timeout=1)
            except (nats.errors.NoRespondersError, nats.errors.TimeoutError):
                await asyncio.sleep(POLL_S)
            else:
                return time.time()


async def _end(process: Process) -> None:
    process.nudge()
    await process.wait()
