"""Every command that passes the rank check makes one row: the attempt, then its outcome."""

import json

from nats.aio.client import Client

from rosey_database import BotDatabase, DatabaseService
from tests.integration.flows.conftest import rows_of
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

ACTIONS = "SELECT username, action_type, details FROM user_actions ORDER BY id"


async def actions(database: BotDatabase, count: int) -> list[dict]:
    """Wait for so many rows that have an outcome, and return all."""

    async def there() -> list[dict] | None:
        rows = await rows_of(database, ACTIONS)
        settled = [row for row in rows if "result: pending" not in row["details"]]
        return rows if len(settled) >= count else None

    found: list[dict] = await until(there, what=f"{count} commands on record")
    return found


async def test_pm_command_logs_via_nats(
    database_service: DatabaseService, temp_database: BotDatabase, bot, enter
) -> None:
    mod = await enter("Mod")
    await mod.whisper("Rosey", "help")
    [row] = await actions(temp_database, 1)
    assert row == {"username": "Mod", "action_type": "pm_command", "details": "cmd=help, args: , result: success"}


async def test_pm_command_logs_arguments_as_typed(
    database_service: DatabaseService, temp_database: BotDatabase, bot, enter
) -> None:
    mod = await enter("Mod")
    await mod.whisper("Rosey", "user  Mod")
    [row] = await actions(temp_database, 1)
    assert row["details"].startswith("cmd=user, args: ")
    assert "Mod" in row["details"]
    assert row["details"].endswith("result: success")


async def test_pm_command_logs_what_went_wrong(
    database_service: DatabaseService, temp_database: BotDatabase, bot, enter
) -> None:
    mod = await enter("Mod")
    await mod.whisper("Rosey", "frobnicate now")
    [row] = await actions(temp_database, 1)
    assert row["details"].startswith("cmd=frobnicate, args: now, result: error, error: ")


async def test_pm_command_of_somebody_without_rank_is_no_command(
    database_service: DatabaseService, temp_database: BotDatabase, bot, enter
) -> None:
    alice = await enter("Alice")
    mod = await enter("Mod")
    await alice.whisper("Rosey", "help")
    await mod.whisper("Rosey", "help")
    [row] = await actions(temp_database, 1)
    assert row["username"] == "Mod"
    assert alice.whispers("Rosey") == []


async def test_pm_commands_of_several_moderators_are_kept_apart(
    database_service: DatabaseService, temp_database: BotDatabase, cytube, bot, enter
) -> None:
    cytube.add_account("Second", "pw-Second")
    cytube.set_channel_rank("lobby", "Second", 2)
    mod, second = await enter("Mod"), await enter("Second")
    await mod.whisper("Rosey", "help")
    await second.whisper("Rosey", "status")
    rows = await actions(temp_database, 2)
    assert {(row["username"], row["details"].split(",")[0]) for row in rows} == {
        ("Mod", "cmd=help"),
        ("Second", "cmd=status"),
    }


async def test_pm_logging_handles_nats_unavailable(
    database_service: DatabaseService, temp_database: BotDatabase, nats_server: NatsServer, bot, enter
) -> None:
    mod = await enter("Mod")
    nats_server.kill()
    await until(lambda: not bot.bus.is_connected)
    await mod.whisper("Rosey", "help")
    await until(lambda: mod.whispers("Rosey"))
    nats_server.start()
    [row] = await actions(temp_database, 1)
    assert row["details"] == "cmd=help, args: , result: success"


async def test_database_service_handles_pm_action_event(
    database_service: DatabaseService, temp_database: BotDatabase, nats_client: Client
) -> None:
    async def publish(**event: object) -> None:
        await nats_client.publish("rosey.db.action.pm_command", json.dumps(event).encode())

    await publish(username="Ann", command="stats")
    await publish(timestamp=1_700_000_000, username="Ann", command="say", args="hi", result="pending", id="a-command")
    await publish(
        timestamp=1_700_000_000, username="Ann", command="say", args="hi", result="error", error="muted", id="a-command"
    )
    # An attempt that arrives after its outcome sets nothing back.
    await publish(timestamp=1_700_000_000, username="Ann", command="say", args="hi", result="pending", id="a-command")
    await publish(username="Ann", command="stats")
    rows = await actions(temp_database, 3)
    assert [row["details"] for row in rows] == [
        "cmd=stats, args: , result: unknown",
        "cmd=say, args: hi, result: error, error: muted",
        "cmd=stats, args: , result: unknown",
    ]
