"""While NATS is away everything is on disk, within bounds; afterwards it arrives once and in order."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from nats.aio.client import Client

from rosey_bot.publish import segment
from rosey_bot.publish.limits import OutboxLimits
from rosey_bot.publish.message import Message, pack
from rosey_bot.publish.outbox import Outbox
from rosey_bot.publish.spool import Spool
from rosey_core.bus import Bus
from rosey_core.events import ChatMessage
from tests.integration.outbox.conftest import MakeOutbox
from tests.support.nats_server import NatsServer
from tests.support.verdict import CLEAN, judge, stored_events
from tests.support.waiting import until

MakeEvents = Callable[..., list[ChatMessage]]


async def test_nats_away_for_a_while_costs_nothing(
    nats_server: NatsServer, stream: Client, make_outbox: MakeOutbox, make_events: MakeEvents
) -> None:
    outbox = await make_outbox(window=200)
    published = make_events(4000)
    outbox.publish(published[0])
    await until(lambda: outbox.backlog == 0)
    nats_server.kill()
    for index, event in enumerate(published[1:]):
        outbox.publish(event)
        if index % 100 == 0:
            await asyncio.sleep(0.001)
    await until(lambda: outbox.statistics.spooled >= 3999)
    assert len(outbox._window) <= 200
    assert not outbox._store._overflow
    nats_server.start()
    await until(lambda: outbox.backlog == 0)
    assert judge(published, await stored_events(stream)) == CLEAN
    assert outbox.statistics.dropped == 0
    await until(lambda: outbox.spool_bytes == 0)


async def test_new_events_during_the_replay_come_after_it(
    nats_server: NatsServer, stream: Client, make_outbox: MakeOutbox, make_events: MakeEvents
) -> None:
    outbox = await make_outbox(window=50)
    published = make_events(3000)
    nats_server.kill()
    for event in published[:2000]:
        outbox.publish(event)
    await until(lambda: outbox.statistics.spooled >= 2000)
    nats_server.start()
    await until(lambda: outbox.statistics.acked > 100)
    for index, event in enumerate(published[2000:]):
        outbox.publish(event)
        if index % 50 == 0:
            await asyncio.sleep(0.002)
    await until(lambda: outbox.backlog == 0)
    assert judge(published, await stored_events(stream)) == CLEAN


def that_drops_the_tail(outbox: Outbox) -> None:
    """Broken: of each batch the last record is not written."""
    real = outbox._store._spool.append

    def append(records: list[bytes], *, as_read: bool = False) -> list[int]:
        places = real(records[:-1], as_read=as_read)
        return [*places, (places or [1])[-1]]

    outbox._store._spool.append = append  # type: ignore[method-assign, assignment]


@pytest.mark.parametrize("broken", [False, True])
async def test_closing_with_nats_away_keeps_everything_for_the_next_start(
    nats_server: NatsServer, stream: Client, make_outbox: MakeOutbox, make_events: MakeEvents, broken: bool
) -> None:
    nats_server.kill()
    outbox = await make_outbox(configure=that_drops_the_tail if broken else None)
    published = make_events(1000)
    for event in published[:700]:
        outbox.publish(event)
    await outbox.close(timeout=30)
    nats_server.start()
    again = await make_outbox()
    for event in published[700:]:
        again.publish(event)
    await until(lambda: again.backlog == 0)
    verdict = judge(published, await stored_events(stream))
    assert (verdict == CLEAN) is not broken
    assert bool(verdict.lost) is broken
    assert again.statistics.replayed == len(published[:700]) - verdict.lost


async def test_closing_waits_for_acknowledgements(
    stream: Client, make_outbox: MakeOutbox, make_events: MakeEvents, tmp_path: Path
) -> None:
    outbox = await make_outbox()
    published = make_events(500)
    for event in published:
        outbox.publish(event)
    await until(lambda: outbox.statistics.acked > 0)
    await outbox.close()
    assert judge(published, await stored_events(stream)) == CLEAN
    assert list((tmp_path / "spool").glob("*.spool")) == []


async def test_closing_waits_no_longer_than_told(
    nats_server: NatsServer, stream: Client, make_outbox: MakeOutbox, make_events: MakeEvents
) -> None:
    outbox = await make_outbox()
    published = make_events(100)
    outbox.publish(published[0])
    await until(lambda: outbox.backlog == 0)
    nats_server.pause()
    for event in published[1:]:
        outbox.publish(event)
    before = asyncio.get_running_loop().time()
    await asyncio.wait_for(outbox.close(timeout=0.2), 5)
    assert asyncio.get_running_loop().time() - before >= 0.2
    outbox.publish(published[0])
    assert outbox.statistics.dropped == 1
    nats_server.resume()
    again = await make_outbox()
    await until(lambda: again.backlog == 0)
    assert again.statistics.replayed == 99
    assert judge(published, await stored_events(stream)) == CLEAN


async def test_what_is_published_before_the_start_is_delivered(
    nats_server: NatsServer, stream: Client, make_events: MakeEvents, tmp_path: Path
) -> None:
    bus = Bus(nats_server.url, name="test")
    outbox = Outbox(bus, spool_directory=tmp_path / "spool")
    published = make_events(10)
    for event in published:
        outbox.publish(event)
    assert outbox.backlog == 10
    assert outbox.oldest_age > 0
    await bus.start()
    await outbox.start()
    await until(lambda: outbox.backlog == 0)
    await outbox.close()
    await outbox.close()
    await bus.close()
    assert judge(published, await stored_events(stream)) == CLEAN


async def test_what_is_unacknowledged_beyond_the_bound_is_on_disk_although_nats_is_up(
    nats_server: NatsServer, stream: Client, make_outbox: MakeOutbox, make_events: MakeEvents
) -> None:
    outbox = await make_outbox(exposure=0.1, ack_timeout=30)
    published = make_events(50)
    outbox.publish(published[0])
    await until(lambda: outbox.backlog == 0)
    await asyncio.sleep(0)
    spooled_before = outbox.statistics.spooled
    nats_server.pause()
    loop = asyncio.get_running_loop()
    published_at = loop.time()
    for event in published[1:]:
        outbox.publish(event)
    assert outbox.statistics.spooled == spooled_before
    await until(lambda: outbox.statistics.spooled >= spooled_before + 49, poll=0.001)
    # Long before they are taken for lost.
    assert loop.time() - published_at < 5
    nats_server.resume()
    await until(lambda: outbox.backlog == 0)
    await until(lambda: outbox.spool_bytes == 0)
    assert judge(published, await stored_events(stream)) == CLEAN


async def test_a_full_spool_and_full_memory_drop_the_newest_and_say_so(
    nats_server: NatsServer,
    stream: Client,
    make_outbox: MakeOutbox,
    make_events: MakeEvents,
    caplog: pytest.LogCaptureFixture,
) -> None:
    nats_server.kill()
    outbox = await make_outbox(window=20, spool_bytes=10_000, memory_bytes=30_000)
    published = make_events(2000)
    for event in published[:100]:
        outbox.publish(event)
    await until(lambda: outbox.problem == "the spool is full (10000 bytes)")
    assert outbox.statistics.dropped == 0
    for event in published[100:]:
        outbox.publish(event)
    assert outbox.spool_bytes <= 10_000
    dropped = outbox.statistics.dropped
    assert 0 < dropped < 2000
    assert "events lost: the spool is full" in caplog.text
    assert "the spool is full (10000 bytes); events are kept in memory" in caplog.text
    nats_server.start()
    await until(lambda: outbox.backlog == 0)
    stored = await stored_events(stream)
    assert judge(published[: 2000 - dropped], stored) == CLEAN
    assert len(stored) == 2000 - dropped


async def test_a_full_disk_is_survived_in_memory_and_used_again_when_it_has_room(
    nats_server: NatsServer,
    stream: Client,
    make_outbox: MakeOutbox,
    make_events: MakeEvents,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(descriptor: int, data: bytes) -> None:
        os.write(descriptor, data[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    nats_server.kill()
    outbox = await make_outbox(window=20)
    published = make_events(300)
    with monkeypatch.context() as patch:
        patch.setattr(segment, "write_all", full)
        for event in published[:200]:
            outbox.publish(event)
        await until(lambda: outbox.problem == "the spool cannot be written: No space left on device")
    for event in published[200:]:
        outbox.publish(event)
    await until(lambda: outbox.statistics.spooled == 300)
    assert outbox.problem is None
    nats_server.start()
    await until(lambda: outbox.backlog == 0)
    assert judge(published, await stored_events(stream)) == CLEAN


async def test_closing_on_a_full_disk_counts_what_is_lost(
    nats_server: NatsServer,
    stream: Client,
    make_outbox: MakeOutbox,
    make_events: MakeEvents,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(descriptor: int, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    nats_server.kill()
    outbox = await make_outbox()
    monkeypatch.setattr(segment, "write_all", full)
    for event in make_events(10):
        outbox.publish(event)
    await outbox.close()
    assert outbox.statistics.dropped == 10


async def test_a_record_of_another_version_is_left_out(
    stream: Client, make_outbox: MakeOutbox, make_events: MakeEvents, tmp_path: Path
) -> None:
    (event,) = make_events(1)
    from rosey_bot.publish.message import prepare

    spool = Spool(tmp_path / "spool", limit=1 << 20)
    spool.open()
    spool.append([b"not msgpack at all", pack(prepare(event))])
    spool.close()
    outbox = await make_outbox()
    await until(lambda: outbox.statistics.acked == 1)
    assert outbox.statistics.dropped == 1
    assert judge([event], await stored_events(stream)) == CLEAN
    await until(lambda: outbox.spool_bytes == 0)


async def test_the_keeper_survives_what_nobody_expected(
    stream: Client,
    make_outbox: MakeOutbox,
    make_events: MakeEvents,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    outbox = await make_outbox()
    published = make_events(4)
    outbox.publish(published[0])
    await until(lambda: outbox.backlog == 0)
    with monkeypatch.context() as patch:
        patch.setattr(outbox._sender, "check_time_out", lambda now: 1 / 0)
        patch.setattr(Message, "command", lambda self, reply: 1 / 0)
        for event in published[1:]:
            outbox.publish(event)
        await until(lambda: "tending the outbox" in caplog.text and "ZeroDivisionError" in caplog.text)
        await until(lambda: "sending" in (outbox.problem or ""))
    await until(lambda: outbox.backlog == 0)
    assert judge(published, await stored_events(stream)) == CLEAN


def test_limits_are_the_stated_ones() -> None:
    assert OutboxLimits().exposure == 0.2
