"""The event stream, read from a place in it on, as long as somebody listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

import nats.errors
from nats.aio.client import Client
from nats.js.errors import NotFoundError, ServiceUnavailableError

from rosey_cli.failure import Failure
from rosey_core import streams
from rosey_core.bus import Bus, NotConnected
from rosey_database.ingest import lookup
from rosey_database.ingest.consumer import Consumer, ConsumerLost, StreamMessage

_READ: Final = 500
_PAUSE_S: Final = 0.2


async def state(client: Client) -> tuple[int, int]:
    """The first and last sequence of the event stream.

    Raises:
        Failure: there is none.
    """
    try:
        found = (await client.jsm().stream_info(streams.EVENTS)).state
    except NotFoundError:
        raise Failure(
            f"there is no stream {streams.EVENTS} here: the database service makes it when it first starts"
        ) from None
    except (ServiceUnavailableError, nats.errors.NoRespondersError):
        raise Failure(streams.NO_JETSTREAM) from None
    return found.first_seq, found.last_seq


async def first_since(client: Client, seconds: float) -> int:
    """The sequence of the first message that the stream took at this Unix time or later.

    Raises:
        Failure: there is no stream.
        nats.errors.Error: it does not answer.
    """
    first, last = await state(client)
    low, high = max(first, 1), last + 1
    while low < high:
        middle = (low + high) // 2
        message = await lookup.next_message(client, streams.EVENTS, start=middle)
        if message is None or message.nanoseconds / 1e9 >= seconds:
            high = middle
        else:
            # What is gone from the stream lies before the message that was found in its place.
            low = message.sequence + 1
    return low


async def follow(bus: Bus, start: int) -> AsyncGenerator[StreamMessage, None]:
    """Each message from sequence ``start`` on, in order, also over interruptions of the connection.

    Where the stream was made anew it is read from its beginning.

    Raises:
        Failure: there is no stream.
    """
    reached, alone = start - 1, 0
    while True:
        await bus.wait_connected()
        try:
            client = bus.client
            first, last = await state(client)
            if last < reached:
                reached = max(first, 1) - 1
            for _ in range(alone):
                message = await lookup.next_message(client, streams.EVENTS, start=reached + 1)
                if message is None:
                    break
                reached = message.sequence
                yield message
            async for message in _consume(client, reached + 1):
                reached, alone = message.sequence, 0
                yield message
        except ConsumerLost as lost:
            # What nats-py cannot read, which costs it its connection or its hearing, is asked for by itself.
            if lost.reason == "heartbeat":
                await lookup.reconnect_if_deaf(client)
            alone = lookup.more_alone(alone)
        except (NotConnected, nats.errors.Error, TimeoutError):
            pass
        await asyncio.sleep(_PAUSE_S)


async def _consume(client: Client, start: int) -> AsyncGenerator[StreamMessage, None]:
    consumer = Consumer(client, streams.EVENTS, start=start)
    try:
        await consumer.start()
        while True:
            for message in await consumer.take(_READ):
                yield message
    finally:
        await consumer.stop()
