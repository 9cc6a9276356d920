"""A bot that is killed while it posts what others have queued: nothing is posted twice, nothing is passed over."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rosey_bot.outbound import CLAIM_SECONDS
from rosey_database import BotDatabase, DatabaseService
from rosey_database.tables import outbound
from rosey_simulator.server import SimulatorServer
from tests.chaos.processes import ServiceProcess
from tests.integration.bot.harness import CHANNEL, Person
from tests.support.clock import MovableClock
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

Enter = Callable[..., Awaitable[Person]]

KILLS = (4,)
"""Messages that the room has heard when the bot is killed; some more are on their way or claimed then."""
MESSAGES = 14


@pytest.fixture
def bot(tmp_path: Path, cytube: SimulatorServer, nats_server: NatsServer) -> Iterator[ServiceProcess]:
    """A real bot, not started."""
    config = {
        "platforms": [{"server": cytube.url, "channel": CHANNEL, "user": "Rosey", "password": "pw-Rosey"}],
        "nats": {"url": nats_server.url},
        "bot": {"spool_dir": str(tmp_path / "spool"), "outbound_interval": 0.05},
    }
    process = ServiceProcess("rosey-bot", tmp_path, "bot", config)
    yield process
    process.kill()


async def posted_by_a_bot_that_is_killed(
    bot: ServiceProcess, database: BotDatabase, alice: Person, kills: tuple[int, ...] = KILLS
) -> list[str]:
    """Queue messages, kill the bot while it posts them, and return what the room has heard in the end."""
    messages = [f"message {number}" for number in range(MESSAGES)]
    for message in messages:
        await database.enqueue_outbound_message(message, channel=CHANNEL)
    for heard in kills:
        bot.start()
        await until(lambda heard=heard: len(alice.heard("Rosey")) >= heard, timeout=60.0)
        await asyncio.to_thread(bot.kill)
    bot.start()
    # Oldest first: when this one is heard, nothing else waits.
    messages.append("the last one")
    await database.enqueue_outbound_message(messages[-1], channel=CHANNEL)
    await until(lambda: _is_double(alice) or messages[-1] in alice.heard("Rosey"), timeout=60.0)
    assert not _is_double(alice), "a message was posted twice"
    await until(lambda: _is_settled(database), timeout=60.0, what="the last one is known to be sent")
    said = alice.heard("Rosey")
    assert not _is_double(alice), "a message was posted twice"
    assert said == [message for message in messages if message in said], "out of order"
    return said


def _is_double(alice: Person) -> bool:
    return max(Counter(alice.heard("Rosey")).values(), default=0) > 1


async def _is_settled(database: BotDatabase) -> bool:
    rows = await _rows(database)
    return bool(rows[-1]["sent"])


async def _rows(database: BotDatabase) -> list[dict[str, Any]]:
    assert database.conn is not None
    cursor = await database.conn.execute("SELECT message, sent FROM outbound_messages ORDER BY id")
    return [dict(row) for row in await cursor.fetchall()]


async def test_no_message_is_posted_twice_and_each_is_accounted_for(
    bot: ServiceProcess,
    temp_database: BotDatabase,
    database_service: DatabaseService,
    clock: MovableClock,
    enter: Enter,
) -> None:
    said = await posted_by_a_bot_that_is_killed(bot, temp_database, await enter("Alice"))
    sent = {row["message"] for row in await _rows(temp_database) if row["sent"]}
    assert sent <= set(said), "what counts as sent was heard"
    clock.move(CLAIM_SECONDS + 1)
    unknown = {row["message"] for row in await temp_database.get_outbound_outcome_unknown(channel=CHANNEL)}
    assert sent | unknown == {"the last one", *(f"message {number}" for number in range(MESSAGES))}
    assert not sent & unknown
    assert await temp_database.claim_outbound_messages(channel=CHANNEL) == [], "what is unknown is never given again"


async def test_broken_variant_without_claims_messages_are_posted_twice(
    bot: ServiceProcess,
    temp_database: BotDatabase,
    database_service: DatabaseService,
    enter: Enter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def claim(connection: Any, *, channel_id: int, limit: int, max_retries: int, time: float, **_: Any) -> Any:
        found = outbound.unsent(connection, channel_id=channel_id, limit=limit, max_retries=max_retries, time=time)
        return [{**message, "claimed_until": time} for message in found]

    monkeypatch.setattr(outbound, "claim", claim)
    # As if each word on an outcome were lost with the bot: with claims that costs no more than the word.
    monkeypatch.setattr(outbound, "mark_sent", lambda *_, **__: False)
    with pytest.raises(AssertionError, match="posted twice"):
        await posted_by_a_bot_that_is_killed(bot, temp_database, await enter("Alice"), kills=())
