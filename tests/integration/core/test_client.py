"""nats-py's client, mended, where its tries to reconnect to a real server fail."""

from __future__ import annotations

import asyncio
import gc
import socket
import struct
import sys
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from nats.aio.client import Client

from rosey_core.client import MendedClient
from tests.support.nats_server import NatsServer

FAULTS = 3

Fault = Callable[[bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Make = Callable[[], Client]


@asynccontextmanager
async def way_to(url: str, fault: Fault) -> AsyncIterator[str]:
    """The address of a way to the server, on which the second to fourth connection meet a fault with the greeting."""
    host, port = url.removeprefix("nats://").split(":")
    passing: set[asyncio.Task[None]] = set()
    connections = 0

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        work = asyncio.current_task()
        assert work is not None
        passing.add(work)
        there, back = await asyncio.open_connection(host, int(port))
        greeting = await there.readline()
        if 1 < connections <= 1 + FAULTS:
            await fault(greeting, reader, writer)
            back.close()
        else:
            writer.write(greeting)
            await asyncio.gather(pass_on(there, writer), pass_on(reader, back), return_exceptions=True)

    way = await asyncio.start_server(accept, "127.0.0.1", 0)
    yield f"nats://127.0.0.1:{way.sockets[0].getsockname()[1]}"
    way.close()
    # Each ends with its client; one that was left would be taken for a leak of a later test's.
    await asyncio.wait(passing, timeout=10)


async def reset(greeting: bytes, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(greeting)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def turn_away(_: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"no greeting\r\n")
    await reader.read()
    writer.close()


async def comes_back(url: str, fault: Fault, make: Make) -> bool:
    """Whether a client has a connection again at the end of its reconnecting."""
    async with way_to(url, fault) as address:
        client = make()
        await client.connect(address, reconnect_time_wait=0.01, max_reconnect_attempts=-1)  # type: ignore[arg-type]
        await client.force_reconnect()
        reconnecting = client._reconnection_task
        assert reconnecting is not None
        try:
            await asyncio.wait_for(asyncio.gather(reconnecting, return_exceptions=True), 10)
            return client.is_connected
        finally:
            await client.close()


@pytest.mark.parametrize(("make", "leaves"), [(MendedClient, False), (Client, True)], ids=["", "broken variant"])
async def test_it_leaves_no_connection_open_behind_a_try_that_failed(
    nats_server: NatsServer, make: Make, leaves: bool
) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        assert await comes_back(nats_server.url, turn_away, make)
        gc.collect()
    assert any("unclosed" in str(warning.message) for warning in caught) is leaves


@pytest.fixture
def slow_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that have heard that the connection is reset when they answer the greeting."""
    process_info = Client._process_info

    async def process(self: Client, *arguments: object, **options: object) -> None:
        await process_info(self, *arguments, **options)  # type: ignore[arg-type]
        await asyncio.sleep(0.05)

    monkeypatch.setattr(Client, "_process_info", process)


if sys.platform != "win32":
    import uvloop

    @pytest.mark.usefixtures("slow_to_answer")
    @pytest.mark.parametrize(("make", "comes"), [(MendedClient, True), (Client, False)], ids=["", "broken variant"])
    def test_it_comes_back_where_connections_are_reset_at_the_greeting(
        nats_server: NatsServer, make: Make, comes: bool
    ) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            assert runner.run(comes_back(nats_server.url, reset, make)) is comes
