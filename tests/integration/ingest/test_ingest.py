"""Events reach the tables: whoever published them, in order, in batches, good or bad."""

import asyncio
import json
from pathlib import Path

from nats.aio.client import Client

from rosey_core import streams, subjects
from rosey_database.ingest.consumer import PULL_BATCH
from tests.integration.ingest.conftest import chat, last_sequence, publish, rows
from tests.support.waiting import until


async def test_a_plain_publish_is_stored(nats_client: Client, path: Path, make_service) -> None:
    service = await make_service()
    await service.ingest.working.wait()
    await nats_client.publish("rosey.db.user.joined", b'{"username": "Ann"}')
    await nats_client.publish("rosey.db.message.log", b'{"username": "ann", "message": "hi"}')
    await nats_client.flush()
    await service.stored(2)
    assert rows(path, "SELECT username, total_chat_lines, channel_id FROM user_stats") == [("ann", 1, 1)]
    assert rows(path, "SELECT username, message FROM recent_chat") == [("ann", "hi")]


async def test_events_published_before_the_service_came_are_stored(
    nats_client: Client, path: Path, stream: None, make_service
) -> None:
    await publish(nats_client, *(chat(number) for number in range(1200)))
    service = await make_service()
    await service.stored(1200)
    texts = [row[0] for row in rows(path, "SELECT message FROM recent_chat ORDER BY id")]
    assert texts == [f"line {number}" for number in range(1200)]


async def test_what_queues_up_during_a_commit_is_one_batch(
    nats_client: Client, path: Path, stream: None, make_service
) -> None:
    await publish(nats_client, *(chat(number) for number in range(3000)))
    service = await make_service()
    await service.stored(3000)
    assert len(service.observed.batches) < 100
    assert sum(len(batch.items) for batch in service.observed.batches) == 3000


async def test_many_pull_requests_are_one_reading(nats_client: Client, path: Path, stream: None, make_service) -> None:
    """The server ends one that has brought all its messages with the status of an error."""
    await publish(nats_client, *(chat(number) for number in range(3 * PULL_BATCH)))
    service = await make_service()
    await service.stored(3 * PULL_BATCH)
    for number in range(3 * PULL_BATCH, 6 * PULL_BATCH):
        await publish(nats_client, chat(number))
    await service.stored(6 * PULL_BATCH)
    assert service.observed.restarts == []


async def test_two_equal_lines_without_id_count_twice(nats_client: Client, path: Path, make_service) -> None:
    service = await make_service()
    await service.ingest.working.wait()
    for _ in range(2):
        await nats_client.publish("rosey.db.message.log.lobby", b'{"username": "Ann", "message": "hi"}')
    await service.stored(2)
    assert rows(path, "SELECT total_chat_lines FROM user_stats") == [(2,)]


async def test_one_line_published_twice_counts_once(nats_client: Client, path: Path, make_service) -> None:
    service = await make_service()
    await service.ingest.working.wait()
    await publish(nats_client, chat(1), chat(2))
    await service.stored(2)
    await publish(nats_client, chat(1), chat(3), chat(3))
    await service.stored(5)
    assert rows(path, "SELECT total_chat_lines FROM user_stats") == [(3,)]
    assert sum(batch.duplicates for batch in service.observed.batches) == 2


async def test_the_channel_in_the_subject_wins(nats_client: Client, path: Path, make_service) -> None:
    service = await make_service()
    await service.ingest.working.wait()
    await nats_client.publish(
        "rosey.db.message.log.lobby", b'{"username": "Ann", "message": "hi", "channel": "elsewhere"}'
    )
    await service.stored(1)
    assert rows(path, "SELECT key FROM channels WHERE id <> 1") == [("lobby",)]


async def test_a_time_too_far_ahead_is_the_streams_and_is_counted(
    nats_client: Client, path: Path, make_service
) -> None:
    service = await make_service()
    await service.ingest.working.wait()
    await nats_client.publish(
        "rosey.db.message.log", json.dumps({"username": "Ann", "message": "hi", "timestamp": 4e9}).encode()
    )
    await service.stored(1)
    [(timestamp,)] = rows(path, "SELECT timestamp FROM recent_chat")
    assert timestamp == int(service.observed.received[0].stored)
    assert service.observed.corrected == 1


async def test_a_bad_event_is_a_dead_letter_and_holds_nothing_up(nats_client: Client, path: Path, make_service) -> None:
    service = await make_service()
    await service.ingest.working.wait()
    await nats_client.publish("rosey.db.message.log", b'{"username": "Ann"')
    await nats_client.publish("rosey.db.message.log.lobby", b'{"username": "", "message": "x"}')
    await nats_client.publish("rosey.db.message.log.NOT-A-KEY", b'{"username": "Ann", "message": "x"}')
    await publish(nats_client, chat(1))
    await service.stored(4)
    assert rows(path, "SELECT message FROM recent_chat") == [("line 1",)]
    dead = await nats_client.jsm().stream_info(streams.DEAD_LETTERS)
    assert dead.state.messages == 3
    letter = await nats_client.jsm().get_msg(streams.DEAD_LETTERS, 2)
    assert letter.subject == subjects.dead_letter("rosey.db.message.log.lobby")
    assert letter.data == b'{"username": "", "message": "x"}'
    assert letter.headers is not None
    assert "$.username" in letter.headers["Rosey-Reason"]
    assert letter.headers["Rosey-Sequence"] == "2"


async def test_a_bad_event_of_the_largest_size_is_an_excerpt_and_cuts_nothing_off(
    nats_client: Client, path: Path, make_service
) -> None:
    service = await make_service()
    await service.ingest.working.wait()
    await nats_client.publish("rosey.db.message.log", b"x" * nats_client.max_payload)
    await publish(nats_client, chat(1))
    await service.stored(2)
    letter = await nats_client.jsm().get_msg(streams.DEAD_LETTERS, 1)
    assert letter.headers is not None
    assert letter.headers["Rosey-Excerpt"] == "true"
    assert letter.headers["Rosey-Size"] == str(nats_client.max_payload)
    assert rows(path, "SELECT message FROM recent_chat") == [("line 1",)]


async def test_an_event_that_the_database_refuses_is_a_dead_letter_and_its_batch_is_stored(
    nats_client: Client, path: Path, stream: None, make_service
) -> None:
    rows(path, "SELECT 1")
    import sqlite3

    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON recent_chat WHEN NEW.message = 'line 5' "
        "BEGIN SELECT RAISE(ABORT, 'refused for the test'); END"
    )
    connection.close()
    await publish(nats_client, *(chat(number) for number in range(10)))
    service = await make_service()
    await service.stored(10)
    assert len(rows(path, "SELECT 1 FROM recent_chat")) == 9
    assert [poison.message.sequence for poison in service.observed.poison] == [6]
    assert "refused for the test" in service.observed.poison[0].reason


async def test_requests_are_not_in_the_stream(nats_client: Client, make_service) -> None:
    service = await make_service()
    await service.ingest.working.wait()
    for subject in subjects.REQUESTS:
        await nats_client.publish(subject, b"{}")
        await nats_client.publish(subjects.for_channel(subject, "lobby"), b"{}")
    await publish(nats_client, chat(1))

    async def is_there() -> bool:
        return await last_sequence(nats_client) > 0

    await until(is_there)
    assert await last_sequence(nats_client) == 1


async def test_a_quiet_stream_keeps_its_consumer(nats_client: Client, make_service, monkeypatch) -> None:
    monkeypatch.setattr("rosey_database.ingest.consumer.PULL_EXPIRES_S", 2.5)
    service = await make_service()
    await service.ingest.working.wait()
    # Longer than every pull request lives and than missed heartbeats take to show.
    await asyncio.sleep(4)
    await publish(nats_client, chat(1))
    await until(lambda: service.observed.batches, timeout=1)
    assert service.observed.restarts == []
