"""A batch: messages of the stream made into events, and those that are none set apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from rosey_core import events, identity
from rosey_database.effects import Received
from rosey_database.ingest.consumer import StreamMessage

FUTURE_TOLERANCE_S: Final = 3600.0
"""An event that claims to be from further ahead of the stream's time than this is dated by the stream."""


class Poison(Struct, frozen=True, gc=False):
    """A message that cannot be stored, and why."""

    message: StreamMessage
    reason: str


class Item(Struct, frozen=True, gc=False):
    """A message with its event."""

    message: StreamMessage
    received: Received


class Batch:
    """Messages in stream order.

    Attributes:
        items: those that are events.
        poison: those that are not.
        last: the last message of all, which the position moves to.
        missing: sequences that are gone from the stream for good.
        future: how many events were dated too far ahead.
    """

    __slots__ = ("_messages", "_stream_created", "future", "items", "last", "last_id", "missing", "poison")

    def __init__(self, messages: Sequence[StreamMessage], *, stream_created: str) -> None:
        self._messages = messages
        self._stream_created = stream_created
        self.items: list[Item] = []
        self.poison: list[Poison] = []
        self.missing = 0
        self.future = 0
        self.last: StreamMessage | None = None
        self.last_id: bytes | None = None
        for message in messages:
            self.missing += message.missing
            self.last = message
            try:
                event, channel = events.decode(message.subject, message.payload)
            except events.InvalidEvent as error:
                self.poison.append(Poison(message, str(error)))
                self.last_id = None
                continue
            stored = message.nanoseconds / 1e9
            time = event.timestamp
            if time is None:
                time = stored
            elif time > stored + FUTURE_TOLERANCE_S:
                self.future += 1
                time = stored
            own_id = event.event_id
            event_id = (
                identity.id_bytes(own_id)
                if own_id is not None
                else identity.place_id(
                    stream_created=stream_created, sequence=message.sequence, nanoseconds=message.nanoseconds
                )
            )
            self.last_id = event_id
            self.items.append(Item(message, Received(event, channel, event_id, time, stored)))

    def parts(self) -> list[Batch]:
        """A batch of each message."""
        return [Batch([message], stream_created=self._stream_created) for message in self._messages]
