"""Questions to the database: by anybody over NATS, and by moderators through the bot."""

import json
import time

from nats.aio.client import Client

from rosey_database import BotDatabase, DatabaseService
from tests.integration.bot.harness import CHANNEL
from tests.integration.flows.conftest import row_of
from tests.support.clock import MovableClock
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

TIMEOUT_SENTENCE = "Stats unavailable (DatabaseService timeout - is it running?)"


async def ask(client: Client, subject: str, question: dict) -> dict:
    """One request as any client makes it."""
    return json.loads((await client.request(subject, json.dumps(question).encode(), timeout=2)).data)


async def test_service_statistics_query(
    database_service: DatabaseService, temp_database: BotDatabase, nats_client: Client, clock: MovableClock
) -> None:
    await temp_database.user_joined("Ann")
    for _ in range(3):
        await temp_database.user_chat_message("Ann", "hello")
    await temp_database.user_joined("Bob")
    await temp_database.update_high_water_mark(2, 5)
    answer = await ask(nats_client, "rosey.db.query.channel_stats", {})
    assert answer["success"] is True
    assert answer["high_water_mark"]["users"] == 2
    assert answer["high_water_connected"]["users"] == 5
    assert answer["top_chatters"] == [{"username": "Ann", "chat_lines": 3}]
    assert answer["total_users_seen"] == 2
    assert set(answer) == {
        "success",
        "high_water_mark",
        "high_water_connected",
        "top_chatters",
        "total_users_seen",
    }
    assert answer["high_water_mark"]["timestamp"] == int(clock())


async def test_user_stats_query(
    database_service: DatabaseService, temp_database: BotDatabase, nats_client: Client
) -> None:
    await temp_database.user_joined("Ann")
    await temp_database.user_chat_message("Ann", "hello")
    found = await ask(nats_client, "rosey.db.query.user_stats", {"username": "aNN"})
    assert (found["success"], found["found"], found["username"], found["total_chat_lines"]) == (True, True, "Ann", 1)
    assert set(found) == {
        "username",
        "first_seen",
        "last_seen",
        "total_chat_lines",
        "total_time_connected",
        "current_session_start",
        "success",
        "found",
    }
    missing = await ask(nats_client, "rosey.db.query.user_stats", {"username": "Nobody"})
    assert (missing["success"], missing["found"], missing["username"]) == (True, False, "Nobody")
    assert missing["message"]


async def test_database_stats_integration(
    database_service: DatabaseService, temp_database: BotDatabase, nats_client: Client, bot, enter
) -> None:
    """What people do in the room is what the statistics say."""
    alice = await enter("Alice")
    for number in range(3):
        await alice.say(f"line {number}")

    async def counted() -> bool:
        return (await row_of(temp_database, "Alice"))["total_chat_lines"] == 3

    await until(counted)
    answer = await ask(nats_client, f"rosey.db.query.channel_stats.{CHANNEL}", {})
    assert answer["top_chatters"] == [{"username": "Alice", "chat_lines": 3}]
    assert answer["total_users_seen"] == 2


async def test_stats_command_via_nats_request_reply(
    database_service: DatabaseService, temp_database: BotDatabase, bot, enter
) -> None:
    mod = await enter("Mod")
    await mod.say("one line")

    async def counted() -> bool:
        return (await row_of(temp_database, "Mod"))["total_chat_lines"] == 1

    await until(counted)
    await mod.whisper("Rosey", "stats")
    await until(lambda: any("Mod (1)" in line for line in mod.whispers("Rosey")))
    answer = "\n".join(mod.whispers("Rosey"))
    assert "Total unique users: 2" in answer
    assert "Peak chat users" in answer


async def test_user_command_adds_the_stored_statistics(
    database_service: DatabaseService, temp_database: BotDatabase, bot, enter
) -> None:
    mod = await enter("Mod")
    await enter("Alice")
    await row_of(temp_database, "Alice")
    await mod.whisper("Rosey", "user alice")
    await until(lambda: any("Alice" in line for line in mod.whispers("Rosey")))
    await until(lambda: "chat lines" in "\n".join(mod.whispers("Rosey")).lower())


async def test_stats_timeout_handling(
    database_service: DatabaseService, temp_database: BotDatabase, nats_client: Client, bot, enter
) -> None:
    mod = await enter("Mod")
    await database_service.stop()
    # Somebody who serves the subject and never answers: the whole time is waited out, and no more.
    await nats_client.subscribe(f"rosey.db.query.channel_stats.{CHANNEL}")
    await nats_client.flush()
    begun = time.monotonic()
    await mod.whisper("Rosey", "stats")
    await until(lambda: mod.whispers("Rosey") == [TIMEOUT_SENTENCE])
    assert time.monotonic() - begun < 1.0


async def test_without_nats_the_answer_says_so(
    database_service: DatabaseService, nats_server: NatsServer, bot, enter
) -> None:
    mod = await enter("Mod")
    nats_server.kill()
    await until(lambda: not bot.bus.is_connected)
    await mod.whisper("Rosey", "stats")
    await until(lambda: mod.whispers("Rosey") == ["Stats unavailable (NATS not connected)"])


async def test_the_public_command_answers_in_chat(
    database_service: DatabaseService, temp_database: BotDatabase, bot, enter
) -> None:
    alice = await enter("Alice")
    await row_of(temp_database, "Alice")
    await alice.say("!stats")
    await until(lambda: any("unique users" in line for line in alice.heard("Rosey")))
