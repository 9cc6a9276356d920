"""How much goes through a release."""

from __future__ import annotations

from benchmarks.outcome import Outcome
from benchmarks.release.latency import parts
from benchmarks.release.run import Run
from benchmarks.rows import Bound, Series

BURST = 500


async def test_sustained_throughput(run: Run, outcome: Outcome) -> None:
    """A load that is held: events a second from the first one's moment until a reader has seen the last one's row.

    **Samples:** lines at a rate, open loop, after a tenth of the time for warm-up.

    **It would lie** if the rate were that of the load: it is that of rows, and its time ends with the last one.
    """
    rate = run.extent.rate
    await run.release.say(round(rate * run.extent.warm_up), rate)
    await run.begin()
    said = await run.release.say(round(rate * run.extent.seconds), rate, trace=run.trace)
    outcome.judge_fate(await run.release.verdict())
    there = said.latencies()
    stored = len(there) / said.seconds
    outcome.figure(f"events stored, offered {rate:,g}/s", "1/s", [stored], required=Bound(">", min(100, 0.99 * rate)))
    outcome.latency(f"publish to a reader's sight at {rate:,g}/s", parts(there, round(rate)), show=("median", "p99"))
    over_time = [(due - said.due[0], late * 1e3) for due, late in zip(said.due, there, strict=False)]
    outcome.series["latency"] = [Series("publish to a reader's sight, ms", over_time)]
    await run.compare(outcome, said)


async def test_burst_handling(run: Run, outcome: Outcome) -> None:
    """Five hundred events at one moment: until a reader has seen the last one's row.

    **Samples:** bursts of 500 lines, the next when all of the last one are seen; one of warm-up is left out. What
    counts is the slowest.

    **It would lie** if the lines were spread over time: all are published within one turn of the loop.
    """
    await run.release.burst(BURST)
    await run.begin()
    bursts = []
    for _ in range(run.extent.bursts):
        bursts.append(await run.release.burst(BURST, trace=run.trace))
        await run.pause(BURST)
    seconds = [burst.seconds for burst in bursts]
    outcome.judge_fate(await run.release.verdict())
    outcome.figure("500 events, the slowest burst", "s", seconds, required=Bound("<", 1), worst=True)
    outcome.figure("500 events, mean", "s", seconds)
    await run.compare(outcome, *bursts)
