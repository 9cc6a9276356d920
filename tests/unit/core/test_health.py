"""Health: ready only when everything reported is fine, and what HTTP shows of it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter

from rosey_core.health import Health, HealthServer
from rosey_core.telemetry import logs


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
async def server(health: Health) -> AsyncIterator[HealthServer]:
    registry = CollectorRegistry()
    Counter("rosey_test_things", "Things.", registry=registry).inc(3)
    server = HealthServer(health, registry)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def test_without_any_report_it_is_alive_and_not_ready(health: Health) -> None:
    assert health.alive
    assert not health.ready


def test_it_is_ready_when_everything_expected_is_fine() -> None:
    health = Health("nats")
    health.expect("database", "nats")
    health.ok("nats")
    assert not health.ready
    assert health.reason == "database: not reported yet"
    health.ok("database")
    assert health.ready
    assert health.reason == ""


def test_a_problem_is_reported_and_that_there_is_none(health: Health) -> None:
    health.report("nats", "away")
    assert health.reason == "nats: away"
    health.report("nats", None)
    assert health.ready


def test_one_failure_makes_it_unready_until_it_is_mended(health: Health) -> None:
    health.ok("nats")
    health.fail("stream", "no JetStream")
    assert not health.ready
    assert health.alive
    assert health.reason == "stream: no JetStream"
    health.ok("stream")
    assert health.ready


def test_to_expect_what_is_fine_changes_nothing(health: Health) -> None:
    health.ok("nats")
    health.expect("nats")
    assert health.ready


def test_a_fatal_failure_ends_readiness_and_liveness(health: Health) -> None:
    health.ok("nats")
    health.fatal("the writer has died")
    assert not health.alive
    assert not health.ready
    assert health.reason == "the writer has died"


def test_checks_are_shown_by_copy(health: Health) -> None:
    health.ok("nats")
    health.checks.clear()
    assert health.ready


def test_changes_are_logged_once(health: Health, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(3):
        health.fail("nats", "away")
    for _ in range(3):
        health.ok("nats")
    assert caplog.messages == ["unready: nats: away", "ready"]


def test_what_is_only_about_to_be_there_is_nothing_to_warn_of(health: Health, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    health.expect("nats")
    health.fail("nats", "not connected yet")
    health.fail("nats", "away")
    health.ok("nats")
    health.fail("nats", "away again")
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING", "INFO", "WARNING"]


async def test_healthz_tells_that_the_loop_runs(
    health: Health, server: HealthServer, http: aiohttp.ClientSession
) -> None:
    health.fail("nats", "away")
    async with http.get(f"{server.url}/healthz") as response:
        assert response.status == 200
        assert await response.json() == {"alive": True, "reason": ""}


async def test_healthz_refuses_after_a_fatal_failure(
    health: Health, server: HealthServer, http: aiohttp.ClientSession
) -> None:
    health.fatal("the writer has died")
    async with http.get(f"{server.url}/healthz") as response:
        assert response.status == 503
        assert await response.json() == {"alive": False, "reason": "the writer has died"}


async def test_readyz_tells_each_check(health: Health, server: HealthServer, http: aiohttp.ClientSession) -> None:
    health.ok("nats")
    health.fail("stream", "no JetStream")
    async with http.get(f"{server.url}/readyz") as response:
        assert response.status == 503
        assert await response.json() == {
            "ready": False,
            "checks": {"nats": {"ok": True, "reason": ""}, "stream": {"ok": False, "reason": "no JetStream"}},
        }
    health.ok("stream")
    async with http.get(f"{server.url}/readyz") as response:
        assert response.status == 200
        assert (await response.json())["ready"] is True


async def test_a_reason_shows_no_secret(health: Health, server: HealthServer, http: aiohttp.ClientSession) -> None:
    logs.hide(["hunter22"])
    health.fail("nats", "cannot connect to nats://rosey:hunter22@host")
    health.fatal("hunter22 is wrong")
    for path in ("readyz", "healthz"):
        async with http.get(f"{server.url}/{path}") as response:
            assert "hunter22" not in await response.text()


@pytest.mark.parametrize(("accept", "expected"), [("application/openmetrics-text", "openmetrics"), ("*/*", "plain")])
async def test_metrics_come_in_the_form_that_is_asked_for(
    server: HealthServer, http: aiohttp.ClientSession, accept: str, expected: str
) -> None:
    async with http.get(f"{server.url}/metrics", headers={"Accept": accept}) as response:
        assert response.status == 200
        assert expected in response.headers["Content-Type"]
        body = await response.text()
    assert "rosey_test_things_total 3.0" in body
    assert body.endswith("# EOF\n") is (expected == "openmetrics")


async def test_anything_else_is_not_found(server: HealthServer, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{server.url}/") as response:
        assert response.status == 404


async def test_a_port_that_is_taken_is_an_error_and_leaves_nothing_open(health: Health, server: HealthServer) -> None:
    second = HealthServer(health, CollectorRegistry(), port=server.port)
    with pytest.raises(OSError, match="address already in use"):
        await second.start()
    with pytest.raises(RuntimeError, match="not started"):
        _ = second.port


async def test_a_stopped_server_is_gone_and_can_be_started_again(health: Health, http: aiohttp.ClientSession) -> None:
    server = HealthServer(health, CollectorRegistry())
    await server.stop()
    await server.start()
    url = server.url
    await server.stop()
    await server.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        await http.get(f"{url}/healthz")
    await server.start()
    async with http.get(f"{server.url}/healthz") as response:
        assert response.status == 200
    await server.stop()
