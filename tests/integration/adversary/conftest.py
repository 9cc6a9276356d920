"""The parts of ingest, and a connection that sends bytes as no well-behaved client would."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from nats.aio.client import Client

from rosey_core.shortcut import ShortcutClient
from tests.integration.ingest.conftest import make_service, path, stream
from tests.support.nats_server import NatsServer

__all__ = ["make_service", "path", "stream"]

PublishBytes = Callable[..., None]


@pytest.fixture(params=[Client, ShortcutClient])
async def nats_client(nats_server: NatsServer, request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    """What a caller may hand over, and what a bus makes."""

    async def expect_errors(error: Exception) -> None:
        """What is published here makes nats-py complain; that is no news."""

    client: Client = request.param()
    await client.connect(nats_server.url, max_reconnect_attempts=-1, reconnect_time_wait=0.02, error_cb=expect_errors)
    yield client
    await client.close()


@pytest.fixture
def publish_bytes(nats_server: NatsServer) -> Iterator[PublishBytes]:
    """Publish on a subject of any bytes, past nats-py, which refuses some; returns when the server has it."""
    with socket.create_connection(("127.0.0.1", nats_server.port), timeout=10) as connection:

        def exchange(data: bytes) -> bytes:
            connection.sendall(data + b"PING\r\n")
            answer = b""
            while not answer.endswith(b"PONG\r\n") and b"-ERR" not in answer:
                answer += connection.recv(65536)
            return answer

        exchange(b'CONNECT {"verbose":false,"pedantic":false,"headers":true}\r\n')

        def publish(subject: bytes, payload: bytes, *, headers: bytes = b"") -> None:
            size = len(headers) + len(payload)
            if headers:
                command = b"HPUB %b %d %d\r\n%b%b\r\n" % (subject, len(headers), size, headers, payload)
            else:
                command = b"PUB %b %d\r\n%b\r\n" % (subject, size, payload)
            answer = exchange(command)
            assert b"-ERR" not in answer, answer

        yield publish
