"""A message to be posted is given to one bot, however many services answer."""

import asyncio

import nats
from nats.aio.client import Client

from rosey_core import queries
from rosey_core.queries import ClaimMessages
from rosey_database import BotDatabase, DatabaseService
from tests.support.nats_server import NatsServer

MESSAGES = 100
BOTS = 20


async def test_two_services_give_no_message_twice(nats_client: Client, nats_server: NatsServer, database_file) -> None:
    databases = [BotDatabase(database_file) for _ in range(2)]
    clients = [await nats.connect(nats_server.url) for _ in range(2)]
    services = []
    for database, client in zip(databases, clients, strict=True):
        await database.connect()
        services.append(DatabaseService(client, database))
        await services[-1].start()
    wanted = {await databases[0].enqueue_outbound_message(f"message {number}") for number in range(MESSAGES)}

    async def claim(bot: int) -> list[int]:
        question = queries.encode(ClaimMessages(limit=MESSAGES // BOTS, claimed_by=f"bot {bot}"))
        answer = await nats_client.request(ClaimMessages.SUBJECT, question, timeout=10)
        return [message.id for message in queries.decode_reply(ClaimMessages, answer.data)]

    given = [number for claimed in await asyncio.gather(*map(claim, range(BOTS))) for number in claimed]
    assert sorted(given) == sorted(wanted)
    for service, database, client in zip(services, databases, clients, strict=True):
        await service.stop()
        await database.close()
        await client.close()
