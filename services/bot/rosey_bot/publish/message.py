"""An event made ready for the wire: what is sent, sent again, and kept on disk."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from rosey_core import events, subjects
from rosey_core.events import Event, PmCommand

OVERHEAD: Final = 256
"""What subject, reply and bookkeeping add to headers and payload, for bounds in bytes."""


class Message(Struct, frozen=True, array_like=True, gc=False):
    """What is published of one event.

    Attributes:
        subject: the full subject.
        headers: NATS headers as they go over the wire, empty where there are none.
        payload: the event as JSON.
    """

    subject: str
    headers: bytes
    payload: bytes

    @property
    def size(self) -> int:
        """Bytes that the server's ``max_payload`` bounds: headers and payload together."""
        return len(self.headers) + len(self.payload)

    def command(self, reply: str) -> bytes:
        """The message in NATS's client protocol: PUB, or HPUB with headers; it is acknowledged on ``reply``."""
        headers, payload = self.headers, self.payload
        if headers:
            line = f"HPUB {self.subject} {reply} {len(headers)} {len(headers) + len(payload)}\r\n"
        else:
            line = f"PUB {self.subject} {reply} {len(payload)}\r\n"
        return b"%b%b%b\r\n" % (line.encode(), headers, payload)


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Message)


def prepare(event: Event, traceparent: str | None = None) -> Message:
    """Make ``event`` ready for the wire.

    Its id becomes ``Nats-Msg-Id``, by which JetStream knows a repetition. A moderator's command has two messages of one
    id, so its result belongs to it. Without an id a repetition is a second event.

    Args:
        event: what happened.
        traceparent: the W3C trace context, where there is one.

    Raises:
        InvalidChannelKey: its channel is no channel key.
        TypeError, ValueError: a field holds what JSON cannot.
    """
    fields = ""
    event_id = event.event_id
    if event_id is not None:
        if isinstance(event, PmCommand):
            event_id = f"{event_id}:{event.result}"
        fields = f"Nats-Msg-Id: {_header_value(event_id)}\r\n"
    if traceparent is not None:
        fields += f"traceparent: {_header_value(traceparent)}\r\n"
    headers = f"NATS/1.0\r\n{fields}\r\n".encode() if fields else b""
    return Message(subjects.for_channel(event.SUBJECT, event.channel), headers, events.encode(event))


def _header_value(text: str) -> str:
    # A line break in it would end the header, and what follows would be the server's next command.
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)


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
