"""What the service tells of latency is what the harness finds: bucket by bucket, and at the 99th percentile."""

from __future__ import annotations

import asyncio
import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.commits import Commits
from benchmarks.histogram import Histogram
from benchmarks.pipeline import Pipeline
from rosey_core import events, streams
from rosey_core.telemetry.metrics import LATENCY_BUCKETS
from rosey_database.ingest.consumer import Consumer

LINES: Final = 1500
RATE: Final = 300.0
USERS: Final = 150
"""CyTube lets each say ten lines a second; a harness that was held up says several at once."""
RESOLUTION_S: Final = 0.001
"""Of CyTube's times."""
FRAME_TO_ROW: Final = "rosey_database_frame_to_row_seconds"
PUBLISH_TO_ROW: Final = "rosey_database_publish_to_row_seconds"

pytestmark = pytest.mark.timeout(120)


class Message(NamedTuple):
    """An event of the stream.

    Attributes:
        event: what it says.
        stored: when it came into the stream, Unix seconds.
        committed: when its row was there, as the harness has noted.
    """

    event: events.Event
    stored: float
    committed: float


def buckets(seconds: Iterable[float]) -> list[int]:
    """How many are at most as long as each of the bounds, and beyond the last one."""
    counts = [0] * (len(LATENCY_BUCKETS) + 1)
    for amount in seconds:
        counts[bisect_left(LATENCY_BUCKETS, max(amount, 0.0))] += 1
    return counts


def percentile(counts: Sequence[int], share: float) -> tuple[float, float]:
    """The bounds between which so many percent end."""
    rank, reached = math.ceil(share / 100 * sum(counts)), 0
    for low, high, count in zip((0.0, *LATENCY_BUCKETS), (*LATENCY_BUCKETS, math.inf), counts, strict=True):
        reached += count
        if reached >= rank:
            return low, high
    raise AssertionError("nothing was counted")


async def told(url: str) -> dict[str, list[int]]:
    """What the service's histograms tell now, by name, each amount in one bucket only."""
    text = await asyncio.to_thread(lambda: urlopen(f"{url}/metrics", timeout=5).read().decode())
    found = {}
    for family in text_string_to_metric_families(text):
        if family.name in (FRAME_TO_ROW, PUBLISH_TO_ROW):
            upto = [int(sample.value) for sample in family.samples if sample.name.endswith("_bucket")]
            found[family.name] = [count - before for before, count in zip([0, *upto], upto, strict=False)]
    return found


async def messages(pipeline: Pipeline) -> list[Message]:
    """All events of the stream, with what the harness has noted of them."""
    stage = pipeline.stage
    last = await stage.last_sequence()
    await stage.reached(last)
    record = Commits(stage.commits)
    consumer = Consumer(stage.client, streams.EVENTS, start=1)
    await consumer.start()
    found: list[Message] = []
    while len(found) < last:
        for message in await consumer.take(2000):
            event, _ = events.decode(message.subject, message.payload)
            found.append(Message(event, message.nanoseconds / 1e9, record.time_of(message.sequence)))
    await consumer.stop()
    return found


async def test_what_the_service_tells_of_latency_is_what_the_harness_finds() -> None:
    async with Pipeline(channels=1, users=USERS) as pipeline:
        url = pipeline.store.health_url  # type: ignore[union-attr]
        before = await told(url)
        act = await pipeline.say(LINES, RATE)
        after = await told(url)
        arrivals = await pipeline.arrivals()
        found = await messages(pipeline)
        whole = await told(url)

    assert (arrivals.verdict.lost, arrivals.verdict.doubled) == (0, 0)
    dated = [message for message in found if message.event.timestamp is not None]
    from_stream = buckets(message.committed - message.stored for message in found)
    from_frame = buckets(message.committed - message.event.timestamp for message in dated)  # type: ignore[operator]
    assert whole == {FRAME_TO_ROW: from_frame, PUBLISH_TO_ROW: from_stream}
    # The histogram of what is not asked about would not do.
    assert from_frame != from_stream

    # The harness counts from when a line was due, the product from when CyTube dated it.
    lines = {int(m.event.message): m.event for m in found if isinstance(m.event, events.ChatMessage)}
    late = max(lines[n].timestamp - act.schedule.due(n - act.first) for n in lines)  # type: ignore[operator]
    low, high = percentile([b - a for a, b in zip(before[FRAME_TO_ROW], after[FRAME_TO_ROW], strict=True)], 99)
    p99 = Histogram(arrivals.latencies(act)).percentile(99)
    assert low - RESOLUTION_S <= p99 <= high + late + RESOLUTION_S
