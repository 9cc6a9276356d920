"""Fixtures for every test. A server belongs to one test: it starts in some 20 ms, and ends with the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client

from tests.support.nats_server import NatsServer


@pytest.fixture
def make_nats_server(tmp_path: Path) -> Iterator[Callable[..., NatsServer]]:
    """Make started servers with options of ``NatsServer``: ``make_nats_server(config="max_payload: 1000")``."""
    servers: list[NatsServer] = []

    def make(**options: Any) -> NatsServer:
        server = NatsServer(tmp_path / f"nats-{len(servers)}", **options)
        servers.append(server)
        server.start()
        return server

    yield make
    for server in servers:
        server.kill()


@pytest.fixture
def nats_server(make_nats_server: Callable[..., NatsServer]) -> NatsServer:
    """A started nats-server with JetStream and nothing in it."""
    return make_nats_server()


@pytest.fixture
async def nats_client(nats_server: NatsServer) -> AsyncIterator[Client]:
    """A plain client of ``nats_server``, to look at what the code under test has done; reconnects fast."""

    async def expect_errors(error: Exception) -> None:
        """Tests kill servers; that this client notices is no news."""

    client = await nats.connect(
        nats_server.url, max_reconnect_attempts=-1, reconnect_time_wait=0.02, error_cb=expect_errors
    )
    yield client
    await client.close()
