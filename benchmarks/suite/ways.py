"""Several ways beside each other, and whose losses are Rosey's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

from benchmarks.outcome import Outcome
from benchmarks.pipeline import Arrivals, Pipeline, Way
from benchmarks.suite import Progress


async def started(stack: AsyncExitStack, ways: Sequence[Way], progress: Progress) -> list[Pipeline]:
    """Start these ways, each with processes and a nats-server of its own; they idle while another has its turn."""
    progress(f"starting {len(ways)} ways with processes of their own")
    async with asyncio.TaskGroup() as group:
        # Where one does not start, the others are ended by what is in their own context already.
        starting = [group.create_task(stack.enter_async_context(Pipeline(way))) for way in ways]
    return [task.result() for task in starting]


def judge(outcome: Outcome, pipeline: Pipeline, arrivals: Arrivals) -> None:
    """Take what became of the events: of Rosey's into the verdict, of another way's as a figure."""
    if pipeline.way in (Way.ROSEY, Way.RECEIPT):
        outcome.judge_fate(arrivals.verdict)
    elif arrivals.verdict.lost:
        outcome.figure(f"events lost by {pipeline.way.value}", "events", [float(arrivals.verdict.lost)])
