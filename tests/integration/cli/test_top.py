"""``rosey top`` beside a real nats-server, a real service and its metrics."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator

import pytest
from nats.aio.client import Client
from typer.testing import CliRunner

from rosey_cli import connection
from rosey_cli.main import app
from rosey_cli.top.endpoints import Endpoints
from rosey_cli.top.observer import Observer
from rosey_cli.up.child import State
from rosey_core import streams, subjects
from rosey_core.bus import Bus
from rosey_core.events import PresentUser, UserJoined, UsersPresent
from rosey_core.health import Health, HealthServer
from rosey_core.telemetry.metrics import new_registry
from rosey_core.telemetry.metrics_database import DatabaseMetrics
from rosey_database import BotDatabase, DatabaseService
from tests.integration.cli.story import CHANNEL, Publish, Stored, chat
from tests.support.clock import MovableClock
from tests.support.nats_server import NatsServer


@pytest.fixture
async def endpoint(nats_client: Client, temp_database: BotDatabase) -> AsyncIterator[str]:
    """A database service at work, and where its metrics are."""
    health, registry = Health("ingest"), new_registry("rosey-database", "1")
    health.fail("ingest", "the disk is full")
    server = HealthServer(health, registry, "127.0.0.1", 0)
    service = DatabaseService(nats_client, temp_database, metrics=DatabaseMetrics(registry))
    await server.start()
    await service.start()
    yield server.url
    await service.stop()
    await server.stop()


@pytest.fixture
async def bus(nats_server: NatsServer) -> AsyncIterator[Bus]:
    bus = Bus(nats_server.url, name="test")
    await bus.start()
    await bus.wait_connected()
    yield bus
    await bus.close()


def room() -> list[object]:
    return [
        UsersPresent(users=[PresentUser("Alice"), PresentUser("Bob")], channel=CHANNEL),
        UserJoined(username="Cat", channel=CHANNEL),
        chat(1),
    ]


async def test_channels_are_known_from_the_past_and_figures_from_the_metrics(
    endpoint: str, bus: Bus, publish: Publish, stored: Stored
) -> None:
    await stored(await publish(*room()))
    observer = Observer(bus, Endpoints(lambda: {endpoint: endpoint, "http://127.0.0.1:1": "rosey-bot"}))
    await observer.start()
    snapshot = await observer.look()
    await observer.stop()
    [channel] = [channel for channel in snapshot.channels if channel.key == CHANNEL]
    assert sorted(channel.users.values()) == ["Alice", "Bob", "Cat"]
    assert [line.message for line in channel.chat] == ["line 1"]
    assert (snapshot.stored, snapshot.published, snapshot.waiting) == (3, None, 0)
    assert snapshot.publish_to_row is not None
    states = {process.name: process.state for process in snapshot.processes}
    assert states == {"rosey-database": State.UNREADY, "rosey-bot": State.FAILED}
    assert "rosey-database: ingest: the disk is full" in snapshot.problems
    assert "rosey-bot does not answer at http://127.0.0.1:1" in snapshot.problems


async def test_latencies_are_those_of_the_last_minute(
    endpoint: str, bus: Bus, publish: Publish, stored: Stored, clock: MovableClock
) -> None:
    await stored(await publish(*room()))
    observer = Observer(bus, Endpoints(lambda: {endpoint: endpoint}), clock)
    assert (await observer.look()).publish_to_row is not None
    clock.move(61)
    assert (await observer.look()).publish_to_row is not None
    clock.move(30)
    assert (await observer.look()).publish_to_row is None
    await stored(await publish(chat(2)))
    clock.move(10)
    assert (await observer.look()).publish_to_row is not None


@pytest.mark.usefixtures("database_service")
async def test_without_metrics_nats_alone_tells_what_it_can(bus: Bus, publish: Publish, nats_client: Client) -> None:
    observer = Observer(bus, Endpoints(dict))
    await observer.start()
    first = await observer.look()
    assert (first.stored, first.published, first.problems) == (None, None, [])
    await publish(*room())
    await nats_client.jetstream().publish(f"{subjects.DEAD_LETTERS}.x", b"", stream=streams.DEAD_LETTERS)
    second = await observer.look()
    await observer.stop()
    assert second.per_second > 0
    assert second.problems == ["1 dead letters: see rosey dlq list"]


async def test_a_look_says_what_is_wrong_and_its_exit_code_too(nats_server: NatsServer, nats_client: Client) -> None:
    await streams.ensure(nats_client, streams.StreamLimits())
    await streams.ensure_buckets(nats_client, streams.StreamLimits())
    result = await asyncio.to_thread(
        CliRunner().invoke, app, ["top", "--once", "--interval", "0.1", "--json", "--nats", nats_server.url]
    )
    assert result.exit_code == 1
    assert json.loads(result.stdout)["problems"] == ["no database service answers"]


async def test_a_nats_that_is_away_is_the_first_problem(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECT_S", 0.2)
    nowhere = ["--nats", "nats://127.0.0.1:1"]
    result = await asyncio.to_thread(
        CliRunner().invoke, app, ["top", "--once", "--interval", "0.1", "--metrics", endpoint, *nowhere]
    )
    assert result.exit_code == 1
    assert result.stdout.startswith("WRONG: not connected to NATS")
    result = await asyncio.to_thread(CliRunner().invoke, app, ["top", "--once", "--interval", "0.1", *nowhere])
    assert result.exit_code == 1
    assert "cannot be reached" in result.stderr


@pytest.mark.usefixtures("database_service", "signals_stay")
async def test_it_goes_on_until_nobody_reads(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    arguments = ["top", "--json", "--interval", "0.1", "--nats", nats_server.url]
    with os.fdopen(writing, "w") as pipe, os.fdopen(reading) as read:
        monkeypatch.setattr("sys.stdout", pipe)
        running = asyncio.create_task(asyncio.to_thread(app, arguments, standalone_mode=False))
        for _ in range(2):
            line = asyncio.create_task(asyncio.to_thread(read.readline))
            await asyncio.wait({line, running}, return_when=asyncio.FIRST_COMPLETED)
            if not line.done():
                pipe.close()  # Or it would be waited for to the end of time.
                pytest.fail(f"it has ended: {await running}")
            assert json.loads(await line)["ok"] is True
        read.close()
        await asyncio.wait_for(running, 10)
