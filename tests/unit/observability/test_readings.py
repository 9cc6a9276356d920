"""What is read off the parts of a process now and then: gauges that tell how things are."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from rosey_bot.room.room import Room
from rosey_bot.room.users import RoomUser
from rosey_bot.telemetry import BotTelemetry
from rosey_core.health import Health, HealthCollector
from rosey_core.telemetry.metrics import BusMetrics
from rosey_core.telemetry.metrics_database import DatabaseMetrics
from rosey_database.ingest.position import Position
from rosey_database.observation import lag_seconds, measure_checkpoints, measure_files
from rosey_database.writer import CheckpointStatistics


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def channel(key: str, *, joined_since: float | None = None, users: int = 0) -> Any:
    room = Room(key)
    for number in range(users):
        room.users.add(RoomUser(f"user{number}", rank=1))
    return SimpleNamespace(key=key, room=room, joined_since=joined_since)


def test_a_bot_that_never_came_into_its_room_is_told_of(registry: CollectorRegistry) -> None:
    BotTelemetry(registry).read_rooms([channel("lobby")])
    assert registry.get_sample_value("rosey_bot_connected", {"channel": "lobby"}) == 0


def test_a_room_is_told_of_as_it_is(registry: CollectorRegistry) -> None:
    BotTelemetry(registry).read_rooms([channel("lobby", joined_since=1.0, users=3)])
    for name, value in {"connected": 1, "room_users": 3, "room_playing": 0, "room_playlist_items": 0}.items():
        assert registry.get_sample_value(f"rosey_bot_{name}", {"channel": "lobby"}) == value


def test_a_channel_that_is_gone_is_no_longer_told_of(registry: CollectorRegistry) -> None:
    telemetry = BotTelemetry(registry)
    telemetry.read_rooms([channel("lobby"), channel("cellar")])
    telemetry.read_rooms([channel("cellar")])
    assert registry.get_sample_value("rosey_bot_connected", {"channel": "lobby"}) is None
    assert registry.get_sample_value("rosey_bot_connected", {"channel": "cellar"}) == 0


def test_checks_are_metrics_as_they_are_when_asked(registry: CollectorRegistry) -> None:
    health = Health("nats", "database")
    registry.register(HealthCollector(health))
    health.ok("nats")
    assert registry.get_sample_value("rosey_health_check", {"check": "nats"}) == 1
    assert registry.get_sample_value("rosey_health_check", {"check": "database"}) == 0
    assert registry.get_sample_value("rosey_health_ready") == 0
    health.ok("database")
    assert registry.get_sample_value("rosey_health_ready") == 1
    health.forget("nats")
    assert registry.get_sample_value("rosey_health_check", {"check": "nats"}) is None


async def test_connections_after_the_first_are_reconnections(registry: CollectorRegistry) -> None:
    gained, lost = [], []
    bus: Any = SimpleNamespace(on_connected=gained.append, on_disconnected=lost.append)
    BusMetrics(registry, bus)
    for connections in range(3):
        await gained[0](None)
        assert registry.get_sample_value("rosey_bus_connected") == 1
        assert registry.get_sample_value("rosey_bus_reconnects_total") == connections
    lost[0]()
    assert registry.get_sample_value("rosey_bus_connected") == 0


@pytest.mark.parametrize(("pending", "seconds"), [(0, 0.0), (3, 20.0)])
def test_lag_counts_only_while_events_wait(pending: int, seconds: float) -> None:
    position = Position(stream="EVENTS", created=1, sequence=7, message_time=100_000_000_000)
    ingest: Any = SimpleNamespace(position=position, pending=pending)
    assert lag_seconds(ingest, now=120.0) == seconds


def test_files_are_measured(registry: CollectorRegistry, tmp_path: Path) -> None:
    file = tmp_path / "bot_data.db"
    file.write_bytes(bytes(100))
    file.with_name("bot_data.db-wal").write_bytes(bytes(10))
    measure_files(file, DatabaseMetrics(registry))
    assert registry.get_sample_value("rosey_database_size_bytes") == 110
    assert registry.get_sample_value("rosey_database_wal_size_bytes") == 10
    assert registry.get_sample_value("rosey_database_disk_free_bytes", {}) > 0  # type: ignore[operator]


def test_each_checkpoint_is_counted_once(registry: CollectorRegistry) -> None:
    metrics, statistics = DatabaseMetrics(registry), CheckpointStatistics()
    statistics.add(ok=True, seconds=0.5)
    statistics.add(ok=False, seconds=0.25)
    measure_checkpoints(statistics, metrics)
    measure_checkpoints(statistics, metrics)
    assert registry.get_sample_value("rosey_database_checkpoints_total", {"outcome": "done"}) == 1
    assert registry.get_sample_value("rosey_database_checkpoints_total", {"outcome": "failed"}) == 1
    assert registry.get_sample_value("rosey_database_checkpoint_seconds_total") == 0.75
