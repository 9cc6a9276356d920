"""What is left behind where connections come and go."""

import asyncio

import pytest
from nats.aio.client import Client

from tests.support.nats_server import NatsServer
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("stream")


async def test_a_reconnection_leaves_no_subscription_and_no_task_behind(
    nats_client: Client, nats_server: NatsServer, make_service
) -> None:
    service = await make_service()
    held = []
    for _ in range(3):
        await service.ingest.working.wait()
        held.append((len(nats_client._subs), len(asyncio.all_tasks())))
        nats_server.kill()
        await until(lambda: not service.ingest.working.is_set())
        nats_server.start()
    await service.ingest.working.wait()
    # The first answer to a request brings the one subscription that is for all of them.
    assert held[1] == held[2]
