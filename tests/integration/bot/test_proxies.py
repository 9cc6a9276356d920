"""Through a proxy: socketconfig and socket alike, and its password in no log."""

from __future__ import annotations

import logging

import pytest

from rosey_bot.cytube.backoff import Cause
from rosey_simulator.server import SimulatorServer
from tests.integration.bot.harness import ClientHarness
from tests.support.proxies import HOST, PASSWORD, Proxy
from tests.support.waiting import until


@pytest.mark.parametrize("scheme", ["socks5", "http"])
@pytest.mark.parametrize("password", [False, True])
async def test_everything_goes_through_the_proxy(
    cytube: SimulatorServer, client: ClientHarness, caplog: pytest.LogCaptureFixture, scheme: str, password: bool
) -> None:
    """Nobody but the proxy knows the host's name: what went past it would arrive nowhere."""
    caplog.set_level(logging.DEBUG)
    async with Proxy(scheme, password=password) as proxy:
        client.start(server=f"http://{HOST}:{cytube.port}", proxy=proxy.url())
        await client.until_ready()
        assert proxy.targets
        assert set(proxy.targets) == {(HOST, cytube.port)}
        assert len(cytube.connections) == 1
        assert PASSWORD not in caplog.text
        await client.stop()


@pytest.mark.parametrize("scheme", ["socks5", "http"])
async def test_a_proxy_that_does_not_let_us_through_is_named(
    cytube: SimulatorServer, client: ClientHarness, caplog: pytest.LogCaptureFixture, scheme: str
) -> None:
    async with Proxy(scheme, password=True) as proxy:
        client.start(server=f"http://{HOST}:{cytube.port}", proxy=proxy.url("wrong-word"))
        await until(lambda: client.causes)
        assert client.causes[0] is Cause.UNREACHABLE
        await until(lambda: "the proxy 127.0.0.1:" in caplog.text)
        assert "wrong-word" not in caplog.text
        assert proxy.targets == []
        await client.stop()


async def test_without_its_proxy_the_bot_does_not_go_past_it(cytube: SimulatorServer, client: ClientHarness) -> None:
    client.start(proxy="socks5://127.0.0.1:1")
    await until(lambda: len(client.causes) >= 2)
    assert "the proxy 127.0.0.1:1 does not connect" in client.problem
    assert cytube.connections == []
