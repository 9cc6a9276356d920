"""Everything at once."""

from __future__ import annotations

import asyncio

from benchmarks.extent import Extent
from benchmarks.outcome import Outcome
from benchmarks.pipeline import Act, Pipeline
from benchmarks.rows import Bound
from benchmarks.suite import Progress
from benchmarks.suite.ways import judge

RECOVERY_S = 3.3
"""Between two moments: CyTube's limit on messages begins anew after two seconds of silence, the bot's after 2.5."""


class TestConcurrentOperations:
    async def test_concurrent_event_types(self, extent: Extent, outcome: Outcome, progress: Progress) -> None:
        """Joins, chat and commands at one moment: until each row is committed and each answer is there.

        **The way:** in each of 50 channels somebody joins, somebody talks and a moderator sends `stats` by private
        message, all within one turn of the simulated site: 150 at once. Joins and lines end with their row, commands
        with the last line of the answer; each command leaves one row as well, which is counted.

        **Why a user feels it:** a busy room is all of this at once, and what is slow must not hold up the rest.

        **Samples:** 3 moments, 450 acts; one moment before them is warm-up. Between two moments lie 3.3 s, so that
        CyTube's limit on messages has no part in it.

        **It would lie** if kinds were sent one after the other, or if an unanswered command counted as nothing: rows of
        all kinds are counted against what was sent, and answers too.
        """
        acts: list[Act] = []
        answered: list[list[float]] = []
        visited: list[tuple[Act, int]] = []
        async with Pipeline() as pipeline:
            await pipeline.mixed()
            for number in range(extent.mixed):
                progress(f"moment {number + 1} of {extent.mixed}")
                await asyncio.sleep(RECOVERY_S)
                act, answers = await pipeline.mixed()
                acts.append(act)
                answered.append(answers)
            arrivals = await pipeline.arrivals()
            judge(outcome, pipeline, arrivals)
            channels = pipeline.channels
        visited = [(act, act.first + place) for act in acts for place in range(channels)]
        joined = [
            arrivals.joins[f"visitor{number}"] - act.schedule.start
            for act, number in visited
            if f"visitor{number}" in arrivals.joins
        ]
        stored = sum(len(arrivals.latencies(act)) for act in acts)
        done = stored + len(joined) + sum(map(len, answered))
        outcome.figure("acts at one moment, all done", "acts", [done / len(acts)], required=Bound(">=", 50))
        outcome.latency("line to row among 150 acts", [arrivals.latencies(act) for act in acts], show=("mean", "p95"))
        outcome.latency("join to row among 150 acts", [joined], show=("mean", "p95"))
        outcome.latency(
            "command to whole answer among 150 acts", answered, required={"max": Bound("<", 1000)}, show=("mean", "p95")
        )
