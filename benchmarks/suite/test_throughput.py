"""How much goes through."""

from __future__ import annotations

from contextlib import AsyncExitStack

from benchmarks.extent import Extent
from benchmarks.measurements.sample import Scale
from benchmarks.measurements.throughput import throughput
from benchmarks.outcome import Outcome
from benchmarks.pipeline import Act, Pipeline, Way
from benchmarks.rows import Bound, Series
from benchmarks.suite import Progress
from benchmarks.suite.ways import judge, started

RATE = 1000.0
PUBLISHED_RUNS = 2
BURST = 500


class TestThroughputBenchmarks:
    async def test_sustained_throughput(self, extent: Extent, outcome: Outcome, progress: Progress) -> None:
        """A load that is held: lines a second from the first frame to the last committed row.

        **The way:** from the simulated site to the row, as for a single event, 1,000 lines a second over 50 channels,
        open loop, for 10 seconds. Beside it, without CyTube: events that the bot's own publisher publishes as fast as
        they are acknowledged, until the last row.

        **Why a user feels it:** a bot that falls behind shows yesterday's figures, and loses events when its buffers
        are full.

        **Samples:** 10,000 lines after two seconds of warm-up; twice 40,000 mixed events as fast as possible, where a
        slow start counts.

        **It would lie** if a rate were reported that is merely offered: the rate is that of rows, and the time ends
        with the last one. If rows were late but all there, the latency beside it would show it.
        """
        count = round(RATE * extent.sustained)
        async with Pipeline() as pipeline:
            await pipeline.say(round(RATE * extent.sustained / 5), RATE)
            progress(f"{RATE:,.0f} lines a second for {extent.sustained:g} s")
            act = await pipeline.say(count, RATE)
            arrivals = await pipeline.arrivals()
            judge(outcome, pipeline, arrivals)
        there = arrivals.latencies(act)
        rate = len(there) / arrivals.seconds(act)
        outcome.figure("lines stored, offered 1,000/s", "1/s", [rate], required=Bound(">", 100))
        outcome.latency("frame to row at 1,000/s", [there], goals={"median": Bound("<", 2), "p99": Bound("<", 8)})
        over_time = [(act.schedule.due(number) - act.schedule.start, late * 1e3) for number, late in enumerate(there)]
        outcome.series["latency"] = [Series("frame to row, ms", over_time)]
        rates = []
        for number in range(PUBLISHED_RUNS):
            progress(f"as fast as acknowledged, run {number + 1} of {PUBLISHED_RUNS}")
            sample = await throughput(Scale(burst=extent.as_fast))
            outcome.judge_fate(sample.verdict)
            rates.append(sample.values["throughput_per_s"])
        outcome.figure("events published to rows, as fast as acknowledged", "1/s", rates, goal=Bound(">=", 20_000))

    async def test_burst_handling(self, extent: Extent, outcome: Outcome, progress: Progress) -> None:
        """Five hundred lines at one moment: from that moment until the last of their rows is committed.

        **The way:** as for a single event; ten lines in each of 50 channels.

        **Why a user feels it:** at the end of a film everybody writes at once.

        **Samples:** 12 bursts a round, 3 rounds: 18,000 lines; one burst of warm-up is left out; the slowest burst is
        what counts. The direct writer and fire and forget take their turn with one burst a round.

        **It would lie** if the lines were spread over time by the simulator: all are said within one turn of its loop,
        and the time begins before the first.
        """
        ways = (Way.ROSEY, Way.DIRECT, Way.ORIGINAL)
        acts: dict[Way, list[Act]] = {way: [] for way in ways}
        async with AsyncExitStack() as stack:
            pipelines = await started(stack, ways, progress)
            for pipeline in pipelines:
                await pipeline.burst(BURST)
            for number in range(extent.rounds):
                progress(f"round {number + 1} of {extent.rounds}")
                for pipeline in pipelines:
                    # A slow way takes seconds for each: one will do to compare.
                    bursts = extent.bursts if pipeline.way is Way.ROSEY else 1
                    acts[pipeline.way] += [await pipeline.burst(BURST) for _ in range(bursts)]
            for pipeline in pipelines:
                arrivals = await pipeline.arrivals()
                judge(outcome, pipeline, arrivals)
                seconds = [arrivals.seconds(act) for act in acts[pipeline.way]]
                if pipeline.way is Way.ROSEY:
                    slowest = max(seconds)
                    outcome.figure("500 lines, the slowest burst", "s", [slowest], required=Bound("<", 1))
                    outcome.figure("500 lines, mean", "s", seconds)
                else:
                    outcome.figure(f"500 lines, mean, {pipeline.way.value}", "s", seconds)
