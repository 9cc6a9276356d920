"""How fast statistics are answered from a large database while events arrive."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from pathlib import Path

import msgspec

from benchmarks.histogram import Histogram
from benchmarks.history import CHANNELS, prepare
from benchmarks.load import open_loop
from benchmarks.measurements.sample import Sample, Scale
from benchmarks.stage import Stage
from rosey_core import subjects

INGEST_RATE = 1000.0
REQUEST_RATE = 50.0


class StatisticsQueries:
    """``channel_stats`` by request over NATS, with a million lines and 50,000 users stored, and 1,000 events a second.

    Open loop, 50 requests a second to the channels in turn: from the moment a request is due until its answer is
    there, in the harness's process. Warm-up is left out. The bound in the same run: as many requests between them that
    the service answers without its database. Use ``prepare``, then ``run`` as often as wanted, then
    ``close``.

    It would lie if the database were warm and nobody wrote: each run works on a fresh copy of the file, with a service
    that has just begun, and the load runs all the time. What the harness itself needs for a request is part of the
    figure.
    """

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="rosey-benchmark-")

    async def prepare(self, scale: Scale) -> None:
        """Make the large database."""
        directory = Path(self._directory.name)
        self._database = await prepare(directory, lines=scale.chat_lines, users=scale.chat_users)

    def close(self) -> None:
        """Remove it."""
        self._directory.cleanup()

    async def run(self, scale: Scale) -> Sample:
        """One run."""
        seconds = scale.warm_up + scale.seconds
        count = round(INGEST_RATE * (seconds + 1))
        async with Stage() as stage:
            await asyncio.to_thread(shutil.copy, self._database, stage.database)
            service = await stage.database_service()
            publisher = await stage.publisher(count=count, rate=INGEST_RATE)
            publisher.nudge()
            requests = round(2 * REQUEST_RATE * seconds)
            answered, failed = await _ask(stage, requests)
            await publisher.report()
            await stage.all_stored()
            publisher.nudge()
            await publisher.wait()
            await service.stop()
        first = round(2 * REQUEST_RATE * scale.warm_up)
        bound, histogram = (
            Histogram(answered[number] for number in answered if number >= first and number % 2 == kind)
            for kind in range(2)
        )
        raw = {"requests": histogram.as_json(), "bound": bound.as_json(), "failed": failed}
        values = {
            "stats_ms.p50": histogram.percentile(50) * 1e3,
            "stats_ms.p99": histogram.percentile(99) * 1e3,
            "no_database_ms.p50": bound.percentile(50) * 1e3,
            "no_database_ms.p99": bound.percentile(99) * 1e3,
        }
        return Sample(values, raw)


async def _ask(stage: Stage, count: int) -> tuple[dict[int, float], int]:
    finished: dict[int, float] = {}
    failed = 0
    tasks = []

    async def ask(number: int) -> None:
        nonlocal failed
        kind = subjects.QUERY_CHANNEL_STATS if number % 2 else subjects.QUERY_BAD_REQUESTS
        subject = subjects.for_channel(kind, f"room{number // 2 % CHANNELS}")
        answer = await stage.client.request(subject, b"{}", timeout=10)
        finished[number] = time.time()
        failed += not msgspec.json.decode(answer.data)["success"]

    def begin(number: int) -> None:
        tasks.append(asyncio.ensure_future(ask(number)))

    performance = await open_loop(begin, rate=2 * REQUEST_RATE, count=count)
    await asyncio.gather(*tasks)
    return {number: at - performance.schedule.due(number) for number, at in finished.items()}, failed
