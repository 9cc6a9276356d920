"""Which events of the stream are read again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from nats.aio.client import Client

from rosey_cli.connection import CONNECT_S
from rosey_cli.failure import Failure
from rosey_core import streams, subjects
from rosey_core.channels import InvalidChannelKey
from rosey_core.service import BAD_CONFIGURATION
from rosey_database.ingest import lookup
from rosey_database.ingest.consumer import Consumer, ConsumerLost, StreamMessage

_READ: Final = 1000
_QUIET_S: Final = 1.0
_POLL_S: Final = 0.02


def template(text: str) -> str:
    """The event's subject that a person means: in full, or its last part where only one ends so (``message.log``).

    Raises:
        Failure: there is no such event, or more than one.
    """
    found = [subject for subject in subjects.EVENTS if subject == text or subject.endswith(f".{text}")]
    if len(found) != 1:
        names = ", ".join(found or subjects.EVENTS)
        raise Failure(f"--subject: {text!r} is no event; there are {names}", BAD_CONFIGURATION)
    return found[0]


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What is wanted; ``None`` is no bound.

    Attributes:
        since, until: Unix seconds, when the stream took the event.
        channel: the channel's key in the subject; ``''`` for events whose subject names none.
        subject: the channel-less form.
    """

    since: float | None = None
    until: float | None = None
    channel: str | None = None
    subject: str | None = None

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        return self == Selection()

    def wants(self, message: StreamMessage) -> bool:
        """Whether this is one of them."""
        time = message.nanoseconds / 1e9
        if (self.since is not None and time < self.since) or (self.until is not None and time >= self.until):
            return False
        if self.channel is None and self.subject is None:
            return True
        try:
            subject, channel = subjects.parse_event(message.subject)
        except (ValueError, InvalidChannelKey):
            return False
        return self.subject in (None, subject) and (self.channel is None or self.channel == (channel or ""))


async def read(client: Client, selection: Selection) -> AsyncIterator[list[StreamMessage]]:
    """The selected messages that are in the stream now, in order, in batches.

    What nats-py cannot read, which costs it its connection or its hearing, is asked for by itself.

    Raises:
        nats.js.errors.NotFoundError: there is no stream.
        nats.errors.Error, ConsumerLost: the connection was lost, and does not come back.
    """
    state = (await client.jsm().stream_info(streams.EVENTS)).state
    reached, alone = max(state.first_seq, 1) - 1, 0
    while reached < state.last_seq:
        for _ in range(alone):
            message = await lookup.next_message(client, streams.EVENTS, start=reached + 1)
            if message is None or message.sequence > state.last_seq:
                return
            reached = message.sequence
            yield [message] if selection.wants(message) else []
        try:
            async for messages in _consume(client, reached + 1, state.last_seq):
                reached = messages[-1].sequence
                yield [
                    message for message in messages if message.sequence <= state.last_seq and selection.wants(message)
                ]
            return
        except ConsumerLost as lost:
            if lost.reason == "heartbeat":
                await lookup.reconnect_if_deaf(client)
            if not await _is_connected_again(client):
                raise
            alone = lookup.more_alone(alone)


async def _consume(client: Client, start: int, end: int) -> AsyncIterator[list[StreamMessage]]:
    """The messages from one sequence to another, as far as they are there."""
    consumer = Consumer(client, streams.EVENTS, start=start)
    try:
        await consumer.start()
        reached = start - 1
        while reached < end and consumer.pending:
            messages = await consumer.take(_READ, _QUIET_S)
            if messages:
                reached = messages[-1].sequence
                yield messages
            else:
                # What was waiting may have been deleted.
                await consumer.ask_pending()
    finally:
        await consumer.stop()


async def _is_connected_again(client: Client) -> bool:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + CONNECT_S
    while not client.is_connected and not client.is_closed and loop.time() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(_POLL_S)
    return client.is_connected
