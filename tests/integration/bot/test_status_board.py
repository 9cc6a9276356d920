"""What a bot writes of its channels, and that it shows meanwhile that it is alive."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest
from nats.aio.client import Client
from nats.js.kv import KeyValue

from rosey_bot.channels import status_board
from rosey_bot.channels.status_board import StatusBoard
from rosey_core import bucket_watch, channel_status, streams
from rosey_core.bus import Bus, end_task
from rosey_core.channel_status import BEAT_INTERVAL, SILENCE, ChannelStatus
from rosey_core.streams import StreamLimits
from tests.support.clock import MovableClock
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

Tell = Callable[[], list[ChannelStatus]]
Make = Callable[[Tell], StatusBoard]


def statuses(count: int) -> list[ChannelStatus]:
    return [ChannelStatus(key=f"room{number}", origin="file", state="joined", updated=0.0) for number in range(count)]


@pytest.fixture
async def make(
    nats_server: NatsServer, nats_client: Client, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Make]:
    """Make boards that write what they are told."""
    await streams.ensure_buckets(nats_client, StreamLimits())
    monkeypatch.setattr(status_board, "LOOK_INTERVAL", 0.01)
    bus = Bus(nats_server.url, name="rosey-bot")
    await bus.start()
    works: list[asyncio.Task[None]] = []

    def make(tell: Tell) -> StatusBoard:
        board = StatusBoard(bus, tell, bot="the bot", clock=clock)
        works.append(asyncio.create_task(board.run()))
        return board

    yield make
    await asyncio.gather(*map(end_task, works))
    await bus.close()


async def standing(client: Client) -> dict[str, bucket_watch.Entry]:
    async with bucket_watch.watch(client, streams.CHANNEL_STATUS) as found:
        return {key: entry for key, entry in found.entries.items() if entry.operation is None}


async def beats(client: Client) -> dict[str, int]:
    """The revision of each beat."""
    found = await standing(client)
    return {key: entry.revision or 0 for key, entry in found.items() if channel_status.is_beat_key(key)}


async def test_it_beats_in_time_and_not_more_often(make: Make, nats_client: Client, clock: MovableClock) -> None:
    looks = 0

    def look() -> list[ChannelStatus]:
        nonlocal looks
        looks += 1
        return statuses(1)

    make(look)
    await until(lambda: looks > 3)
    before = await beats(nats_client)
    [key] = before
    clock.move(BEAT_INTERVAL - 0.1)
    seen = looks
    await until(lambda: looks > seen + 3)
    assert await beats(nats_client) == before
    clock.move(0.2)

    async def is_beaten() -> bool:
        return (await beats(nats_client))[key] > before[key]

    await until(is_beaten)
    assert channel_status.decode((await standing(nats_client))["room0"].value or b"").beat == key


async def test_a_bot_that_begins_anew_beats_elsewhere_and_one_that_leaves_no_more(
    make: Make, nats_client: Client
) -> None:
    first = make(partial(statuses, 1))

    async def count(wanted: int) -> bool:
        return len(await beats(nats_client)) == wanted

    await until(lambda: count(1))
    [left] = await beats(nats_client)
    make(partial(statuses, 1))
    await until(lambda: count(2))
    await first.clear()
    assert left not in await beats(nats_client)


async def test_a_bot_whose_many_channels_take_their_time_is_not_taken_for_dead(
    make: Make, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    beaten: list[float] = []
    written: set[str] = set()
    right = KeyValue.put

    async def put(self: KeyValue, key: str, value: bytes) -> int:
        clock.move(1)
        if channel_status.is_beat_key(key):
            beaten.append(clock())
        else:
            written.add(key)
        return await right(self, key, value)

    monkeypatch.setattr(KeyValue, "put", put)
    make(partial(statuses, 30))
    await until(lambda: len(written) == 30)
    gaps = [after - before for before, after in itertools.pairwise(beaten)]
    assert len(gaps) > 5
    assert max(gaps) < SILENCE
