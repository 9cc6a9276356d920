"""The pool's bucket in NATS: compare-and-set, and a view of all that changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from nats.aio.client import Client
from nats.js import api
from nats.js.errors import APIError
from nats.js.kv import KV_DEL, KV_OP

from rosey_bot.pool.writes import Write
from rosey_core import bucket_watch, leases, streams
from rosey_core.bucket_watch import Entry
from rosey_core.leases import Record

WRITE_TIMEOUT: Final = 1.0
MARK_AGE: Final = 3600.0
"""Seconds after which the mark of an ended session is gone, too: no other ever has its key. What others write again
keeps its mark, since nobody would be told of its end, and all would expect it there."""
_WRONG_REVISION: Final = (10071, 10164)

Change = tuple[str, Record | None, int]
"""A key, what stands there (``None``: it was deleted), and its revision."""


async def write(client: Client, write: Write) -> int | None:
    """Make a compare-and-set; returns the new revision, ``None`` where another one stands there.

    Raises:
        nats.errors.Error: what became of it is not known.
    """
    headers: dict[str, Any] = {api.Header.EXPECTED_LAST_SUBJECT_SEQUENCE.value: str(write.expected)}
    payload, age = b"", None
    if write.record is None:
        headers[KV_OP] = KV_DEL
        age = MARK_AGE if leases.is_session_key(write.key) else None
    else:
        payload = leases.encode(write.record)
    subject = f"$KV.{streams.LEASES}.{write.key}"
    try:
        stored = await client.jetstream().publish(subject, payload, timeout=WRITE_TIMEOUT, headers=headers, msg_ttl=age)
    except APIError as error:
        if error.err_code in _WRONG_REVISION:
            return None
        raise
    return stored.seq


class Watch:
    """What changes, from now on.

    Attributes:
        entries: what stood there at the beginning.
    """

    def __init__(self, watch: bucket_watch.Watch) -> None:
        self._watch: Final = watch
        self.entries: dict[str, tuple[Record | None, int]] = {}
        for entry in watch.entries.values():
            key, record, revision = _change(entry)
            self.entries[key] = (record, revision)

    async def next(self, seconds: float) -> Change | None:
        """The next change; ``None`` where there is none for so long.

        Raises:
            nats.errors.Error: nobody tells any more.
        """
        entry = await self._watch.next(seconds)
        return None if entry is None else _change(entry)


@asynccontextmanager
async def watch(client: Client, patience: float) -> AsyncIterator[Watch]:
    """Look at everything, and at what changes from then on.

    Args:
        client: the connection.
        patience: seconds until the next entry at the beginning.

    Raises:
        nats.errors.Error: it cannot be read; nats.js.errors.NotFoundError where there is no bucket.
    """
    async with bucket_watch.watch(client, streams.LEASES, patience=patience, timeout=WRITE_TIMEOUT) as found:
        yield Watch(found)


def _change(entry: Entry) -> Change:
    is_there = entry.operation is None
    return entry.key, leases.decode(entry.key, entry.value or b"") if is_there else None, entry.revision or 0
