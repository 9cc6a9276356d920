"""Latency from publish to committed row at a given rate, and what an event costs in CPU."""

from __future__ import annotations

from typing import Any

from benchmarks.commits import Commits
from benchmarks.histogram import Histogram
from benchmarks.load import Schedule
from benchmarks.measurements.sample import Sample, Scale
from benchmarks.processes import CpuMeter, Process
from benchmarks.stage import Published, Stage


async def latency_1k(scale: Scale) -> Sample:
    """Latency at 1,000 events a second: see ``_latency``."""
    row, raw, published = await _to_row(scale, 1000)
    bound = await _to_receipt(scale, 1000)
    values = {
        "publish_to_row_1k_ms.p50": row.percentile(50) * 1e3,
        "publish_to_row_1k_ms.p99": row.percentile(99) * 1e3,
        "publish_to_receipt_1k_ms.p50": bound.percentile(50) * 1e3,
        "publish_to_receipt_1k_ms.p99": bound.percentile(99) * 1e3,
    }
    return Sample(values, {"row": row.as_json(), "receipt": bound.as_json(), **raw}, published.verdict)


async def latency_10k(scale: Scale) -> Sample:
    """Latency and CPU at 10,000 events a second, beside the direct writer's CPU.

    CPU is user and system time of the publisher's and the service's process from the start of the load until everything
    is stored, start-up excluded, warm-up included. The direct writer takes the same events one after the other as fast
    as it can, which is less than 10,000 a second: its cost an event does not depend on the rate. It runs twice: with
    SQLite as it comes, which is what the ratio is to, and tuned (see ``benchmarks.direct``), which is reported beside.

    It would lie if work were moved to a process that is not counted: nats-server's share is in ``cpu_all_us``.
    """
    row, raw, published = await _to_row(scale, 10_000)
    bound = await _to_receipt(scale, 10_000)
    direct = await _direct(scale, "delete")
    tuned = await _direct(scale, "wal")
    cpu = raw["cpu_us"]
    both = cpu["publisher"] + cpu["service"]
    values = {
        "publish_to_row_10k_ms.p50": row.percentile(50) * 1e3,
        "publish_to_row_10k_ms.p99": row.percentile(99) * 1e3,
        "publish_to_receipt_10k_ms.p99": bound.percentile(99) * 1e3,
        "cpu_us": both,
        "cpu_ratio_to_direct": both / direct["cpu_us"],
        "cpu_all_us": both + cpu["nats"],
        "cpu_publisher_us": cpu["publisher"],
        "cpu_service_us": cpu["service"],
        "direct_cpu_us": direct["cpu_us"],
        "direct_per_s": direct["rate"],
        "cpu_ratio_to_tuned_direct": both / tuned["cpu_us"],
        "tuned_direct_cpu_us": tuned["cpu_us"],
    }
    raw = {"row": row.as_json(), "receipt": bound.as_json(), "direct": direct, "tuned_direct": tuned, **raw}
    return Sample(values, raw, published.verdict)


async def _to_row(scale: Scale, rate: float) -> tuple[Histogram, dict[str, Any], Published]:
    """Open loop: from the moment an event is due to be published until its row is committed.

    The publisher's process publishes with the bot's outbox; the service notes when each batch is committed, with its
    last sequence; afterwards the stream tells which sequence each event got. Warm-up is published at the same rate and
    left out. The generator's own lateness (median and 99th percentile in the raw samples) is part of each latency.

    It would lie if the clock were set during a run, or if the machine did something else meanwhile: compare with the
    receipt beside it, which goes the same way without a database.
    """
    count = round(rate * (scale.warm_up + scale.seconds))
    async with Stage() as stage:
        service = await stage.database_service()
        publisher = await stage.publisher(count=count, rate=rate)
        meter = CpuMeter(publisher=publisher.pid, service=service.pid, nats=stage.nats.pid)
        report = await publisher.go()
        record = await stage.all_stored()
        cpu = meter.microseconds(count)
        await _end(publisher)
        await service.stop()
        published = await stage.published(count)
    histogram = _histogram(published, record, report["start"], rate, scale)
    return histogram, {"cpu_us": cpu, "batches": len(record), "publisher": report}, published


async def _to_receipt(scale: Scale, rate: float) -> Histogram:
    """The bound: the same, until ingest's consumer in a process of its own has the message, and nothing else."""
    count = round(rate * (scale.warm_up + scale.seconds / 2))
    async with Stage() as stage:
        path = stage.directory / "receipts"
        reader = await stage.program("bare", "pull", "--commits", path, "--count", count)
        await reader.report()
        publisher = await stage.publisher(count=count, rate=rate)
        reader.nudge()
        report = await publisher.go()
        await stage.reached(count, path)
        record = Commits(path)
        await _end(publisher)
        await reader.wait()
        published = await stage.published(count, compare=False)
    return _histogram(published, record, report["start"], rate, scale)


def _histogram(published: Published, record: Commits, start: float, rate: float, scale: Scale) -> Histogram:
    schedule = Schedule(start, rate)
    first = round(rate * scale.warm_up)
    return Histogram(
        record.time_of(sequence) - schedule.due(number)
        for number, sequence in enumerate(published.sequences)
        if number >= first and sequence
    )


async def _direct(scale: Scale, journal: str) -> dict[str, Any]:
    async with Stage() as stage:
        database = stage.directory / "direct.db"
        writer = await stage.program("direct", "--count", scale.direct, "--journal", journal, "--database", database)
        report = await writer.report()
        await writer.wait()
    return report


async def _end(publisher: Process) -> None:
    publisher.nudge()
    await publisher.wait()
