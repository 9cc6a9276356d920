"""The shortcut past nats-py's queues, on a real server."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import AsyncIterator, Callable

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from rosey_core.shortcut import ShortcutClient
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

HEADERS = {"Nats-Msg-Id": "1"}


class Receiver:
    """Hears of messages both ways."""

    def __init__(self) -> None:
        self.called: list[Msg] = []
        self.taken: list[tuple[bytes, bytes, bytes]] = []
        self.headers: list[bytes] = []

    async def call(self, message: Msg) -> None:
        self.called.append(message)

    async def take(self, subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
        self.headers.append(headers)
        self.taken.append((subject, reply, payload))


@pytest.fixture
async def client(nats_server: NatsServer) -> AsyncIterator[ShortcutClient]:
    client = ShortcutClient()
    await client.connect(nats_server.url)
    yield client
    await client.close()


async def test_what_is_diverted_reaches_the_taker_alone_and_in_order(client: ShortcutClient) -> None:
    receiver = Receiver()
    subscription = await client.subscribe("things.*", cb=receiver.call)
    client.divert(subscription, receiver.take)
    await client.publish("things.a", b"one", reply="back", headers=HEADERS)
    await client.publish("things.b", b"two")
    await client.publish("things.a", b"")
    await until(lambda: len(receiver.taken) == 3)
    assert receiver.taken == [(b"things.a", b"back", b"one"), (b"things.b", b"", b"two"), (b"things.a", b"", b"")]
    assert receiver.called == []


async def test_a_status_still_reaches_the_callback(client: ShortcutClient) -> None:
    receiver = Receiver()
    subscription = await client.subscribe("answers", cb=receiver.call)
    client.divert(subscription, receiver.take)
    await client.publish("nobody.is.here", b"", reply="answers")
    await until(lambda: receiver.called)
    assert (receiver.called[0].headers or {})["Status"] == "503"
    assert receiver.taken == []


async def test_after_the_diversion_the_callback_is_called_again(client: ShortcutClient) -> None:
    receiver = Receiver()
    subscription = await client.subscribe("things", cb=receiver.call)
    client.divert(subscription, receiver.take)
    client.restore(subscription)
    await client.publish("things", b"one", headers=HEADERS)
    await until(lambda: receiver.called)
    assert (receiver.called[0].data, receiver.called[0].headers) == (b"one", HEADERS)
    assert receiver.taken == []


async def test_other_subscriptions_go_the_usual_way_and_all_are_counted(client: ShortcutClient) -> None:
    receiver = Receiver()
    client.divert(await client.subscribe("diverted", cb=receiver.call), receiver.take)
    await client.subscribe("usual", cb=receiver.call)
    await client.publish("diverted", b"one")
    await client.publish("usual", b"two")
    await until(lambda: receiver.called)
    assert [message.data for message in receiver.called] == [b"two"]
    assert (client.stats["in_msgs"], client.stats["in_bytes"]) == (2, 6)


async def greet_and_reset(url: str, resets: int) -> tuple[asyncio.Server, str]:
    """A way to the server on which, after the first, so many connections are reset as soon as the client is greeted."""
    host, port = url.removeprefix("nats://").split(":")
    connections = 0
    now = struct.pack("ii", 1, 0)

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        there, back = await asyncio.open_connection(host, int(port))
        if 1 < connections <= 1 + resets:
            writer.write(await there.readline())
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
            writer.transport.abort()
            back.close()
        else:
            await asyncio.gather(pass_on(there, writer), pass_on(reader, back), return_exceptions=True)

    way = await asyncio.start_server(accept, "127.0.0.1", 0)
    return way, f"nats://127.0.0.1:{way.sockets[0].getsockname()[1]}"


async def comes_back(url: str, make: Callable[[], Client]) -> bool:
    """Whether a client has a connection again at the end of its reconnecting."""
    way, address = await greet_and_reset(url, resets=3)
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
        way.close()


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
    @pytest.mark.parametrize(("make", "comes"), [(ShortcutClient, True), (Client, False)], ids=["", "broken variant"])
    def test_it_comes_back_where_connections_are_reset_at_the_greeting(
        nats_server: NatsServer, make: Callable[[], Client], comes: bool
    ) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            assert runner.run(comes_back(nats_server.url, make)) is comes
