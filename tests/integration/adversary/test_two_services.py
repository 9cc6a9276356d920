"""Two services on one database, where the stream or the channels change under the one that does not work."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from nats.aio.client import Client

from rosey_core import events, identity, streams
from rosey_core.streams import StreamLimits
from rosey_database import BotDatabase
from rosey_database.ingest.start import locate
from tests.integration.ingest.conftest import Service, chat, publish, rows
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("stream")


async def standing_by(client: Client, make_service) -> tuple[Service, Service]:
    """A service that works and has stored ten events, and one that stands by."""
    working = await make_service()
    await publish(client, *(chat(number) for number in range(10)))
    await working.stored(10)
    standby = await make_service()
    await standby.ingest.working.wait()
    await publish(client, chat(10))
    await until(lambda: working.ingest.standing_by or standby.ingest.standing_by)
    return (standby, working) if working.ingest.standing_by else (working, standby)


@pytest.fixture
async def other(path: Path) -> AsyncIterator[BotDatabase]:
    """The database in another process."""
    database = BotDatabase(path)
    await database.connect()
    yield database
    await database.close()


async def test_who_stands_by_takes_over_a_stream_made_anew_that_is_shorter(
    nats_client: Client, path: Path, make_service
) -> None:
    working, standby = await standing_by(nats_client, make_service)
    await working.stop()
    await nats_client.jsm().delete_stream(streams.EVENTS)
    await streams.ensure(nats_client, StreamLimits())
    await publish(nats_client, chat(11))
    await until(lambda: rows(path, "SELECT 1 FROM recent_chat WHERE message = 'line 11'"), timeout=6)
    assert not standby.ingest.standing_by


async def test_who_stands_by_makes_a_stream_that_is_gone(nats_client: Client, path: Path, make_service) -> None:
    working, standby = await standing_by(nats_client, make_service)
    await working.stop()
    await nats_client.jsm().delete_stream(streams.EVENTS)
    await until(lambda: not standby.ingest.standing_by, timeout=6)
    await standby.ingest.working.wait()
    await publish(nats_client, chat(11))
    await until(lambda: rows(path, "SELECT 1 FROM recent_chat WHERE message = 'line 11'"), timeout=6)


async def test_a_position_that_moves_on_while_the_stream_is_looked_at_is_no_stream_set_back(
    nats_client: Client, path: Path, make_service
) -> None:
    working = await make_service()
    await publish(nats_client, chat(1))
    await working.stored(1)
    before = await nats_client.jsm().stream_info(streams.EVENTS)
    await publish(nats_client, chat(2))
    await working.stored(2)
    begun = await locate(nats_client, working.writer, before)
    assert begun.incident is None
    assert begun.position.sequence == 2


async def test_a_channel_made_the_default_by_another_process_keeps_its_events(
    nats_client: Client, path: Path, make_service, other: BotDatabase
) -> None:
    service = await make_service()
    await publish(nats_client, chat(1, channel="lobby"))
    await service.stored(1)
    assert await other.choose_default_channel("lobby")
    # The id that the lobby had is given to another channel.
    await other.user_joined("Zoe", channel="attic")
    command = events.PmCommand(username="Ann", command="skip", channel="lobby", id=identity.uuid7())
    await publish(
        nats_client,
        command,
        events.HighWater(chat_count=7, channel="lobby"),
        events.StatusUpdate(status_data=events.StatusData(bot_name="rosey"), channel="lobby"),
        chat(2, channel="lobby"),
    )
    await service.stored(5)
    assert rows(path, "SELECT key FROM channels WHERE id = 1") == [("lobby",)]
    assert rows(path, "SELECT username, channel_id FROM user_actions") == [("Ann", 1)]
    assert rows(path, "SELECT max_users FROM channel_stats WHERE id = 1") == [(7,)]
    assert rows(path, "SELECT bot_name FROM current_status WHERE id = 1") == [("rosey",)]
    assert rows(path, "SELECT message, channel_id FROM recent_chat ORDER BY id") == [("line 1", 1), ("line 2", 1)]


async def test_who_stands_by_says_what_waits_now_and_not_what_waited_before(nats_client: Client, make_service) -> None:
    _, standby = await standing_by(nats_client, make_service)
    standby.ingest.pending = 20_000
    await until(lambda: standby.ingest.pending == 0)
    assert standby.ingest.standing_by


async def test_who_stands_by_says_that_another_holds_the_database_up(
    nats_client: Client, path: Path, make_service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rosey_database.sqlite.BUSY_TIMEOUT_S", 0.05)
    _, standby = await standing_by(nats_client, make_service)
    # As a service that was paused in the middle of a transaction.
    with closing(sqlite3.connect(path, isolation_level=None)) as hanging:
        hanging.execute("BEGIN IMMEDIATE")
        await until(lambda: "another process holds a lock" in (standby.ingest.problem or ""), what="a problem")
        hanging.execute("ROLLBACK")
    await until(lambda: standby.ingest.problem is None)
