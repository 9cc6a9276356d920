"""Either side goes and comes back; the other carries on, and nothing is lost or doubled."""

import time

from nats.aio.client import Client

from rosey_database import BotDatabase, DatabaseService
from tests.integration.bot.harness import CHANNEL
from tests.integration.flows.conftest import row_of
from tests.support.waiting import until


async def test_bot_continues_without_database_service(
    database_service: DatabaseService, temp_database: BotDatabase, bot, enter
) -> None:
    mod = await enter("Mod")
    await row_of(temp_database, "Mod")
    await database_service.stop()
    await mod.say("said while nobody stored")
    await mod.whisper("Rosey", "help")
    await until(lambda: mod.whispers("Rosey"))
    await until(lambda: bot.outbox.backlog == 0)
    await database_service.start()

    async def stored() -> list[dict]:
        return await temp_database.get_recent_chat(channel=CHANNEL)

    [line] = await until(stored)
    assert line["message"] == "said while nobody stored"
    assert (await row_of(temp_database, "Mod"))["total_chat_lines"] == 1


async def test_database_service_recovers_after_restart(
    nats_client: Client, database_service: DatabaseService, temp_database: BotDatabase, bot, enter
) -> None:
    mod = await enter("Mod")
    said = 0

    async def all_stored() -> bool:
        return (await row_of(temp_database, "Mod"))["total_chat_lines"] == said

    for _ in range(3):
        await mod.say(f"before restart {said}")
        said += 1
        await database_service.stop()
        await mod.say(f"while it was down {said}")
        said += 1
        begun = time.monotonic()
        await database_service.start()
        await until(all_stored)
        assert time.monotonic() - begun < 1.0
    session = (await row_of(temp_database, "Mod"))["current_session_start"]
    assert session is not None


async def test_a_bot_that_comes_back_counts_replayed_lines_once(
    database_service: DatabaseService, temp_database: BotDatabase, make_bot, enter
) -> None:
    first = await make_bot()
    mod = await enter("Mod")
    await mod.say("seen by the first")

    async def counted(lines: int) -> bool:
        return (await row_of(temp_database, "Mod"))["total_chat_lines"] == lines

    await until(lambda: counted(1))
    await first.stop()
    await mod.say("said while the bot was away")
    await until(lambda: len(mod.heard("Mod")) == 2)
    second = await make_bot()
    await until(lambda: counted(2))
    await second.stop()
    third = await make_bot()
    await until(lambda: third.outbox.backlog == 0)
    await mod.say("the last")
    await until(lambda: counted(3))
    messages = [row["message"] for row in await temp_database.get_recent_chat(channel=CHANNEL)]
    assert messages == ["seen by the first", "said while the bot was away", "the last"]
