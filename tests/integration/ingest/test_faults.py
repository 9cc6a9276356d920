"""Storage and server faults: nothing uncommitted counts, the operator is told, and it goes on by itself."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from nats.aio.client import Client

from rosey_core import streams, subjects
from rosey_database import effects
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


async def test_a_fault_that_lasts_is_said_once(
    nats_client: Client, stream: None, make_service, monkeypatch, caplog
) -> None:
    monkeypatch.setattr("rosey_database.ingest.ingest.RETRY_WAITS_S", (0.01, 0.01))
    problems: list[str | None] = []

    def fail(*arguments):
        problems.append(service.ingest.problem)
        raise sqlite3.OperationalError("database or disk is full")

    service = await make_service(start=False)
    await publish(nats_client, chat(1))
    with monkeypatch.context() as patch:
        patch.setattr(effects, "apply", fail)
        await service.start()
        await until(lambda: len(problems) > 5, what="some tries")
    await service.stored(1)
    await until(lambda: service.ingest.problem is None)
    # No look between two tries sees it well.
    assert all("full" in (problem or "") for problem in problems[1:])
    assert caplog.text.count("nothing is stored now") == 1


async def test_a_bad_event_is_one_dead_letter_however_often_what_came_with_it_fails(
    nats_client: Client, stream: None, make_service, monkeypatch
) -> None:
    monkeypatch.setattr("rosey_database.ingest.ingest.RETRY_WAITS_S", (0.02, 0.02))
    # After which NATS does not know a message by its id any more.
    monkeypatch.setattr(streams, "DUPLICATE_WINDOW", 0.1)
    tries: list[float] = []

    def fail(*arguments):
        tries.append(time.monotonic())
        raise sqlite3.OperationalError("database or disk is full")

    await publish(nats_client, chat(1))
    await nats_client.publish(subjects.MESSAGE_LOG, b"no JSON")
    with monkeypatch.context() as patch:
        patch.setattr(effects, "apply", fail)
        service = await make_service()
        await until(lambda: len(tries) > 3 and tries[-1] - tries[0] > 0.3, what="some tries")
    await service.stored(2)
    assert (await nats_client.jsm().stream_info(streams.DEAD_LETTERS)).state.messages == 1
    assert len(service.observed.poison) == 1


async def test_a_stop_does_not_wait_for_a_server_that_does_not_answer(
    nats_client: Client, nats_server: NatsServer, make_service, monkeypatch
) -> None:
    service = await make_service()
    await service.ingest.working.wait()
    await service.ingest.stop()
    asked = asyncio.Event()
    ensure = streams.ensure

    async def ask(*arguments):
        asked.set()
        return await ensure(*arguments)

    monkeypatch.setattr(streams, "ensure", ask)
    nats_server.pause()
    await service.ingest.start()
    await asked.wait()
    begun = asyncio.get_running_loop().time()
    await service.ingest.stop()
    assert asyncio.get_running_loop().time() - begun < 2
    nats_server.resume()


async def test_a_stop_waits_for_the_transaction_at_hand(
    nats_client: Client, path: Path, make_service, monkeypatch
) -> None:
    monkeypatch.setattr("rosey_database.ingest.ingest.CANCEL_WAIT_S", 0.01)
    begun, go_on = threading.Event(), threading.Event()
    apply = effects.apply

    def slowly(*arguments):
        begun.set()
        go_on.wait(10)
        return apply(*arguments)

    monkeypatch.setattr(effects, "apply", slowly)
    service = await make_service()
    await service.ingest.working.wait()
    await publish(nats_client, chat(1))
    await asyncio.to_thread(begun.wait, 10)
    stopping = asyncio.create_task(service.ingest.stop())
    await asyncio.sleep(0.05)
    assert not stopping.done()
    go_on.set()
    await stopping
    assert len(service.observed.received) == 1
    assert rows(path, "SELECT sequence FROM ingest_position") == [(1,)]
