"""The position is the truth: crashes, other services, streams that are made anew or set back, and gaps."""

import asyncio
import shutil
from pathlib import Path

import pytest
from nats.aio.client import Client

from rosey_core import streams
from rosey_database import effects
from rosey_database.ingest import position
from rosey_database.tables.chat import Chat
from tests.integration.ingest.conftest import chat, last_sequence, publish, reconnected, rows
from tests.support.nats_server import NatsServer
from tests.support.waiting import until


class Crash(BaseException):
    """Ends a transaction as SIGKILL does: nobody handles it."""


def crash_once(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Make the transaction with the ``at``-th batch die after its effects, before its commit."""
    calls = 0
    real = effects.apply

    def apply(*arguments):
        nonlocal calls
        calls += 1
        duplicates = real(*arguments)
        if calls == at:
            raise Crash
        return duplicates

    monkeypatch.setattr(effects, "apply", apply)


async def crashed_and_restarted(nats_client: Client, path: Path, make_service, monkeypatch) -> list[str]:
    """Publish 3,000 lines, let the service die in its second batch, start another; returns the stored texts."""
    await publish(nats_client, *(chat(number) for number in range(3000)))
    monkeypatch.setattr("rosey_database.ingest.ingest.BATCH_LIMIT", 400)
    crash_once(monkeypatch, at=2)
    first = await make_service()
    task = first.ingest._task
    await until(task.done)
    with pytest.raises(Crash):
        task.result()
    first.ingest._task = None
    second = await make_service()
    await second.stored(3000)
    return [row[0] for row in rows(path, "SELECT message FROM recent_chat ORDER BY id")]


async def test_a_crash_between_effects_and_commit_loses_and_doubles_nothing(
    nats_client: Client, path: Path, stream: None, make_service, monkeypatch
) -> None:
    texts = await crashed_and_restarted(nats_client, path, make_service, monkeypatch)
    assert texts == [f"line {number}" for number in range(3000)]
    assert rows(path, "SELECT total_chat_lines FROM user_stats") == [(3000,)]


async def test_broken_variant_a_position_moved_before_the_commit_loses_events(
    nats_client: Client, path: Path, stream: None, make_service, monkeypatch
) -> None:
    real = position.move

    def move_at_once(connection, *, built_on, to):
        real(connection, built_on=built_on, to=to)
        connection.execute("COMMIT")
        connection.execute("BEGIN IMMEDIATE")

    monkeypatch.setattr(position, "move", move_at_once)
    texts = await crashed_and_restarted(nats_client, path, make_service, monkeypatch)
    assert texts != [f"line {number}" for number in range(3000)]


async def test_a_line_read_again_counts_once_and_a_counter_without_id_counts_it_twice(
    nats_client: Client, path: Path, stream: None, make_service, monkeypatch
) -> None:
    async def counted_after_rereading() -> int:
        service = await make_service()
        await service.stored(await last_sequence(nats_client))
        await service.stop()
        rows_before = rows(path, "SELECT total_chat_lines FROM user_stats")
        import sqlite3

        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE ingest_position SET sequence = 0, message_time = 0, message_id = NULL")
        connection.close()
        again = await make_service()
        await again.stored(await last_sequence(nats_client))
        await again.stop()
        [(lines,)] = rows(path, "SELECT total_chat_lines FROM user_stats")
        assert rows_before
        return lines

    await publish(nats_client, *(chat(number) for number in range(50)))
    assert await counted_after_rereading() == 50

    real = Chat.flush

    def count_all(self: Chat) -> int:
        for row, time in zip(self._rows, self._counted, strict=True):
            if time is not None:
                self._users.said(row[3], row[1], time)
        self._counted = [None] * len(self._rows)
        return real(self)

    monkeypatch.setattr(Chat, "flush", count_all)
    assert await counted_after_rereading() != 50


async def paused_service_wakes_up(nats_client: Client, path: Path, make_service) -> tuple[int, int]:
    """Hold one service between reading and committing while another stores everything.

    Returns the position before the first one wakes up, and the one to which its late commit moved it.
    """
    gate = asyncio.Event()
    first = await make_service()
    await first.ingest.working.wait()
    held = asyncio.Event()
    real = first.writer.run

    async def late(function, **options):
        held.set()
        await gate.wait()
        return await real(function, **options)

    first.writer.run = late
    await publish(nats_client, chat(1))
    await held.wait()
    second = await make_service()
    await publish(nats_client, *(chat(number) for number in range(2, 101)))
    await second.stored(100)
    before = rows(path, "SELECT sequence FROM ingest_position")[0][0]
    first.writer.run = real
    gate.set()
    await until(lambda: first.ingest.standing_by or first.observed.batches)
    if first.observed.batches:
        return before, first.observed.batches[0].position.sequence
    return before, rows(path, "SELECT sequence FROM ingest_position")[0][0]


async def test_a_paused_service_that_wakes_up_is_fenced_and_stands_by(
    nats_client: Client, path: Path, stream: None, make_service
) -> None:
    before, after = await paused_service_wakes_up(nats_client, path, make_service)
    assert (before, after) == (100, 100)
    texts = [row[0] for row in rows(path, "SELECT message FROM recent_chat ORDER BY id")]
    assert texts == [f"line {number}" for number in range(1, 101)]


async def test_broken_variant_without_the_fence_the_position_goes_back(
    nats_client: Client, path: Path, stream: None, make_service, monkeypatch
) -> None:
    def move_regardless(connection, *, built_on, to):
        connection.execute("UPDATE ingest_position SET sequence = ?", (to.sequence,))

    monkeypatch.setattr(position, "move", move_regardless)
    before, after = await paused_service_wakes_up(nats_client, path, make_service)
    assert after < before


async def test_of_two_services_one_works_and_the_other_takes_over(
    nats_client: Client, path: Path, stream: None, make_service
) -> None:
    first, second = await make_service(), await make_service()
    for service in (first, second):
        # Of two that begin with a stream at once, one may be fenced before it reads anything.
        await until(lambda ingest=service.ingest: ingest.working.is_set() or ingest.standing_by)
    number = 0
    while not (first.ingest.standing_by or second.ingest.standing_by):
        number += 1
        await publish(nats_client, chat(number))
        await (second if first.ingest.standing_by else first).stored(number)
    working, waiting = (first, second) if second.ingest.standing_by else (second, first)
    await publish(nats_client, *(chat(n) for n in range(number + 1, number + 101)))
    await working.stored(number + 100)
    assert waiting.ingest.standing_by
    await working.stop()
    await publish(nats_client, chat(number + 101))
    begun = asyncio.get_running_loop().time()
    await until(lambda: not waiting.ingest.standing_by)
    await waiting.stored(number + 101)
    assert asyncio.get_running_loop().time() - begun < 5
    assert rows(path, "SELECT total_chat_lines FROM user_stats") == [(number + 101,)]


async def test_a_server_killed_and_restarted_is_read_on_from(
    nats_server: NatsServer, nats_client: Client, path: Path, make_service
) -> None:
    service = await make_service()
    await service.ingest.working.wait()
    await publish(nats_client, *(chat(number) for number in range(100)))
    await service.stored(100)

    def crash() -> None:
        nats_server.kill()
        nats_server.start()

    await reconnected(nats_client, crash)
    await publish(nats_client, *(chat(number) for number in range(100, 200)))
    await until(lambda: len(rows(path, "SELECT 1 FROM recent_chat")) == 200)
    assert service.observed.lost == 0


async def test_a_stream_made_anew_is_read_from_its_beginning(nats_client: Client, path: Path, make_service) -> None:
    service = await make_service()
    await service.ingest.working.wait()
    await publish(nats_client, *(chat(number) for number in range(10)))
    await service.stored(10)
    await service.stop()
    await nats_client.jsm().delete_stream(streams.EVENTS)
    again = await make_service()
    await again.ingest.working.wait()
    await publish(nats_client, *(chat(number) for number in range(10, 15)))
    await until(lambda: len(rows(path, "SELECT 1 FROM recent_chat")) == 15)
    assert again.observed.restarts == ["recreated"]
    assert again.observed.lost == 0


@pytest.mark.parametrize("published_since", [0, 3, 30])
async def test_a_stream_set_back_is_read_again(
    nats_server: NatsServer, nats_client: Client, path: Path, make_service, tmp_path: Path, published_since: int
) -> None:
    service = await make_service()
    await service.ingest.working.wait()
    await publish(nats_client, *(chat(number) for number in range(20)))
    await service.stored(20)
    store = nats_server.directory / "store"

    def take_snapshot() -> None:
        nats_server.stop()
        shutil.copytree(store, tmp_path / "snapshot")
        nats_server.start()

    await reconnected(nats_client, take_snapshot)
    await publish(nats_client, *(chat(number) for number in range(20, 40)))
    await until(lambda: len(rows(path, "SELECT 1 FROM recent_chat")) == 40)
    await service.stop()

    def set_back() -> None:
        nats_server.kill()
        shutil.rmtree(store)
        shutil.copytree(tmp_path / "snapshot", store)
        nats_server.start()

    await reconnected(nats_client, set_back)
    await publish(nats_client, *(chat(number) for number in range(100, 100 + published_since)))
    again = await make_service()
    await again.ingest.working.wait()
    await publish(nats_client, chat(1000))
    await until(lambda: len(rows(path, "SELECT 1 FROM recent_chat")) == 41 + published_since)
    assert again.observed.restarts == ["set_back"]
    assert rows(path, "SELECT total_chat_lines FROM user_stats") == [(41 + published_since,)]


async def stream_ends_at(client: Client, sequence: int) -> None:
    """Wait for the stream to have what the server has: it stores behind a queue, which a purge overtakes."""

    async def has_it() -> bool:
        return await last_sequence(client) == sequence

    await until(has_it)


async def test_events_that_aged_out_before_they_were_stored_are_counted_as_a_gap(
    nats_client: Client, path: Path, make_service
) -> None:
    service = await make_service()
    await service.ingest.working.wait()
    await publish(nats_client, *(chat(number) for number in range(10)))
    await service.stored(10)
    await service.stop()
    await publish(nats_client, *(chat(number) for number in range(10, 30)))
    await stream_ends_at(nats_client, 30)
    await nats_client.jsm().purge_stream(streams.EVENTS, seq=26)
    again = await make_service()
    await again.stored(30)
    assert again.observed.lost == 15
    assert again.ingest.gaps == 15
    assert len(rows(path, "SELECT 1 FROM recent_chat")) == 15


async def test_a_new_database_on_an_old_stream_reports_no_gap(
    nats_client: Client, path: Path, stream: None, make_service
) -> None:
    await publish(nats_client, *(chat(number) for number in range(30)))
    await nats_client.jsm().purge_stream(streams.EVENTS, seq=26)
    service = await make_service()
    await service.stored(30)
    assert service.observed.lost == 0
