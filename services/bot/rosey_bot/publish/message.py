"""An event made ready for the wire: what is sent, sent again, and kept on disk."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from rosey_core import events, subjects
from rosey_core.events import Event, PmCommand

MESSAGE_ID: Final = "Nats-Msg-Id"
TRACE_PARENT: Final = "traceparent"

ENVELOPE_BYTES: Final = 256
"""What subject, reply and headers add to a payload, for bounds in bytes."""

_HEADER_PROLOGUE: Final = len(b"NATS/1.0\r\n\r\n")
_HEADER_FIELD: Final = len(b": \r\n")
_HEADERS_AMPLE: Final = 128


class Message(Struct, frozen=True, array_like=True, gc=False):
    """What is published of one event.

    Attributes:
        subject: the full subject.
        payload: the event as JSON.
        message_id: ``Nats-Msg-Id``, by which JetStream knows a repetition; ``None`` for an event without id.
        traceparent: the W3C trace context, where there is one.
    """

    subject: str
    payload: bytes
    message_id: str | None = None
    traceparent: str | None = None

    @property
    def weight(self) -> int:
        """Bytes that this message counts for in memory and on the way, roughly."""
        return len(self.payload) + ENVELOPE_BYTES

    def headers(self) -> dict[str, str] | None:
        """A new dict of headers for one sending: nats-py may change what it is given."""
        if self.traceparent is None:
            return None if self.message_id is None else {MESSAGE_ID: self.message_id}
        headers = {TRACE_PARENT: self.traceparent}
        if self.message_id is not None:
            headers[MESSAGE_ID] = self.message_id
        return headers

    def exceeds(self, max_payload: int) -> bool:
        """Whether the server would cut the connection over it: ``max_payload`` bounds headers and payload together."""
        if (
            len(self.payload) + _HEADERS_AMPLE + 4 * (len(self.message_id or "") + len(self.traceparent or ""))
            < max_payload
        ):
            return False
        headers = self.headers()
        if headers is None:
            return len(self.payload) > max_payload
        fields = sum(len(key) + len(value.encode()) + _HEADER_FIELD for key, value in headers.items())
        return len(self.payload) + _HEADER_PROLOGUE + fields > max_payload


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Message)


def prepare(event: Event, traceparent: str | None = None) -> Message:
    """Make ``event`` ready for the wire.

    Raises:
        InvalidChannelKey: its channel is no channel key.
        TypeError, ValueError: a field holds what JSON cannot.
    """
    message_id = event.event_id
    if message_id is not None and isinstance(event, PmCommand):
        message_id = f"{message_id}:{event.result}"
    return Message(subjects.for_channel(event.SUBJECT, event.channel), events.encode(event), message_id, traceparent)


def pack(message: Message) -> bytes:
    """The message as a record of the spool."""
    return _ENCODER.encode(message)


def unpack(record: bytes) -> Message:
    """A record of the spool as the message that it was.

    Raises:
        ValueError: it is none, such as one that a newer version wrote.
    """
    try:
        return _DECODER.decode(record)
    except msgspec.MsgspecError as error:
        raise ValueError(f"no message: {error}") from None
