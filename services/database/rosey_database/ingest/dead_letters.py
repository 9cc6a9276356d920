"""Dead letters: events that could not be stored go to a stream of their own, with the reason, before the position
passes them."""

from __future__ import annotations

from typing import Final

from nats.aio.client import Client

from rosey_core import streams, subjects
from rosey_database.ingest.batch import Poison

REASON: Final = "Rosey-Reason"
SUBJECT: Final = "Rosey-Subject"
SEQUENCE: Final = "Rosey-Sequence"
TIME: Final = "Rosey-Time"
SIZE: Final = "Rosey-Size"
EXCERPT: Final = "Rosey-Excerpt"

_TEXT_LIMIT: Final = 500
_HEADER_ROOM: Final = 128
"""For the version line and the field that nats-py adds, the stream that is expected to answer."""
_HEADER_FIELD: Final = len(": ") + len("\r\n")
_ACK_TIMEOUT_S: Final = 5.0


async def publish(client: Client, poison: Poison, *, stream: str, stream_created: int) -> None:
    """Store one dead letter, once however often this is called for it; returns when the stream has it.

    A payload that would not fit beside the headers is kept as an excerpt: over ``max_payload`` the server would cut
    the connection. The sequence in the header finds the whole one in the event stream while it is kept there.

    Raises:
        nats.errors.Error: it is not known to be stored; call again.
    """
    message = poison.message
    payload = message.payload
    headers = {
        # With its time: a stream that was set back gives its sequences a second time.
        "Nats-Msg-Id": f"{stream}:{stream_created}:{message.sequence}:{message.nanoseconds}",
        REASON: _one_line(poison.reason),
        SUBJECT: _one_line(message.subject),
        SEQUENCE: str(message.sequence),
        TIME: str(message.nanoseconds),
        SIZE: str(len(payload)),
    }
    if len(payload) > _room(client, headers):
        headers[EXCERPT] = "true"
        payload = payload[: max(_room(client, headers), 0)]
    await client.jetstream().publish(
        subjects.dead_letter(message.subject),
        payload,
        timeout=_ACK_TIMEOUT_S,
        stream=streams.DEAD_LETTERS,
        headers=headers,
    )


def _room(client: Client, headers: dict[str, str]) -> int:
    """Bytes that ``max_payload`` leaves beside these headers, which are ASCII."""
    fields = sum(len(name) + len(value) + _HEADER_FIELD for name, value in headers.items())
    return client.max_payload - _HEADER_ROOM - fields


def _one_line(text: str) -> str:
    return " ".join(text.split()).encode("ascii", "backslashreplace")[:_TEXT_LIMIT].decode()
