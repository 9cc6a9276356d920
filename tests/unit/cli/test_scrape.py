"""Metrics over several processes of a program."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from rosey_cli.up.scrape import Key, Totals, Unreachable, get_readiness, get_samples, is_alive
from rosey_core.health import Health, HealthServer
from rosey_core.telemetry.metrics import new_registry
from rosey_core.telemetry.metrics_database import DatabaseMetrics


def samples(stored: float, lag: float) -> dict[Key, float]:
    return {
        ("stored_total", (("subject", "a"),)): stored,
        ("stored_total", (("subject", "b"),)): 1.0,
        ("lag", ()): lag,
    }


def test_what_counts_up_goes_on_over_a_restart() -> None:
    totals = Totals()
    totals.update(1, samples(10, lag=5))
    totals.update(1, samples(20, lag=3))
    assert totals.value("stored_total") == 21
    totals.update(2, samples(4, lag=7))
    assert totals.value("stored_total") == 26
    assert totals.by_label("stored_total", "subject") == {"a": 24, "b": 2}
    assert totals.value("lag") == 7


def test_quantiles_are_interpolated_within_their_bucket() -> None:
    totals = Totals()
    assert totals.quantiles("seconds", [0.5]) is None
    buckets = {"0.001": 0.0, "0.002": 50.0, "0.005": 90.0, "+Inf": 100.0}
    totals.update(1, {("seconds_bucket", (("le", bound),)): count for bound, count in buckets.items()})
    found = totals.quantiles("seconds", [0.25, 0.5, 0.7, 0.99])
    assert found is not None
    assert found[0.25] == pytest.approx(0.0015)
    assert found[0.5] == pytest.approx(0.002)
    assert found[0.7] == pytest.approx(0.0035)
    assert found[0.99] == 0.005


def test_quantiles_of_what_came_since_are_not_those_of_all() -> None:
    def told(fast: float, slow: float) -> Totals:
        totals = Totals()
        buckets = {"0.001": fast, "1.0": fast + slow, "+Inf": fast + slow}
        totals.update(0, {("seconds_bucket", (("le", bound),)): count for bound, count in buckets.items()})
        return totals

    before, now = told(1000, 0), told(1000, 10)
    assert now.quantiles("seconds", [0.5]) == {0.5: pytest.approx(0.000505)}
    assert now.quantiles("seconds", [0.5], before) == {0.5: pytest.approx(0.5005)}
    assert now.quantiles("seconds", [0.5], now) is None
    # Begun anew.
    assert told(10, 0).quantiles("seconds", [0.5], before) == {0.5: pytest.approx(0.0005)}


@pytest.fixture
async def service() -> AsyncIterator[tuple[Health, HealthServer, DatabaseMetrics]]:
    """The health endpoint of a service, with its metrics."""
    registry = new_registry("rosey-database", "0")
    health = Health("nats")
    server = HealthServer(health, registry)
    await server.start()
    yield health, server, DatabaseMetrics(registry)
    await server.stop()


async def test_a_service_is_asked_for_what_it_tells(
    service: tuple[Health, HealthServer, DatabaseMetrics],
) -> None:
    health, server, metrics = service
    assert await get_readiness(server.url) == (False, ["nats: not reported yet"])
    health.ok("nats")
    assert await get_readiness(server.url) == (True, [])
    assert await is_alive(server.url)
    health.fatal("the thread is gone")
    assert not await is_alive(server.url)
    metrics.events_stored["rosey"].inc(3)
    metrics.frame_to_row_seconds.observe(0.004)
    totals = Totals()
    totals.update(1, await get_samples(server.url))
    assert totals.value("rosey_database_events_stored_total") == 3
    found = totals.quantiles("rosey_database_frame_to_row_seconds", [0.5])
    assert found is not None
    assert 0.003 <= found[0.5] <= 0.005


async def test_a_service_that_does_not_answer_is_not_ready() -> None:
    ready, (reason,) = await get_readiness("http://127.0.0.1:1")
    assert not ready
    assert "127.0.0.1:1" in reason
    with pytest.raises(Unreachable):
        await get_samples("http://127.0.0.1:1")


async def test_an_answer_that_is_no_metrics_is_none() -> None:
    app = web.Application()
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    with pytest.raises(Unreachable, match="404"):
        await get_samples(f"http://127.0.0.1:{port}")
    await runner.cleanup()
