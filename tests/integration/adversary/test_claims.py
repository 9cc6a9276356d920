"""A message to be posted is given to one bot, however many services answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client

from rosey_core import queries
from rosey_core.queries import ClaimMessages
from rosey_database import BotDatabase, DatabaseService
from tests.support.nats_server import NatsServer

MESSAGES = 100
BOTS = 20


@pytest.fixture
async def shared_database(nats_server: NatsServer, database_file: Path) -> AsyncIterator[BotDatabase]:
    """The database of one of two services that share a file."""
    async with AsyncExitStack() as stack:
        for _ in range(2):
            database = BotDatabase(database_file)
            stack.push_async_callback(database.close)
            await database.connect()
            client = await nats.connect(nats_server.url)
            stack.push_async_callback(client.close)
            service = DatabaseService(client, database)
            stack.push_async_callback(service.stop)
            await service.start()
        yield database


async def test_two_services_give_no_message_twice(nats_client: Client, shared_database: BotDatabase) -> None:
    wanted = {await shared_database.enqueue_outbound_message(f"message {number}") for number in range(MESSAGES)}

    async def claim(bot: int) -> list[int]:
        question = queries.encode(ClaimMessages(limit=MESSAGES // BOTS, claimed_by=f"bot {bot}"))
        answer = await nats_client.request(ClaimMessages.SUBJECT, question, timeout=10)
        return [message.id for message in queries.decode_reply(ClaimMessages, answer.data)]

    given = [number for claimed in await asyncio.gather(*map(claim, range(BOTS))) for number in claimed]
    assert sorted(given) == sorted(wanted)
