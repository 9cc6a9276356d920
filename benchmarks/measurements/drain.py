"""The service's own rate on a full stream, and its bounds."""

from __future__ import annotations

from benchmarks.commits import Commits
from benchmarks.measurements.sample import Sample, Scale
from benchmarks.stage import Stage


async def drain(scale: Scale) -> Sample:
    """How fast a stream that is full already is stored, and how fast it is merely read, one after the other.

    Four processes read the same stream from its beginning: own pull requests on nats-py's client as it comes (the
    bound), the same on the client that the service uses, nats-py's ``fetch(500)`` with an acknowledgement for each
    message, and rosey-database with a fresh file. Each rate is from the end of the first batch to the end of the last
    one, by the same record, so that starting up counts for none of them.

    It would lie if the stream were not in the server's cache for one of them: it was written just before, and is far
    smaller than memory. The bounds run before and after the service.
    """
    async with Stage() as stage:
        publisher = await stage.publisher(count=scale.drain)
        await publisher.go()
        publisher.nudge()
        await publisher.wait()
        pull, pull_cpu = await _bare(stage, "pull", scale.drain)
        service = await stage.database_service(wait=False)
        record = await stage.all_stored()
        await service.stop()
        consumer, consumer_cpu = await _bare(stage, "consumer", scale.drain)
        fetch, fetch_cpu = await _bare(stage, "fetch", scale.drain)
        verdict = (await stage.published(scale.drain)).verdict
    rate = record.rate()
    return Sample(
        {
            "service_per_s": rate,
            "ratio_to_bare_pull": rate / pull,
            "ratio_to_fetch_ack": rate / fetch,
            "ratio_to_own_consumer": rate / consumer,
        },
        {
            "bare_pull_per_s": pull,
            "bare_pull_cpu_us": pull_cpu,
            "own_consumer_per_s": consumer,
            "own_consumer_cpu_us": consumer_cpu,
            "fetch_ack_per_s": fetch,
            "fetch_ack_cpu_us": fetch_cpu,
            "batches": len(record),
        },
        verdict,
    )


async def _bare(stage: Stage, how: str, count: int) -> tuple[float, float]:
    path = stage.directory / how
    reader = await stage.program("bare", how, "--commits", path, "--count", count)
    await reader.report()
    report = await reader.go()
    await reader.wait()
    return Commits(path).rate(), report["cpu_us"]
