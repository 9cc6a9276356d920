"""Workers in this process: what they do when the bucket comes late, NATS goes, or goes back, and turns are few."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client
from prometheus_client import CollectorRegistry

from rosey_bot.channels.channel import Channel, ChannelSettings
from rosey_bot.channels.channels import Channels, Unusable
from rosey_bot.channels.lease import Telling
from rosey_bot.channels.status_board import StatusBoard
from rosey_bot.cytube.budget import AddressBudgets, AddressLimits, Turn
from rosey_bot.cytube.login import Credentials
from rosey_bot.pool.member import Member
from rosey_bot.pool.turns import Pace, TurnKind
from rosey_bot.pool.worker import PoolWorker, own_clock, unused_name
from rosey_bot.telemetry import BotTelemetry
from rosey_cli.channels import bucket
from rosey_core import leases, streams
from rosey_core.bus import Bus, end_task
from rosey_core.channel_status import ChannelStatus
from rosey_core.config import Platform
from rosey_core.leases import Claim, Session
from rosey_core.streams import StreamLimits
from rosey_core.telemetry.metrics import exposition
from rosey_simulator.server import SimulatorServer
from tests.integration.bot.harness import FAST
from tests.support.nats_server import NatsServer
from tests.support.waiting import until
from tests.unit.bot.harness import ListSink, Nobody

TTL = 0.9
ROOMS = ("lobby", "movies", "music")


class Worker:
    """A bot of the pool without its process."""

    def __init__(self, name: str, cytube: SimulatorServer, nats_url: str, *, guest: str = "", **options: Any) -> None:
        self._credentials = Credentials(guest) if guest else Credentials("Rosey", "pw-Rosey")
        self.sink = ListSink()
        self.clock = own_clock
        self.late = 0.0
        self.bus = Bus(nats_url, name="rosey-bot")
        self.channels = Channels(self._make, bot=name, is_pooled=True)
        plenty = Pace(4, 0.001)
        paces: dict[TurnKind, Pace] = {"connect": plenty, "guest": plenty}
        member = Member(name, unused_name, group="shared", ttl=TTL, **{"connections": 9, "paces": paces, **options})
        self.pool = PoolWorker(
            self.bus, self.channels, member, ttl=TTL, group="shared", clock=lambda: own_clock() + self.late
        )
        limits = AddressLimits(connection_interval=0.001, guest_login_interval=0.001)
        self._budgets = AddressBudgets(limits, self._turns)
        self._cytube = cytube
        self._works: list[asyncio.Task[None]] = []

    async def start(self) -> Worker:
        await self.bus.start()
        await self.channels.apply([Platform(channel=room, server=self._cytube.url) for room in ROOMS])
        board = StatusBoard(self.bus, self.pool.statuses)
        self._works = [asyncio.create_task(self.pool.run()), asyncio.create_task(board.run())]
        return self

    async def stop(self) -> None:
        await asyncio.gather(*map(end_task, self._works))
        await self.channels.stop()
        await self.bus.close()

    def joined(self) -> list[str]:
        return sorted(status.key for status in self.channels.statuses() if status.state == "joined")

    def _turns(self, host: str, group: str) -> Turn:
        async def turn(kind: TurnKind) -> None:
            await self.pool.turn(self.pool.budget(host, group), kind)

        return turn

    def _make(self, platform: Platform) -> Channel:
        nobody, key = Nobody(), platform.key
        return Channel(
            ChannelSettings(key=key, server=platform.server, name=key, credentials=self._credentials),
            sink=self.pool.sink(key, self.sink),
            statistics=nobody,
            outbound=nobody,
            observer=nobody,
            budget=self._budgets.of(platform.server, None),
            lease=self.pool.lease(key),
            policy=FAST,
        )


Start = Callable[..., Awaitable[Worker]]


@pytest.fixture
async def start(nats_server: NatsServer) -> AsyncIterator[Start]:
    """Start workers on a CyTube that lets them connect as often as they like."""
    cytube = SimulatorServer()
    cytube.add_account("Rosey", "pw-Rosey")
    await cytube.start()
    started: list[Worker] = []

    async def make(name: str, **options: Any) -> Worker:
        started.append(Worker(name, cytube, nats_server.url, **options))
        return await started[-1].start()

    yield make
    for worker in started:
        await worker.stop()
    await cytube.stop()


@pytest.fixture
async def buckets(nats_client: Client) -> None:
    """The buckets, as the database service makes them."""
    await streams.ensure_buckets(nats_client, StreamLimits())


async def test_a_bucket_that_comes_later_is_waited_for(start: Start, nats_client: Client) -> None:
    worker = await start("a")
    await until(lambda: "no bucket of leases yet" in (worker.pool.problem or ""))
    assert worker.joined() == []
    await streams.ensure_buckets(nats_client, StreamLimits())
    await until(lambda: worker.joined() == sorted(ROOMS))
    assert worker.pool.problem is None


@pytest.mark.usefixtures("buckets")
async def test_a_lease_that_runs_out_is_noticed_and_taken_up_again(
    start: Start, nats_server: NatsServer, caplog: pytest.LogCaptureFixture
) -> None:
    worker = await start("a")
    await until(lambda: worker.joined() == sorted(ROOMS))
    telemetry = BotTelemetry(registry := CollectorRegistry())
    nats_server.pause()
    await until(lambda: worker.pool.lapses == 1)
    assert not worker.pool.acts("lobby")
    assert "no valid lease" in (worker.pool.problem or "")
    assert worker.pool.telling("lobby") is Telling.DELIVER, "the spool keeps it"
    assert worker.joined() == sorted(ROOMS)
    nats_server.resume()
    await until(lambda: worker.pool.acts("lobby"))
    assert "silent in 3 rooms" in caplog.text
    telemetry.read_pool(worker.pool)
    text = exposition(registry, "")[0].decode()
    assert "rosey_bot_pool_channels 3.0" in text
    assert "rosey_bot_pool_lapses_total 1.0" in text
    assert "rosey_bot_pool_workers 1.0" in text


@pytest.mark.usefixtures("buckets")
async def test_after_standing_still_events_are_held_until_it_is_known_who_has_the_channel(
    start: Start, nats_client: Client
) -> None:
    worker = await start("a")
    await until(lambda: worker.joined() == sorted(ROOMS))
    # As if it had stood still: its clock has gone on, and nothing else.
    worker.late = 10 * TTL
    assert worker.pool.telling("lobby") is Telling.HOLD
    assert not worker.pool.acts("lobby")
    await until(lambda: worker.pool.telling("lobby") is Telling.DELIVER)
    assert worker.pool.acts("lobby")
    # Somebody else ends its session and takes a channel.
    store = await nats_client.jetstream().key_value(streams.LEASES)
    await store.put(leases.session_key("b-1"), leases.encode(Session(worker="b", group="shared", ttl=60, beat=1)))
    await store.delete(leases.session_key(worker.pool.member.session or ""))
    await store.put(leases.claim_key("lobby"), leases.encode(Claim(session="b-1", worker="b")))
    await until(lambda: worker.pool.telling("lobby") is Telling.DROP)
    await until(lambda: worker.joined() == ["movies", "music"])
    await until(lambda: worker.pool.acts("movies"))


@pytest.mark.usefixtures("buckets")
async def test_two_share_and_one_that_goes_leaves_all_to_the_other(start: Start, nats_client: Client) -> None:
    first, second = await start("a"), await start("b")
    await until(lambda: sorted([len(first.joined()), len(second.joined())]) == [1, 2], timeout=20)
    await first.pool.drain()
    assert first.joined() == []
    await until(lambda: second.joined() == sorted(ROOMS))

    async def is_told() -> bool:
        return [row.worker for row in await bucket.read(nats_client)] == ["b"] * 3

    await until(is_told, what="the status of the one that has them")


@pytest.mark.usefixtures("buckets")
async def test_what_nobody_can_have_is_told_by_one_of_them(start: Start, nats_client: Client) -> None:
    worker = await start("a", connections=2)
    await worker.channels.apply_added([], {"odd": Unusable("is not JSON", "invalid_entry")}, {"odd": 7})
    await until(lambda: len(worker.joined()) == 2)

    async def is_told() -> bool:
        rows = {row.state: row for row in await bucket.read(nats_client)}
        return (
            "an address 2" in (rows["waiting"].waits_for or "")
            and rows["waiting"].worker is None
            and (rows["invalid"].key, rows["invalid"].revision) == ("odd", 7)
            if {"waiting", "invalid"} <= rows.keys()
            else False
        )

    await until(is_told, what="what nobody has")
    assert worker.pool.unheld == {"music"}


@pytest.mark.usefixtures("buckets")
async def test_a_turn_that_nobody_has_is_waited_for_and_can_be_given_up(start: Start) -> None:
    slow = Pace(1, 3600)
    worker = await start("a", paces={"connect": slow, "guest": slow})
    await until(lambda: len(worker.joined()) == 1)
    waits: set[str] = set()

    def all_wait() -> bool:
        nonlocal waits
        waits = {status.waits_for or "" for status in worker.channels.statuses() if status.state == "waiting"}
        return any("its turn among the bots of the pool" in wait for wait in waits)

    await until(all_wait)
    await worker.channels.apply([])
    await until(lambda: not worker.channels.all() and not worker.pool.held)


@pytest.mark.usefixtures("buckets")
async def test_guests_watch_while_others_of_the_pool_have_the_turn_to_log_in(start: Start) -> None:
    paces = {"connect": Pace(9, 0.001), "guest": Pace(1, 3600)}
    workers = [await start(name, guest="Visitor", paces=paces) for name in ("a", "b")]

    def statuses() -> list[ChannelStatus]:
        return [status for worker in workers for status in worker.channels.statuses()]

    await until(lambda: [status.state for status in statuses()] == ["joined"] * len(ROOMS), timeout=20)
    assert all(worker.joined() for worker in workers), "both have some"
    await until(lambda: sum(status.problem is None for status in statuses()) == 1)
    watching = [status for status in statuses() if status.problem is not None]
    assert all("not logged in yet" in (status.problem or "") for status in watching)


@pytest.mark.usefixtures("buckets")
async def test_where_nats_has_forgotten_a_hand_over_no_two_act_and_soon_one_does(
    start: Start, nats_server: NatsServer, tmp_path: Path
) -> None:
    """As after a loss of power, which takes back what was not yet on the disk."""
    first = await start("a")
    await until(lambda: first.joined() == sorted(ROOMS))
    store, before = nats_server.directory / "store", tmp_path / "before"
    nats_server.kill()
    shutil.copytree(store, before)
    nats_server.start()
    second = await start("b")
    await until(lambda: any(second.pool.acts(room) for room in ROOMS), timeout=20, what="one is handed over")
    forgotten = second.pool.member.session

    def acting() -> Counter[str]:
        return Counter(room for worker in (first, second) for room in ROOMS if worker.pool.acts(room))

    async def look() -> None:
        while True:
            assert max(acting().values(), default=0) <= 1
            await asyncio.sleep(0.001)

    looking = asyncio.create_task(look())
    nats_server.kill()
    shutil.rmtree(store)
    shutil.copytree(before, store)
    nats_server.start()
    await until(lambda: second.pool.member.session not in (None, forgotten), what="a new session")
    await until(lambda: acting() == Counter(ROOMS), what="each has one")
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    assert looking.cancelled(), "two have acted for one"
