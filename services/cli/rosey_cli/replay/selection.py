"""Which events of the stream are read again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from nats.aio.client import Client

from rosey_cli.failure import Failure
from rosey_core import streams, subjects
from rosey_core.channels import InvalidChannelKey
from rosey_core.service import BAD_CONFIGURATION
from rosey_database.ingest.consumer import Consumer, StreamMessage

_READ: Final = 1000


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

    Raises:
        nats.js.errors.NotFoundError: there is no stream.
        ConsumerLost: the connection was lost meanwhile.
    """
    state = (await client.jsm().stream_info(streams.EVENTS)).state
    if not state.messages:
        return
    consumer = Consumer(client, streams.EVENTS, start=state.first_seq)
    try:
        await consumer.start()
        sequence = 0
        while sequence < state.last_seq:
            messages = await consumer.take(_READ)
            if messages:
                sequence = messages[-1].sequence
                yield [
                    message for message in messages if message.sequence <= state.last_seq and selection.wants(message)
                ]
    finally:
        await consumer.stop()
