"""What nats-py cannot read: one message of the stream, asked for by itself, and a client that has become deaf.

The subject of a message that is asked for comes inside JSON, which every client can read.

A consumer delivers a message on its own subject, with its own headers. NATS lets publishers use some that nats-py
cannot read: then it is deaf, or reconnects, each time that it gets the message.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import datetime
from typing import Final

import msgspec
import nats.errors
from msgspec import Struct
from nats.aio.client import Client

from rosey_database.ingest.consumer import StreamMessage

log = logging.getLogger(__name__)

ALONE_LIMIT: Final = 1000
"""Messages read one by one at most before a consumer is tried again, and after which a consumer is trusted again."""
DEAF_AFTER_S: Final = 1

_TIMEOUT_S: Final = 5.0
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")


class _Stored(Struct):
    subject: str
    seq: int
    time: str
    data: bytes = b""


class _Answer(Struct):
    message: _Stored | None = None


_DECODER: Final = msgspec.json.Decoder(_Answer)


async def next_message(client: Client, stream: str, *, start: int) -> StreamMessage | None:
    """The first message of ``stream`` from sequence ``start`` on; ``None`` where there is none.

    Characters of its subject that are not UTF-8 are replaced.

    Raises:
        nats.errors.Error: the server does not answer.
        ValueError: its answer is none.
    """
    request = json.dumps({"seq": start, "next_by_subj": ">"}).encode()
    answer = await client.request(f"$JS.API.STREAM.MSG.GET.{stream}", request, timeout=_TIMEOUT_S)
    try:
        found = _DECODER.decode(answer.data).message
    except msgspec.DecodeError as error:
        raise ValueError(f"the server's answer cannot be read: {error}") from None
    if found is None:
        return None
    return StreamMessage(found.subject, found.data, found.seq, _nanoseconds(found.time), found.seq - start)


def more_alone(count: int) -> int:
    """How many messages to read one by one after a consumer was lost again, where it was ``count`` the last time."""
    return min(max(2 * count, 1), ALONE_LIMIT)


async def reconnect_if_deaf(client: Client) -> None:
    """After a message that it cannot read nats-py hears nothing more, and finds that out only minutes later."""
    try:
        await client.rtt(DEAF_AFTER_S)
    except (nats.errors.Error, TimeoutError, OSError):
        log.warning("nothing is heard from NATS: connecting anew")
        await client.force_reconnect()


def _nanoseconds(text: str) -> int:
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no time")
    whole, fraction, zone = match.groups()
    return int(datetime.fromisoformat(whole + zone).timestamp()) * 1_000_000_000 + int((fraction or "").ljust(9, "0"))
