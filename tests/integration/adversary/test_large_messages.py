"""Messages as large as NATS takes them, which nobody takes in for a while."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from nats.aio.client import Client

from rosey_core import streams
from rosey_database.ingest import consumer
from rosey_database.ingest.consumer import Consumer
from tests.support.waiting import until

SIZE = 1_000_000
COUNT = 100


@pytest.fixture
async def reader(nats_client: Client, stream: None) -> AsyncIterator[Consumer]:
    """Reads the event stream from its beginning; the test starts it."""
    result = Consumer(nats_client, streams.EVENTS, start=1)
    yield result
    await result.stop()


async def test_no_more_is_asked_for_than_fits_and_the_server_cuts_nobody_off(
    reader: Consumer, publish_bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "HEARTBEAT_S", 0.5)
    for _ in range(COUNT):
        publish_bytes(b"rosey.db.message.log", b"x" * SIZE)
    await reader.start()
    await until(lambda: reader._waiting_bytes >= consumer.PULL_BYTES)
    heartbeats_missed = consumer.HEARTBEAT_S * (consumer.HEARTBEATS_MISSED + 1)
    await asyncio.sleep(heartbeats_missed)
    assert reader._waiting_bytes <= 3 * consumer.PULL_BYTES
    taken = 0
    while taken < COUNT:
        taken += len(await asyncio.wait_for(reader.take(COUNT), 5))
    assert reader._waiting_bytes == 0


async def test_a_message_larger_than_a_pull_request_may_bring_comes_too(
    reader: Consumer, publish_bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "PULL_BYTES", SIZE // 2)
    sizes = [10, SIZE, SIZE, 10, SIZE, 10]
    for size in sizes:
        publish_bytes(b"rosey.db.message.log", b"x" * size)
    await reader.start()
    taken: list[int] = []
    while len(taken) < len(sizes):
        taken += [len(message.payload) for message in await asyncio.wait_for(reader.take(2), 5)]
    assert taken == sizes
