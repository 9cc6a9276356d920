"""Writing into the bucket of channels: only over what was seen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from rosey_core import bucket_watch, streams
from rosey_core.bus import Bus
from rosey_core.channel_status import SILENCE
from rosey_operator.buckets import BucketError, Buckets
from tests.integration.operator.conftest import Bucket
from tests.support.clock import MovableClock
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

BEAT = "bot.bot-0-1"


@pytest.fixture
async def buckets(
    nats_server: NatsServer, bucket: Bucket, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Buckets]:
    """What the operator knows of them, followed."""
    monkeypatch.setattr(bucket_watch, "LOOK_INTERVAL", 0.05)
    bus = Bus(nats_server.url, name="rosey-operator")
    await bus.start()
    found = Buckets(bus, clock=clock)
    following = asyncio.create_task(found.run())
    await until(lambda: found.problem is None)
    yield found
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await bus.close()


MINE = {"channel": "lobby", "user": "Mine"}
THEIRS = {"channel": "lobby", "user": "Theirs"}


async def test_an_entry_is_written_changed_deleted_and_written_again(buckets: Buckets, bucket: Bucket) -> None:
    for _ in range(2):
        await buckets.put("lobby", {"channel": "lobby"}, None)
        assert buckets.entries is not None
        await buckets.put("lobby", MINE, buckets.entries["lobby"].revision)
        assert await bucket.entries() == {"lobby": MINE}
        await buckets.delete("lobby", buckets.entries["lobby"].revision)
        assert await bucket.entries() == {}
        await until(lambda: buckets._revisions["lobby"] % 3 == 0)


@pytest.mark.parametrize("is_seen", [False, True])
async def test_what_somebody_else_added_meanwhile_is_not_written_over(
    buckets: Buckets, bucket: Bucket, is_seen: bool
) -> None:
    await bucket.add("lobby", THEIRS)
    if is_seen:
        await until(lambda: "lobby" in (buckets.entries or {}))
    with pytest.raises(BucketError, match="somebody else"):
        await buckets.put("lobby", MINE, None)
    assert await bucket.entries() == {"lobby": THEIRS}


async def test_what_somebody_else_changed_meanwhile_is_neither_written_over_nor_deleted(
    buckets: Buckets, bucket: Bucket
) -> None:
    await buckets.put("lobby", MINE, None)
    assert buckets.entries is not None
    seen = buckets.entries["lobby"].revision
    await bucket.add("lobby", THEIRS)
    with pytest.raises(BucketError, match="somebody else"):
        await buckets.put("lobby", MINE, seen)
    with pytest.raises(BucketError):
        await buckets.delete("lobby", seen)
    assert await bucket.entries() == {"lobby": THEIRS}


async def test_what_is_no_entry_and_what_is_no_status_is_passed_over(buckets: Buckets, bucket: Bucket) -> None:
    for name in (streams.ADDED_CHANNELS, streams.CHANNEL_STATUS):
        await (await bucket.client.jetstream().key_value(name)).put("odd", b"{")
    await until(lambda: "odd" in (buckets.entries or {}))
    assert buckets.entries is not None
    assert buckets.entries["odd"].place is None
    await bucket.tell("lobby")
    await until(lambda: list(buckets.statuses) == ["lobby"])
    with pytest.raises(BucketError, match="must stand elsewhere"):
        await buckets.put("lobby", {**MINE, "password": "hush"}, None)


async def test_what_a_bot_does_not_repeat_counts_no_more(buckets: Buckets, bucket: Bucket, clock: MovableClock) -> None:
    await bucket.tell("lobby")
    await until(lambda: list(buckets.statuses) == ["lobby"])
    clock.move(26)
    assert buckets.statuses == {}
    await bucket.tell("lobby")
    await until(lambda: list(buckets.statuses) == ["lobby"])


async def test_a_bots_silence_is_told_though_nobody_writes_anything(
    buckets: Buckets, bucket: Bucket, clock: MovableClock
) -> None:
    seen: list[list[str]] = []
    buckets.on_changed(lambda: seen.append(list(buckets.statuses)))
    await bucket.beat(BEAT)
    await bucket.tell("lobby", beat=BEAT)
    await until(lambda: seen[-1:] == [["lobby"]])
    told = len(seen)
    for _ in range(5):
        clock.move(SILENCE - 1)
        revision = await bucket.beat(BEAT)
        await until(lambda revision=revision: buckets._statuses._seen[BEAT][0] == revision)
    assert len(seen) == told, "a beat is no news"
    clock.move(SILENCE)
    await until(lambda: seen[-1] == [])
    assert len(seen) == told + 1
    await bucket.beat(BEAT)
    await until(lambda: seen[-1] == ["lobby"])


async def test_without_nats_nothing_can_be_written(
    buckets: Buckets, nats_server: NatsServer, clock: MovableClock
) -> None:
    assert buckets.away == 0
    nats_server.kill()
    await until(lambda: buckets.problem is not None)
    clock.move(7)
    assert buckets.away == 7
    assert buckets.entries is None
    with pytest.raises(BucketError, match="cannot be written"):
        await buckets.put("lobby", MINE, None)
    with pytest.raises(BucketError, match="cannot be deleted"):
        await buckets.delete("lobby", 1)
