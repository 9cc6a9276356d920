"""Dead letters as they lie in their stream: read, told apart, sent again, dropped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import nats.errors
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, RawStreamMsg
from nats.js.errors import NotFoundError

from rosey_cli.failure import Failure
from rosey_core import streams, subjects
from rosey_database.ingest import dead_letters as headers

_FETCH: Final = 500
_FETCH_S: Final = 5.0
_ACK_S: Final = 5.0
_HEADER_ROOM: Final = 128
"""For the version line and an id."""
_ABSENT: Final = ("stream not found", "no message found", "stream store EOF")
"""What the server says of a message that is not there: deleted, or never stored."""


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """An event that could not be stored.

    Attributes:
        number: in the stream of dead letters.
        reason: why.
        subject: on which it came.
        sequence: in the stream of events.
        nanoseconds: when it came, Unix time.
        size: of its payload in bytes.
        is_excerpt: whether only the beginning of the payload is kept.
    """

    number: int
    reason: str
    subject: str
    sequence: int
    nanoseconds: int
    size: int
    is_excerpt: bool


@dataclass(kw_only=True)
class Group:
    """Dead letters of one subject with one reason: how often, and the first and last of them."""

    first: DeadLetter
    last: DeadLetter
    count: int = 0


def _read(number: int, values: Mapping[str, str]) -> DeadLetter:
    return DeadLetter(
        number=number,
        reason=values.get(headers.REASON, "unknown"),
        subject=values.get(headers.SUBJECT, ""),
        sequence=_integer(values.get(headers.SEQUENCE)),
        nanoseconds=_integer(values.get(headers.TIME)),
        size=_integer(values.get(headers.SIZE)),
        is_excerpt=headers.EXCERPT in values,
    )


def _integer(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() else 0


async def read_all(client: Client) -> list[DeadLetter]:
    """All dead letters without their payloads, oldest first; none where their stream was never made."""
    stream = client.jetstream()
    config = ConsumerConfig(
        deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.NONE, headers_only=True, mem_storage=True
    )
    try:
        pending = (await client.jsm().stream_info(streams.DEAD_LETTERS)).state.messages
        subscription = await stream.pull_subscribe("", stream=streams.DEAD_LETTERS, config=config)
    except NotFoundError:
        return []
    letters: list[DeadLetter] = []
    try:
        while len(letters) < pending:
            messages = await subscription.fetch(min(_FETCH, pending - len(letters)), timeout=_FETCH_S)
            letters += [_read(message.metadata.sequence.stream, message.headers or {}) for message in messages]
    except (nats.errors.TimeoutError, TimeoutError):
        # Some have been dropped since they were counted.
        pass
    finally:
        await subscription.unsubscribe()
    return letters


def grouped(letters: Iterable[DeadLetter]) -> list[Group]:
    """Dead letters by subject and reason, most frequent first."""
    groups: dict[tuple[str, str], Group] = {}
    for letter in letters:
        group = groups.setdefault((letter.subject, letter.reason), Group(first=letter, last=letter))
        group.last = letter
        group.count += 1
    return sorted(groups.values(), key=lambda group: -group.count)


async def read(client: Client, number: int) -> tuple[DeadLetter, bytes]:
    """One dead letter with what is kept of its payload.

    Raises:
        Failure: there is none of this number.
    """
    try:
        message: RawStreamMsg = await client.jsm().get_msg(streams.DEAD_LETTERS, number)
    except NotFoundError:
        raise Failure(f"there is no dead letter {number}: see rosey dlq list") from None
    return _read(number, message.headers or {}), message.data or b""


async def replay(client: Client, number: int) -> DeadLetter:
    """Publish an event once more on the subject on which it came, and drop its dead letter.

    If it is still none, another dead letter comes of it. Where this ends before the letter is dropped, it can be called
    again: within NATS's duplicate window the event is in the stream once, beyond it as often as it was published.

    Raises:
        Failure: there is none of this number, its payload is not kept in full any more, or its subject is none that
            may be published on.
    """
    letter, payload = await read(client, number)
    # What is not plain stands there as something else, since headers are ASCII: spaces, or escapes with a backslash.
    if not subjects.is_plain(letter.subject) or "\\" in letter.subject:
        raise Failure(
            f"dead letter {number} came on a subject that cannot be published on: publish what "
            f"rosey dlq show {number} says on the right one, then rosey dlq drop {number}"
        )
    if letter.is_excerpt:
        payload = await _complete(client, letter, payload)
    # Dropped only once the stream has it: till then the dead letter is the only copy.
    await client.jetstream().publish(
        letter.subject, payload, timeout=_ACK_S, headers=_headers(letter, len(payload), client.max_payload)
    )
    await drop(client, number)
    return letter


def _headers(letter: DeadLetter, size: int, max_payload: int) -> dict[str, str] | None:
    """The id by which NATS knows that a letter was published; none for a payload that leaves no room for it."""
    if not letter.nanoseconds or size + _HEADER_ROOM > max_payload:
        return None
    return {"Nats-Msg-Id": f"{streams.DEAD_LETTERS}:{letter.sequence}:{letter.nanoseconds}"}


async def drop(client: Client, number: int) -> None:
    """Delete a dead letter.

    Raises:
        Failure: there is none of this number, or the stream does not let it go.
    """
    # nats-py's own has the server overwrite what it deletes: in a large stream 25 ms in the place of 0.4.
    request = json.dumps({"seq": number, "no_erase": True}).encode()
    answer = await client.request(f"$JS.API.STREAM.MSG.DELETE.{streams.DEAD_LETTERS}", request, timeout=_ACK_S)
    error = json.loads(answer.data).get("error")
    if error is None:
        return
    description = str(error.get("description"))
    if description in _ABSENT:
        raise Failure(f"there is no dead letter {number}: see rosey dlq list")
    raise Failure(f"dead letter {number} cannot be dropped: {description}")


async def _complete(client: Client, letter: DeadLetter, excerpt: bytes) -> bytes:
    """The whole payload of a dead letter that keeps its beginning, from the stream of events."""
    try:
        message = await client.jsm().get_msg(streams.EVENTS, letter.sequence)
    except NotFoundError:
        message = None
    payload = b"" if message is None else message.data or b""
    # The stream may have been made anew, and have another message under this sequence.
    if len(payload) != letter.size or not payload.startswith(excerpt):
        raise Failure(
            f"dead letter {letter.number} keeps only the first {len(excerpt)} of {letter.size} bytes, and the event "
            f"is gone from {streams.EVENTS}: it cannot be sent again"
        )
    return payload
