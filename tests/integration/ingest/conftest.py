"""What the tests of ingest share: a database, a stream with events in it, and services that read it."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client

from rosey_core import events, identity, streams, subjects
from rosey_core.events import Event
from rosey_core.streams import StreamLimits
from rosey_database import BotDatabase, sqlite
from rosey_database.effects import Received
from rosey_database.ingest.batch import Poison
from rosey_database.ingest.ingest import Ingest, Stored
from rosey_database.writer import Writer
from tests.support.waiting import until


class Observed:
    """What an ingest told its observer."""

    def __init__(self) -> None:
        self.batches: list[Stored] = []
        self.poison: list[Poison] = []
        self.lost = 0
        self.corrected = 0
        self.restarts: list[str] = []

    def stored(self, stored: Stored) -> None:
        self.batches.append(stored)

    def rejected(self, poison: Poison) -> None:
        self.poison.append(poison)

    def missing(self, count: int) -> None:
        self.lost += count

    def future(self, count: int) -> None:
        self.corrected += count

    def restarted(self, reason: str) -> None:
        self.restarts.append(reason)

    @property
    def received(self) -> list[Received]:
        """All events, in the order in which they were committed."""
        return [item.received for batch in self.batches for item in batch.items]


class Service:
    """An ingest with a writer of its own on a database that others may use too."""

    def __init__(self, client: Client, path: Path, limits: StreamLimits) -> None:
        self.location = sqlite.Location.of(path)
        self.writer = Writer(self.location)
        self.observed = Observed()
        self.ingest = Ingest(
            lambda: client, lambda: self.writer, location=self.location, observer=self.observed, limits=limits
        )

    async def start(self) -> None:
        await self.writer.open()
        await self.ingest.start()

    async def stop(self) -> None:
        await self.ingest.stop()
        await self.writer.close()

    async def stored(self, sequence: int, timeout: float = 15.0) -> None:
        """Wait until the position is at or beyond ``sequence``."""

        def there() -> bool:
            return self.ingest.position is not None and self.ingest.position.sequence >= sequence

        await until(there, timeout=timeout, what=f"position {sequence}; {self.ingest.problem}")


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A migrated database's file."""
    file = tmp_path / "bot_data.db"
    database = BotDatabase(file)
    await database.connect()
    await database.close()
    return file


@pytest.fixture
async def make_service(nats_client: Client, path: Path) -> AsyncIterator[Callable[..., Awaitable[Service]]]:
    """Make started services on the one database."""
    services: list[Service] = []

    async def make(*, start: bool = True, **limits: Any) -> Service:
        service = Service(nats_client, path, StreamLimits(**limits))
        services.append(service)
        if start:
            await service.start()
        return service

    yield make
    for service in services:
        await service.stop()


@pytest.fixture
async def stream(nats_client: Client) -> None:
    """The event stream, made before any service."""
    await streams.ensure(nats_client, StreamLimits())


def chat(number: int, *, channel: str = "lobby", user: str = "Ann", **fields: Any) -> events.ChatMessage:
    """A chat line whose text and time are ``number``'s."""
    milliseconds = 1_700_000_000_000 + number
    text = f"line {number}"
    return events.ChatMessage(
        username=user,
        message=text,
        channel=channel,
        timestamp=milliseconds / 1000,
        id=identity.chat_id(channel=channel, milliseconds=milliseconds, username=user, text=text),
        **fields,
    )


async def publish(client: Client, *published: Event) -> None:
    """Publish as a plain client does, and return when the server has them all."""
    for event in published:
        await client.publish(subjects.for_channel(event.SUBJECT, event.channel), events.encode(event))
    await client.flush()


async def reconnected(client: Client, act: Callable[[], object]) -> None:
    """Do something to the server that ends connections, and return when ``client`` has a new one."""
    before = client.stats["reconnects"]
    act()
    await until(lambda: client.stats["reconnects"] > before and client.is_connected, what="a new connection")


async def last_sequence(client: Client) -> int:
    """The sequence of the stream's last message."""
    return (await client.jsm().stream_info(streams.EVENTS)).state.last_seq


def rows(path: Path, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Ask the database's file, past every service."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query, parameters).fetchall()
    finally:
        connection.close()
