"""The test support for nats-server does what its names say; everything else rests on it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import nats
import nats.errors
import pytest
from nats.aio.client import Client

from tests.support.nats_server import NatsServer
from tests.support.waiting import until


async def test_store_and_port_survive_a_kill(nats_server: NatsServer, nats_client: Client) -> None:
    js = nats_client.jetstream()
    await js.add_stream(name="KEPT", subjects=["kept.>"])
    await js.publish("kept.one", b"1")
    url = nats_server.url
    nats_server.kill()
    await until(lambda: not nats_client.is_connected)
    nats_server.start()
    assert nats_server.url == url
    await until(lambda: nats_client.is_connected)
    assert (await js.stream_info("KEPT")).state.messages == 1


async def test_a_paused_server_answers_nobody_until_resumed(nats_server: NatsServer, nats_client: Client) -> None:
    nats_server.pause()
    with pytest.raises(nats.errors.TimeoutError):
        await nats_client.request("nobody", timeout=0.1)
    nats_server.resume()
    with pytest.raises(nats.errors.NoRespondersError):
        await nats_client.request("nobody", timeout=5)


async def test_without_jetstream_there_is_none(make_nats_server: Callable[..., NatsServer]) -> None:
    server = make_nats_server(jetstream=False)
    client = await nats.connect(server.url)
    with pytest.raises(nats.js.errors.ServiceUnavailableError):
        await client.jetstream().account_info()
    await client.close()


async def test_configuration_is_obeyed(make_nats_server: Callable[..., NatsServer]) -> None:
    server = make_nats_server(config="max_payload: 1000")
    client = await nats.connect(server.url)
    assert client.max_payload == 1000
    await client.close()


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    server = NatsServer(tmp_path, config="no such setting")
    with pytest.raises(RuntimeError, match="Parse error"):
        server.start()
    assert not server.is_running


def test_start_is_fast_enough_for_one_server_a_test(tmp_path: Path) -> None:
    seconds = []
    for index in range(5):
        server = NatsServer(tmp_path / str(index))
        began = time.perf_counter()
        server.start()
        seconds.append(time.perf_counter() - began)
        server.kill()
    assert statistics.median(seconds) < 0.5
