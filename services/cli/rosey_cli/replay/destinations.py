"""Where events go that are read again: other subjects, a file, a database."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

import msgspec
from nats.aio.client import Client

from rosey_cli.failure import Failure
from rosey_core import streams, subjects
from rosey_database import BotDatabase
from rosey_database.ingest import position
from rosey_database.ingest.application import Unstorable, apply
from rosey_database.ingest.batch import Batch
from rosey_database.ingest.consumer import StreamMessage
from rosey_database.ingest.position import Position
from rosey_database.ingest.start import created_microseconds

_SLICE_S: Final = 0.02


class Destination(Protocol):
    """Takes messages in order."""

    async def take(self, messages: Sequence[StreamMessage]) -> int:
        """Take some; returns how many of them were left out, since they cannot go there."""


class Pace:
    """Lets a number of events a second through.

    Args:
        rate: events a second.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._began = time.monotonic()
        self._passed = 0

    def split(self, messages: Sequence[StreamMessage]) -> list[Sequence[StreamMessage]]:
        """``messages`` in parts that are small enough for the rate to be even."""
        size = max(1, int(self._rate * _SLICE_S))
        return [messages[start : start + size] for start in range(0, len(messages), size)]

    async def wait(self, count: int) -> None:
        """Wait until ``count`` more are due."""
        self._passed += count
        await asyncio.sleep(max(0.0, self._began + self._passed / self._rate - time.monotonic()))


class Subjects:
    """Publishes each message on a prefix and its own subject, where the event stream does not take it again.

    A subject that is not plain is left out: whoever listens might lose the connection by it.

    Args:
        client: connected to NATS.
        prefix: without a full stop at its end.
    """

    def __init__(self, client: Client, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    async def take(self, messages: Sequence[StreamMessage]) -> int:
        """Publish."""
        plain = [message for message in messages if subjects.is_plain(message.subject)]
        for message in plain:
            await self._client.publish(f"{self._prefix}.{message.subject}", message.payload)
        await self._client.flush()
        return len(messages) - len(plain)


class Lines:
    """Writes each message as a JSON object on a line: sequence, time (Unix seconds), subject, payload.

    A payload that is no JSON stands there as text.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    async def take(self, messages: Sequence[StreamMessage]) -> int:
        """Write."""
        for message in messages:
            self._file.write(msgspec.json.encode(_object(message)) + b"\n")
        self._file.flush()
        return 0


def _object(message: StreamMessage) -> dict[str, Any]:
    try:
        payload = msgspec.json.decode(message.payload)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        payload = message.payload.decode(errors="backslashreplace")
    return {
        "sequence": message.sequence,
        "time": message.nanoseconds / 1e9,
        "subject": message.subject,
        "payload": payload,
    }


@asynccontextmanager
async def lines(path: str) -> AsyncIterator[Lines]:
    """Lines in a new file, or on standard output for ``-``.

    Raises:
        Failure: there is such a file already, or it cannot be written.
    """
    if path == "-":
        yield Lines(sys.stdout.buffer)
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise Failure(f"{path} cannot be made: {error.strerror}") from None
    with os.fdopen(descriptor, "wb") as file:
        yield Lines(file)


class Rebuilt:
    """Applies events to a database as the service does.

    Args:
        database: connected.
        created: the stream's creation time, Unix microseconds.
    """

    def __init__(self, database: BotDatabase, created: int) -> None:
        self._database = database
        self._created = created
        self._last: StreamMessage | None = None
        self._last_id: bytes | None = None

    async def take(self, messages: Sequence[StreamMessage]) -> int:
        """Apply; what is no event, or none that the database takes, is left out, as the service would."""
        batch = Batch(messages, stream_created=str(self._created))
        left_out = len(batch.poison)
        try:
            await self._apply(batch)
        except Unstorable:
            for part in batch.parts():
                try:
                    await self._apply(part)
                except Unstorable:
                    left_out += 1
        if batch.last is not None:
            self._last, self._last_id = batch.last, batch.last_id
        return left_out

    async def _apply(self, batch: Batch) -> None:
        await self._database.writer.run(lambda work: apply(work, batch.items))

    async def finish(self) -> None:
        """Note how far the stream is in the database, so that a service goes on from there."""
        last = self._last
        if last is None:
            return
        reached = Position(
            stream=streams.EVENTS,
            created=self._created,
            sequence=last.sequence,
            message_time=last.nanoseconds,
            message_id=self._last_id,
        )
        await self._database.writer.run(lambda work: position.begin(work.connection, reached), durable=True)


@asynccontextmanager
async def rebuilt(client: Client, path: Path, *, default_channel: str | None, complete: bool) -> AsyncIterator[Rebuilt]:
    """A new database to which events are applied; where that comes to no end there is none.

    Args:
        default_channel: the key of its default channel.
        complete: whether it gets all there is in the stream; only then may a service go on with it.

    Raises:
        Failure: there is such a file already, or it cannot be made.
    """
    _refuse_existing(path)
    created = created_microseconds(await client.jsm().stream_info(streams.EVENTS))
    database = BotDatabase(path)
    try:
        try:
            await database.connect()
        except sqlite3.Error as error:
            raise Failure(f"{path} cannot be made: {str(error).removeprefix(f'{path}: ')}") from None
        if default_channel:
            await database.choose_default_channel(default_channel)
        target = Rebuilt(database, created)
        yield target
        if complete:
            await target.finish()
    except BaseException:
        await database.close(end_sessions=False)
        _remove(path)
        raise
    await database.close(end_sessions=False)


def _remove(path: Path) -> None:
    """Remove what was begun: half of a database would look like a whole one."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        with suppress(OSError):
            path.with_name(path.name + suffix).unlink()


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise Failure(f"{path} is there already: a database is rebuilt in a new file")
