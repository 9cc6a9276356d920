"""Messages posted over HTTP: each one reaches the room once, whatever is killed between."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from rosey_database import BotDatabase, DatabaseService
from rosey_database.api.server import ApiServer
from tests.chaos.processes import ServiceProcess
from tests.integration.bot.harness import CHANNEL, Person
from tests.integration.flows.conftest import FlowBot
from tests.support.nats_server import NatsServer
from tests.support.waiting import until


@pytest.fixture
async def post() -> AsyncIterator[Callable[[str, str, str], Awaitable[None]]]:
    """Post a message, and see it taken: ``await post(url, token, text)``."""
    async with aiohttp.ClientSession() as session:

        async def post(url: str, token: str, text: str) -> None:
            async with session.post(
                f"{url}/v1/messages",
                json={"message": text, "channel": CHANNEL},
                headers={"Authorization": f"Bearer {token}"},
            ) as answer:
                assert answer.status == 202, await answer.text()

        yield post


@pytest.fixture
def process(nats_server: NatsServer, database_file: Path, tmp_path: Path) -> Iterator[ServiceProcess]:
    """A ``rosey-database`` with an API on any port."""
    database = {"path": str(database_file), "default_channel": CHANNEL, "api": {"enabled": True, "port": 0}}
    config = {"nats": {"url": nats_server.url}, "database": database}
    one = ServiceProcess("rosey-database", tmp_path, "database", config)
    yield one
    one.kill()


def address(process: ServiceProcess) -> str:
    """Where a process that is ready has its API, as its log says."""
    return re.findall(r"the API is at (http://[^\"]+)", process.log)[-1]


async def test_what_is_posted_reaches_the_room_once(
    temp_database: BotDatabase,
    database_service: DatabaseService,
    bot: FlowBot,
    enter: Callable[..., Awaitable[Person]],
    post: Callable[[str, str, str], Awaitable[None]],
) -> None:
    alice = await enter("Alice")
    api = ApiServer(temp_database, database_service.answer)
    await api.start()
    token = await temp_database.generate_api_token("a program")
    texts = [f"news {number}" for number in range(3)]
    for text in texts:
        await post(api.url, token, text)
    await until(lambda: len(alice.heard("Rosey")) >= 3)

    async def is_settled() -> bool:
        return not await temp_database.get_unsent_outbound_messages(channel=CHANNEL, bypass_backoff=True)

    await until(is_settled)
    assert alice.heard("Rosey") == texts
    await api.stop()


async def test_what_was_taken_is_posted_once_though_the_service_is_killed_at_once(
    process: ServiceProcess,
    database_file: Path,
    make_bot: Callable[[], Awaitable[FlowBot]],
    enter: Callable[..., Awaitable[Person]],
    post: Callable[[str, str, str], Awaitable[None]],
) -> None:
    alice = await enter("Alice")
    process.start()
    await until(lambda: (process.readiness() or {}).get("ready"), timeout=30)
    beside = BotDatabase(database_file)
    await beside.connect()
    token = await beside.generate_api_token("a program")
    await beside.close(end_sessions=False)
    texts = [f"news {number}" for number in range(5)]
    for text in texts:
        await post(address(process), token, text)
    process.kill()
    assert token not in process.log
    process.start()
    await make_bot()
    await until(lambda: len(alice.heard("Rosey")) >= len(texts), timeout=30)
    await post(address(process), token, "the last one")
    await until(lambda: "the last one" in alice.heard("Rosey"))
    assert alice.heard("Rosey") == [*texts, "the last one"]
