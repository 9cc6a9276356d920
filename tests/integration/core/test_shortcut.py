"""The shortcut past nats-py's queues, on a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from nats.aio.msg import Msg

from rosey_core.message_parser import Message
from rosey_core.shortcut import ShortcutClient
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

HEADERS = {"Nats-Msg-Id": "1"}


class Receiver:
    """Hears of messages both ways."""

    def __init__(self) -> None:
        self.called: list[Msg] = []
        self.taken: list[tuple[bytes, bytes, bytes]] = []

    async def call(self, message: Msg) -> None:
        self.called.append(message)

    async def take(self, messages: list[Message]) -> None:
        self.taken += [(subject, reply, payload) for subject, reply, payload, _ in messages]


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
