"""Following a bucket: all that is there and each change, whatever becomes of the bucket, the watch and the server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from nats.aio.client import Client
from nats.js.kv import KeyValue

from rosey_core import bucket_watch, streams
from rosey_core.bucket_watch import BucketFollower, Changes, Watch
from rosey_core.bus import Bus, end_task
from rosey_core.streams import StreamLimits
from tests.support.clock import MovableClock
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

NAME = streams.CHANNEL_MANNERS


class Copy:
    """Has what is in the bucket.

    Attributes:
        values: what is there.
        readings: how often all was read.
        looks: how often it could look around.
        watch: the watch of the last reading.
        failures: what it fails with, once each.
    """

    def __init__(self, bus: Bus, clock: MovableClock) -> None:
        self.values: dict[str, bytes] = {}
        self.readings = self.looks = 0
        self.watch: Watch | None = None
        self.failures: list[Exception] = []
        self.follower = BucketFollower(bus, NAME, self._follow, what="a copy", clock=clock)

    async def _follow(self, watch: Watch, changes: Changes) -> None:
        if self.failures:
            raise self.failures.pop()
        self.watch = watch
        self.values.clear()
        for entry in watch.entries.values():
            self._take(entry)
        self.readings += 1
        async for change in changes:
            if change is None:
                self.looks += 1
            else:
                self._take(change)

    def _take(self, entry: KeyValue.Entry) -> None:
        self.values.pop(entry.key, None)
        if entry.operation is None:
            self.values[entry.key] = entry.value or b""


@pytest.fixture
async def copy(
    nats_server: NatsServer, clock: MovableClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Copy]:
    """A copy that follows, and is heard from its first line on."""
    caplog.set_level("INFO")
    monkeypatch.setattr(bucket_watch, "RETRY_WAIT", 0.05)
    monkeypatch.setattr(bucket_watch, "LOOK_INTERVAL", 0.02)
    bus = Bus(nats_server.url, name="rosey-bot")
    found = Copy(bus, clock)
    await bus.start()
    following = asyncio.create_task(found.follower.run())
    yield found
    await end_task(following)
    await bus.close()


@pytest.fixture
async def bucket(nats_client: Client) -> KeyValue:
    """The bucket."""
    await streams.ensure_buckets(nats_client, StreamLimits())
    return await nats_client.jetstream().key_value(NAME)


async def test_all_that_is_there_and_each_change_are_told(bucket: KeyValue, copy: Copy) -> None:
    await until(lambda: copy.readings)
    await bucket.put("one", b"1")
    await bucket.put("two", b"2")
    await until(lambda: copy.values == {"one": b"1", "two": b"2"})
    await bucket.delete("one")
    await until(lambda: copy.values == {"two": b"2"})
    assert (copy.follower.problem, copy.follower.away, copy.readings) == (None, 0, 1)
    looks = copy.looks
    await until(lambda: copy.looks > looks + 2)


async def test_what_was_there_before_is_told_with_the_marks_of_what_was_deleted(
    bucket: KeyValue, nats_client: Client
) -> None:
    await bucket.put("one", b"1")
    await bucket.put("two", b"2")
    await bucket.delete("one")
    async with bucket_watch.watch(nats_client, NAME) as found:
        assert {key: entry.operation for key, entry in found.entries.items()} == {"one": "DEL", "two": None}
        assert await found.next(0.01) is None
        await found.bucket.put("two", b"3")
        change = await found.next(10)
        assert change is not None
        assert (change.key, change.value) == ("two", b"3")


async def test_a_bucket_that_is_not_there_yet_is_waited_for_and_said_once(
    copy: Copy,
    nats_client: Client,
    caplog: pytest.LogCaptureFixture,
    clock: MovableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right, attempts = bucket_watch.watch, list[str]()

    def watch(client: Client, bucket: str) -> AbstractAsyncContextManager[Watch]:
        attempts.append(bucket)
        return right(client, bucket)

    monkeypatch.setattr(bucket_watch, "watch", watch)
    clock.move(7)
    await until(lambda: "no bucket yet: the DatabaseService makes it" in (copy.follower.problem or ""))
    assert copy.follower.away == 7
    before = len(attempts)
    await until(lambda: len(attempts) > before + 2)
    await streams.ensure_buckets(nats_client, StreamLimits())
    await until(lambda: copy.readings)
    # It may be missed already while the fixtures are made, of which caplog.text has nothing.
    said = [record.getMessage() for phase in ("setup", "call") for record in caplog.get_records(phase)]
    assert sum("a copy: no bucket yet" in text for text in said) == 1
    assert copy.follower.problem is None


async def written_after_nats_was_away(
    copy: Copy, bucket: KeyValue, nats_server: NatsServer, nats_client: Client, patience: float
) -> None:
    """What is written after NATS was away is told: the watch from before is dead, though the client is connected."""
    await bucket.put("one", b"1")
    await until(lambda: copy.values == {"one": b"1"})
    nats_server.kill()
    await until(lambda: not nats_client.is_connected)
    nats_server.start()
    await until(lambda: nats_client.is_connected)
    await bucket.put("two", b"2")
    await until(lambda: copy.values == {"one": b"1", "two": b"2"}, timeout=patience)


async def test_with_nats_away_that_is_said_and_afterwards_all_is_read_anew(
    copy: Copy, bucket: KeyValue, nats_server: NatsServer, nats_client: Client, clock: MovableClock
) -> None:
    await until(lambda: copy.readings)
    nats_server.kill()
    await until(lambda: copy.follower.problem == "a copy: NATS was away")
    clock.move(5)
    assert copy.follower.away == 5
    nats_server.start()
    await until(lambda: copy.readings == 2)
    assert copy.follower.away == 0
    await written_after_nats_was_away(copy, bucket, nats_server, nats_client, patience=10)


async def test_broken_variant_that_does_not_notice_the_loss_is_told_of_nothing(
    nats_server: NatsServer,
    nats_client: Client,
    bucket: KeyValue,
    clock: MovableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(BucketFollower, "_lose", lambda self: None)
    bus = Bus(nats_server.url, name="rosey-bot")
    found = Copy(bus, clock)
    await bus.start()
    following = asyncio.create_task(found.follower.run())
    with pytest.raises(TimeoutError):
        await written_after_nats_was_away(found, bucket, nats_server, nats_client, patience=1)
    await end_task(following)
    await bus.close()


async def test_a_watch_that_dies_by_itself_is_made_anew_in_a_while(
    copy: Copy, bucket: KeyValue, clock: MovableClock
) -> None:
    await until(lambda: copy.watch)
    assert copy.watch is not None
    await copy.watch._watcher._sub.unsubscribe()
    await bucket.put("one", b"1")
    looks = copy.looks
    await until(lambda: copy.looks > looks + 2)
    assert (copy.values, copy.readings) == ({}, 1)
    clock.move(bucket_watch.REREAD_INTERVAL)
    await until(lambda: copy.values == {"one": b"1"})
    assert copy.follower.problem is None


async def test_who_follows_and_fails_is_called_again(
    bucket: KeyValue, copy: Copy, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    await until(lambda: copy.readings)
    copy.failures.append(ZeroDivisionError("on purpose"))
    clock.move(bucket_watch.REREAD_INTERVAL)
    await until(lambda: copy.readings == 2)
    assert "a copy: following it failed; it goes on" in caplog.text
    assert "on purpose" in caplog.text


class Hasty:
    """A watcher that says that all has come before anything has, as nats-py's does now and then."""

    def __init__(self, watcher: Any) -> None:
        self._watcher = watcher
        self._has_said = False

    async def updates(self, timeout: float) -> KeyValue.Entry | None:
        if not self._has_said:
            self._has_said = True
            return None
        while (entry := await self._watcher.updates(timeout=timeout)) is None:
            pass
        found: KeyValue.Entry = entry
        return found

    async def stop(self) -> None:
        await self._watcher.stop()


@pytest.mark.parametrize("count", [0, 1, 3])
async def test_a_bucket_is_not_taken_for_empty_whose_entries_are_on_their_way(
    bucket: KeyValue, nats_client: Client, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever takes it for empty leaves all rooms, and comes back."""
    keys = [f"room{number}" for number in range(count)]
    for key in keys:
        await bucket.put(key, b"")
    right = KeyValue.watchall

    async def watchall(self: KeyValue, **options: Any) -> Any:
        return Hasty(await right(self, **options))

    monkeypatch.setattr(KeyValue, "watchall", watchall)
    async with bucket_watch.watch(nats_client, NAME) as found:
        assert list(found.entries) == keys
        await bucket.put("new", b"")
        change = await found.next(10)
        assert change is not None
        assert change.key == "new"


async def test_ages_are_the_servers(bucket: KeyValue, nats_client: Client) -> None:
    began = time.monotonic()
    await bucket.put("one", b"1")
    async with bucket_watch.watch(nats_client, NAME) as found:

        async def age() -> float:
            return (await bucket_watch.ages(nats_client, NAME, found.entries))["one"]

        first = await age()
        assert 0 <= first <= time.monotonic() - began

        async def is_older() -> bool:
            return await age() > first + 0.1

        await until(is_older)
