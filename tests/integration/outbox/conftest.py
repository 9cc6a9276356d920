"""An outbox on a real nats-server, and events for it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client

from rosey_bot.publish.limits import OutboxLimits
from rosey_bot.publish.outbox import Outbox
from rosey_core import streams
from rosey_core.bus import Bus
from rosey_core.events import ChatMessage
from rosey_core.identity import uuid7
from tests.support.nats_server import NatsServer

MakeOutbox = Callable[..., Coroutine[Any, Any, Outbox]]


@pytest.fixture
async def stream(nats_client: Client) -> Client:
    """The event stream; the client that made it."""
    await streams.ensure(nats_client, streams.StreamLimits())
    return nats_client


@pytest.fixture
def make_events() -> Callable[..., list[ChatMessage]]:
    """Make chat lines with ids, over a few channels."""
    counter = itertools.count()

    def make(count: int, *, channels: int = 3, text: str = "hello") -> list[ChatMessage]:
        return [
            ChatMessage(channel=f"room{number % channels}", id=uuid7(), username="anna", message=f"{text} {number}")
            for number in itertools.islice(counter, count)
        ]

    return make


@pytest.fixture
async def make_outbox(nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[MakeOutbox]:
    """Make an outbox with a connection of its own; ``configure`` may break it before it starts."""
    made: list[tuple[Outbox, Bus]] = []

    async def make(
        *,
        server: NatsServer = nats_server,
        spool: str = "spool",
        configure: Callable[[Outbox], None] | None = None,
        **limits: Any,
    ) -> Outbox:
        bus = Bus(server.url, name="test")
        outbox = Outbox(bus, spool_directory=tmp_path / spool, limits=OutboxLimits(**limits))
        if configure is not None:
            configure(outbox)
        made.append((outbox, bus))
        await bus.start()
        await outbox.start()
        return outbox

    yield make
    for outbox, bus in made:
        await outbox.close(timeout=0)
        await bus.close()
