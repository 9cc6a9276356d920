"""What the chart lets the operator do in NATS: enough, and no more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import nats
import nats.errors
import pytest
from nats.js.errors import Error as JetStreamError

from rosey_core import channel_status, streams, subjects
from rosey_core.bus import Bus
from rosey_core.channel_status import ChannelStatus
from rosey_core.streams import StreamLimits
from rosey_operator.buckets import Buckets
from tests.support.nats_server import NatsServer
from tests.support.waiting import until
from tools import chart


@pytest.fixture
def server(make_nats_server: Callable[..., NatsServer]) -> NatsServer:
    """A server that gives each service the rights that the chart gives it."""
    users = [
        f'{{user: "{name}", password: "made-up", permissions: {json.dumps(rights)}}}'
        for name, rights in chart.permissions().items()
    ]
    return make_nats_server(config=f"authorization {{users: [{', '.join(users)}]}}")


async def bus(server: NatsServer, name: str) -> Bus:
    found = Bus(server.url, name=f"rosey-{name}", user=name, password="made-up")
    await found.start()
    await found.wait_connected()
    return found


async def test_its_rights_are_enough(server: NatsServer) -> None:
    database, bot, operator = [await bus(server, name) for name in ("database", "bot", "operator")]
    await streams.ensure_buckets(database.client, StreamLimits())
    buckets = Buckets(operator)
    following = asyncio.create_task(buckets.run())
    try:
        await until(lambda: buckets.problem is None)
        await buckets.put("lobby", {"channel": "lobby"}, None)
        assert buckets.entries is not None
        await buckets.put("lobby", {"channel": "lobby", "user": "Rosey"}, buckets.entries["lobby"].revision)
        told = await bot.client.jetstream().key_value(streams.CHANNEL_STATUS)
        status = ChannelStatus(key="lobby", origin="added", state="joined", updated=1.0)
        await told.put("lobby", channel_status.encode(status))
        await until(lambda: "lobby" in buckets.statuses)
        await buckets.delete("lobby", buckets.entries["lobby"].revision)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        for one in (operator, bot, database):
            await one.close()
    assert "Violation" not in server.log()


@pytest.mark.parametrize(
    "subject", [subjects.MESSAGE_LOG, f"$KV.{streams.CHANNEL_STATUS}.lobby", f"$KV.{streams.LEASES}.a", "$SYS.REQ.X"]
)
async def test_its_rights_are_no_more(server: NatsServer, subject: str) -> None:
    refused: list[str] = []

    async def on_error(error: Exception) -> None:
        refused.append(str(error))

    client = await nats.connect(server.url, user="operator", password="made-up", error_cb=on_error)
    await client.publish(subject, b"{}")
    await until(lambda: any("permissions violation" in text for text in refused))
    with pytest.raises((nats.errors.Error, JetStreamError, TimeoutError)):
        await client.jetstream(timeout=0.2).stream_info(streams.EVENTS)
    await client.close()
