"""Ingest goes on, or says why it cannot: it never spins, and never waits for what is gone."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from nats.aio.client import Client

from rosey_core import streams
from rosey_database import effects
from rosey_database.ingest import consumer, start
from rosey_database.ingest.consumer import Consumer, ConsumerLost
from tests.integration.ingest.conftest import chat, last_sequence, publish, rows
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("stream")


async def test_events_that_fail_together_and_pass_alone_are_stored(
    nats_client: Client, path: Path, make_service, monkeypatch
) -> None:
    apply = effects.apply

    def only_one(connection, channel_ids, received):
        if len(received) > 1:
            raise ValueError("too many at once")
        return apply(connection, channel_ids, received)

    monkeypatch.setattr(effects, "apply", only_one)
    await publish(nats_client, chat(1), chat(2), chat(3))
    service = await make_service()
    await service.stored(3, timeout=5)
    assert rows(path, "SELECT message FROM recent_chat ORDER BY id") == [("line 1",), ("line 2",), ("line 3",)]
    assert service.observed.poison == []
    assert service.ingest.problem is None


@pytest.mark.parametrize("error", [RuntimeError, AttributeError, RecursionError, OverflowError])
async def test_an_event_that_breaks_its_effect_in_any_way_becomes_a_dead_letter(
    nats_client: Client, path: Path, make_service, monkeypatch, error: type[Exception]
) -> None:
    apply = effects.apply

    def break_at_two(connection, channel_ids, received):
        if any(one.event.message == "line 2" for one in received):
            raise error("broken")
        return apply(connection, channel_ids, received)

    monkeypatch.setattr(effects, "apply", break_at_two)
    await publish(nats_client, chat(1), chat(2), chat(3))
    service = await make_service()
    await service.stored(3, timeout=5)
    assert rows(path, "SELECT message FROM recent_chat ORDER BY id") == [("line 1",), ("line 3",)]
    (poison,) = service.observed.poison
    assert poison.reason == f"could not be stored: {error.__name__}: broken"


async def test_an_event_for_which_memory_does_not_suffice_is_kept(
    nats_client: Client, path: Path, make_service, monkeypatch
) -> None:
    with monkeypatch.context() as patch:

        def break_always(*arguments):
            raise MemoryError

        patch.setattr(effects, "apply", break_always)
        await publish(nats_client, chat(1))
        service = await make_service()
        await until(lambda: "MemoryError" in (service.ingest.problem or ""), what="a problem")
    await service.stored(1, timeout=5)
    assert service.observed.poison == []


async def test_a_server_that_ends_every_reading_is_asked_with_pauses_and_is_a_problem(
    nats_client: Client, path: Path, make_service, monkeypatch
) -> None:
    async def refused(self, limit, timeout=None):
        raise ConsumerLost("server", "the server ended a pull request: 409 no")

    monkeypatch.setattr("rosey_database.ingest.ingest.QUIET_S", 0.1)
    monkeypatch.setattr("rosey_database.ingest.ingest.RETRY_WAITS_S", (0.02, 2.0))
    loop = asyncio.get_running_loop()
    with monkeypatch.context() as patch:
        patch.setattr(Consumer, "take", refused)
        begun = loop.time()
        service = await make_service()
        await until(lambda: "409 no" in (service.ingest.problem or ""), what="a problem")
        assert loop.time() - begun > 0.1
        restarts = len(service.observed.restarts)
        # It stays one while the next reading has not shown that it lasts.
        await until(lambda: len(service.observed.restarts) > restarts, what="another try")
        assert "409 no" in service.ingest.problem
    await publish(nats_client, chat(1))
    await service.stored(1)
    await until(lambda: service.ingest.problem is None)


async def test_what_was_purged_is_not_waited_for(nats_client: Client, path: Path, make_service) -> None:
    service = await make_service()
    await publish(nats_client, chat(1))
    await service.stored(1)
    await service.stop()
    await publish(nats_client, chat(2), chat(3))
    assert await service.ingest._differs(service.ingest.position)
    await nats_client.jsm().purge_stream(streams.EVENTS)
    assert not await service.ingest._differs(service.ingest.position)
    other = await make_service()
    await other.ingest.working.wait()
    assert other.ingest.pending == 0
    await publish(nats_client, chat(4))
    await other.stored(4)
    assert other.ingest.gaps == 2


async def test_what_is_purged_while_it_waits_is_no_lag(
    nats_client: Client, path: Path, make_service, monkeypatch
) -> None:
    for name, value in (("PULL_BATCH", 2), ("PULLS_OUTSTANDING", 1), ("BUFFER_LIMIT", 2)):
        monkeypatch.setattr(consumer, name, value)
    monkeypatch.setattr("rosey_database.ingest.ingest.QUIET_S", 0.1)
    await publish(nats_client, *(chat(number) for number in range(1, 22)))

    async def all_wait() -> bool:
        return await last_sequence(nats_client) == 21

    await until(all_wait)
    other = sqlite3.connect(path, isolation_level=None)
    locate = start.locate

    async def locked(*arguments):
        begun = await locate(*arguments)
        other.execute("BEGIN IMMEDIATE")
        return begun

    monkeypatch.setattr(start, "locate", locked)
    service = await make_service()
    # All are in the stream before the first is delivered: it tells how many wait behind it.
    await until(lambda: service.ingest._consumer is not None and service.ingest._consumer._next_delivery > 1)
    assert service.ingest._consumer.pending > 0
    await nats_client.jsm().purge_stream(streams.EVENTS)
    other.execute("ROLLBACK")
    other.close()
    await service.stored(1)
    await until(lambda: service.ingest.pending == 0, what="no lag")
    assert service.ingest.problem is None
