"""How long a user of a release waits."""

from __future__ import annotations

import asyncio
import time

from benchmarks.load import open_loop
from benchmarks.outcome import Outcome
from benchmarks.release.run import Run
from benchmarks.release.target import Release
from benchmarks.rows import Bound
from rosey_core.bus import BusError
from rosey_core.queries import ChannelStats, RequestFailed

LINES_PER_S = 100.0
REQUESTS_PER_S = 50.0
IN_FLIGHT = 50
PART_S = 2.0
"""Intervals are made of parts of a load, since neighbours resemble each other."""


async def test_single_event_latency(run: Run, outcome: Outcome) -> None:
    """One event at a time: from the moment a line is due to be published until somebody who asks is shown its row.

    **The way:** the bot's own outbox, here in the load's process, publishes to the release's NATS, from which its
    database service reads and commits. Whoever published asks for the newest line until it is there.

    **Samples:** 100 lines a second, open loop; a tenth of the time before them is warm-up.

    **It would lie** if a service's word were taken for a row: it is read. The time of the question that shows the row
    is counted, so the figure is an upper bound; when a question that was sent last has missed it is the lower one.
    """
    await run.release.say(round(LINES_PER_S * run.extent.warm_up), LINES_PER_S)
    await run.begin()
    said = await run.release.say(round(LINES_PER_S * run.extent.seconds), LINES_PER_S, trace=run.trace)
    outcome.judge_fate(await run.release.verdict())
    rounds = parts(said.latencies(), round(LINES_PER_S * PART_S))
    required = {"mean": Bound("<", 5), "p95": Bound("<", 10)}
    outcome.latency("publish to a reader's sight", rounds, required=required, show=("median", "p99"))
    outcome.latency(
        "publish to the last look in vain", parts(said.earliest(), round(LINES_PER_S * PART_S)), show=("mean", "p95")
    )
    await run.compare(outcome, said)


async def test_request_reply_latency(run: Run, outcome: Outcome) -> None:
    """A question: `channel_stats` over NATS, from the moment it is due until its answer is here.

    **Samples:** 50 requests a second, open loop, while 100 lines a second are published and stored.

    **It would lie** with nobody writing. How much the release's database holds is the release's own affair. A private
    message to a bot and its answer are not measured: the benchmark is not in its rooms.
    """
    seconds = run.extent.seconds
    talking = asyncio.create_task(run.release.say(round(LINES_PER_S * seconds), LINES_PER_S))
    asked = round(REQUESTS_PER_S * seconds)
    answered = await _ask(run.release, asked)
    await talking
    outcome.judge_fate(await run.release.verdict())
    outcome.latency(
        "request to reply over NATS",
        parts(answered, round(REQUESTS_PER_S * PART_S)),
        required={"mean": Bound("<", 10), "p95": Bound("<", 10), "max": Bound("<", 1000)},
        show=("median", "p99"),
    )
    missing = float(asked - len(answered))
    outcome.figure("questions without an answer", "questions", [missing], required=Bound("<=", 0))


async def test_concurrent_event_latency(run: Run, outcome: Outcome) -> None:
    """Fifty events in flight: from one moment until a reader is shown each one's row.

    **Samples:** bursts of 50 lines, the next when all of the last one are seen; two of warm-up are left out.

    **It would lie** if fifty were sent one after the other: they are published within one turn of the loop.
    """
    for _ in range(2):
        await run.release.burst(IN_FLIGHT)
    await run.begin()
    bursts = []
    for _ in range(run.extent.bursts):
        bursts.append(await run.release.burst(IN_FLIGHT, trace=run.trace))
        await run.pause(IN_FLIGHT)
    outcome.judge_fate(await run.release.verdict())
    rounds = [burst.latencies() for burst in bursts]
    required = {"mean": Bound("<", 10)}
    outcome.latency("50 events to a reader's sight", rounds, required=required, show=("median", "p95", "p99"))
    await run.compare(outcome, *bursts)


def parts(samples: list[float], size: int) -> list[list[float]]:
    """Samples in parts of a size, in their order."""
    return [samples[begin : begin + size] for begin in range(0, len(samples), size)]


async def _ask(release: Release, count: int) -> list[float]:
    finished: dict[int, float] = {}
    tasks: list[asyncio.Future[None]] = []

    async def ask(number: int) -> None:
        try:
            await release.ask(ChannelStats())
        except (BusError, RequestFailed):
            return
        finished[number] = time.time()

    performance = await open_loop(
        lambda number: tasks.append(asyncio.ensure_future(ask(number))), rate=REQUESTS_PER_S, count=count
    )
    await asyncio.gather(*tasks)
    return [moment - performance.schedule.due(number) for number, moment in sorted(finished.items())]
