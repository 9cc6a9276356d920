"""A database that is closed under its service is no fault of the events."""

from pathlib import Path

import pytest
from nats.aio.client import Client

from rosey_core import streams
from tests.integration.ingest.conftest import chat, publish, rows
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("stream")


async def test_events_that_come_when_the_database_is_closed_are_no_dead_letters(
    nats_client: Client, path: Path, make_service
) -> None:
    service = await make_service()
    await publish(nats_client, chat(1))
    await service.stored(1)
    await service.writer.close()
    await publish(nats_client, chat(2), chat(3))
    await until(lambda: service.ingest.problem)
    assert "not connected" in service.ingest.problem
    await service.writer.open()
    await service.stored(3)
    assert (await nats_client.jsm().stream_info(streams.DEAD_LETTERS)).state.messages == 0
    assert len(rows(path, "SELECT 1 FROM recent_chat")) == 3
