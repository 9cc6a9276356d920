"""Durable throughput."""

from __future__ import annotations

from benchmarks.measurements.sample import Sample, Scale
from benchmarks.processes import CpuMeter
from benchmarks.stage import Stage


async def throughput(scale: Scale) -> Sample:
    """Events a second from the first ``Outbox.publish`` to the commit of the last event.

    Publisher, nats-server and rosey-database are processes of their own and at work together, the publisher with at
    most a thousand events unacknowledged. No warm-up: all start connected, and a slow start counts.

    It would lie if the publisher were slower than the service (then it is the publisher's figure; the raw samples
    have the time of the last acknowledgement beside) or if the events were cheap: they are as mixed as in a room.
    """
    async with Stage() as stage:
        service = await stage.database_service()
        publisher = await stage.publisher(count=scale.burst)
        meter = CpuMeter(publisher=publisher.pid, service=service.pid, nats=stage.nats.pid)
        report = await publisher.go()
        record = await stage.all_stored()
        cpu = meter.microseconds(scale.burst)
        publisher.nudge()
        await publisher.wait()
        await service.stop()
        verdict = (await stage.published(scale.burst)).verdict
    seconds = record.times[-1] - report["start"]
    raw = {"seconds": seconds, "batches": len(record), "cpu_us": cpu, "publisher": report}
    return Sample({"throughput_per_s": scale.burst / seconds}, raw, verdict)
