"""What it costs."""

from __future__ import annotations

import statistics
from contextlib import AsyncExitStack

from benchmarks.extent import Extent
from benchmarks.outcome import Outcome
from benchmarks.pipeline import Way
from benchmarks.rows import Bound
from benchmarks.suite import Progress
from benchmarks.suite.ways import judge, started

WAYS = (Way.ROSEY, Way.DIRECT, Way.TUNED, Way.ORIGINAL)
QUIET = "at 100/s"
BUSY = "at 1,000/s"
BURST = "in a burst"
FLOOR = Bound("<", 5)


class TestCPUOverhead:
    async def test_cpu_overhead_comparison(self, extent: Extent, outcome: Outcome, progress: Progress) -> None:
        """CPU time of a line, in all processes that bring it from its frame to its row, against the direct writer.

        **The way:** for Rosey `rosey-bot` and `rosey-database`, and nats-server beside; for the direct writer the one
        process of a bot without NATS, which is the same `rosey-bot` with a transaction an event (aiosqlite) in the
        place of its outbox. Equal load: the same lines from the same simulated site, whose own CPU is not counted.

        **Why a user feels it:** it is the size of the machine that has to be paid for.

        **Samples:** for each way and round 150 lines at 100 a second, 1,000 at 1,000 a second, and 1,500 in a burst,
        as fast as each takes them; 3 rounds, all ways in turns; a second of warm-up. User and system time by the
        processes' own clocks, to the nanosecond on Linux.

        **What is required** is of the burst, a thousand operations and more on each side. At a given rate it is a goal:
        Rosey wakes three processes for each line and gains nothing from batches of one.

        **It would lie** if work were moved into a process that is not counted (nats-server has its own rows), or if
        the direct writer were made slow: its way of writing is SQLite as it comes, and beside it stands one that is
        tuned (WAL, `synchronous=NORMAL`) and would lose its last transactions in a power cut.
        """
        cpu: dict[tuple[str, Way], list[dict[str, float]]] = {}
        loads = {QUIET: (round(100 * extent.seconds), 100.0), BUSY: (round(1000 * extent.busy), 1000.0)}
        async with AsyncExitStack() as stack:
            pipelines = await started(stack, WAYS, progress)
            for pipeline in pipelines:
                await pipeline.say(100, 100.0)
            for number in range(extent.rounds):
                for load, (count, rate) in loads.items():
                    progress(f"round {number + 1} of {extent.rounds}, {load}")
                    for pipeline in pipelines:
                        meter = pipeline.meter()
                        await pipeline.say(count, rate)
                        cpu.setdefault((load, pipeline.way), []).append(meter.microseconds(count))
                progress(f"round {number + 1} of {extent.rounds}, {BURST}")
                for pipeline in pipelines:
                    meter = pipeline.meter()
                    await pipeline.burst(extent.burst)
                    cpu.setdefault((BURST, pipeline.way), []).append(meter.microseconds(extent.burst))
            for pipeline in pipelines:
                judge(outcome, pipeline, await pipeline.arrivals())
        for load in (*loads, BURST):
            self._compare(outcome, load, {way: cpu[load, way] for way in WAYS})

    @staticmethod
    def _compare(outcome: Outcome, load: str, cpu: dict[Way, list[dict[str, float]]]) -> None:
        python = {way: [_python(each) for each in rounds] for way, rounds in cpu.items()}
        overhead = [
            100 * (own / max(other, 1) - 1) for own, other in zip(python[Way.ROSEY], python[Way.DIRECT], strict=True)
        ]
        outcome.figure(
            f"CPU above the direct writer's {load}, Python processes",
            "%",
            overhead,
            required=FLOOR if load == BURST else None,
            goal=FLOOR,
        )
        whole = [sum(each.values()) for each in cpu[Way.ROSEY]]
        with_nats = [100 * (own / max(other, 1) - 1) for own, other in zip(whole, python[Way.DIRECT], strict=True)]
        outcome.figure(f"CPU above the direct writer's {load}, with nats-server", "%", with_nats)
        for way in WAYS:
            outcome.figure(f"CPU of a line {load}, {way.value}", "us", python[way])
            outcome.shares[f"{way.name.lower()} {load}"] = {
                part: statistics.fmean(each[part] for each in cpu[way]) for part in cpu[way][0]
            }


def _python(cpu: dict[str, float]) -> float:
    return sum(microseconds for process, microseconds in cpu.items() if process != "nats")
