"""One message of the stream, asked for by itself: its subject comes inside JSON, which every client can read.

A consumer delivers a message on its own subject, with its own headers. NATS lets publishers use some that nats-py
cannot read: then it is deaf, or reconnects, each time that it gets the message.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct
from nats.aio.client import Client

from rosey_database.ingest.consumer import StreamMessage

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
    found = _DECODER.decode(answer.data).message
    if found is None:
        return None
    return StreamMessage(found.subject, found.data, found.seq, _nanoseconds(found.time), found.seq - start)


def _nanoseconds(text: str) -> int:
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no time")
    whole, fraction, zone = match.groups()
    return int(datetime.fromisoformat(whole + zone).timestamp()) * 1_000_000_000 + int((fraction or "").ljust(9, "0"))
