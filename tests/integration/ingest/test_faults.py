"""Storage and server faults: nothing uncommitted counts, the operator is told, and it goes on by itself."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from nats.aio.client import Client

from tests.integration.ingest.conftest import chat, publish, rows
from tests.support.nats_server import NatsServer
from tests.support.waiting import until


async def test_a_locked_database_is_named_and_waited_for(
    nats_client: Client, path: Path, make_service, monkeypatch
) -> None:
    monkeypatch.setattr("rosey_database.sqlite.BUSY_TIMEOUT_S", 0.05)
    service = await make_service()
    await service.ingest.working.wait()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    await publish(nats_client, chat(1))
    await until(lambda: service.ingest.problem is not None and "lock" in service.ingest.problem)
    assert rows(path, "SELECT sequence FROM ingest_position") == [(0,)]
    other.execute("ROLLBACK")
    other.close()
    await service.stored(1)
    await until(lambda: service.ingest.problem is None)


async def test_a_full_disk_is_named_and_waited_for(nats_client: Client, path: Path, make_service) -> None:
    service = await make_service()
    await service.ingest.working.wait()
    pages = await service.writer.run(lambda t: t.connection.execute("PRAGMA page_count").fetchone()[0])
    await service.writer._in_thread(service.writer._connection.execute, f"PRAGMA max_page_count = {pages}")
    await publish(nats_client, *(chat(number, user=f"user{number}" * 4) for number in range(500)))
    await until(lambda: service.ingest.problem is not None and "full" in service.ingest.problem)
    stored = rows(path, "SELECT sequence FROM ingest_position")[0][0]
    assert len(rows(path, "SELECT 1 FROM recent_chat")) == stored
    await service.writer._in_thread(service.writer._connection.execute, "PRAGMA max_page_count = 1000000")
    await service.stored(500)
    assert len(rows(path, "SELECT 1 FROM recent_chat")) == 500


async def test_without_jetstream_it_says_so(
    make_nats_server: Callable[..., NatsServer], path: Path, make_service
) -> None:
    import nats

    server = make_nats_server(jetstream=False)
    client = await nats.connect(server.url)
    service = await make_service(start=False)
    service.ingest._client = lambda: client
    await service.start()
    await until(lambda: service.ingest.problem is not None and "JetStream" in service.ingest.problem)
    assert not service.ingest.working.is_set()
    await service.stop()
    await client.close()
