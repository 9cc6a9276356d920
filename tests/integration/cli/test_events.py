"""``rosey events`` on a real stream."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from nats.aio.client import Client
from typer.testing import CliRunner, Result

from rosey_cli.events import tail
from rosey_cli.main import app
from rosey_core import streams, subjects
from rosey_core.bus import Bus
from rosey_core.streams import StreamLimits
from tests.integration.cli.story import Publish, chat
from tests.support.nats_server import NatsServer

pytestmark = pytest.mark.usefixtures("signals_stay")


@pytest.fixture
async def stream(nats_client: Client) -> None:
    """The streams, with nothing in them."""
    await streams.ensure(nats_client, StreamLimits())


@pytest.fixture
async def bus(nats_server: NatsServer) -> AsyncIterator[Bus]:
    bus = Bus(nats_server.url, name="test")
    await bus.start()
    await bus.wait_connected()
    yield bus
    await bus.close()


@pytest.fixture
def rosey(nats_server: NatsServer) -> Callable[..., Any]:
    """Run the command to its end, in a thread: it has an event loop of its own."""

    async def run(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, ["events", *arguments, "--nats", nats_server.url])

    return run


@pytest.mark.usefixtures("stream")
async def test_the_past_is_shown_with_its_odd_messages(
    rosey: Callable[..., Any], publish: Publish, nats_client: Client
) -> None:
    await publish(chat(1), chat(2, channel="other"), chat(3, username="Bob"))
    await nats_client.jetstream().publish(f"{subjects.MESSAGE_LOG}.lobby", b"\xff{")
    shown = await rosey("--since", "1h", "--no-follow")
    assert (shown.exit_code, len(shown.stdout.splitlines())) == (0, 4), shown.stdout
    assert "Bob: line 3" in shown.stdout
    assert "ODD MESSAGE" in shown.stdout
    mine = await rosey(
        "--since", "1h", "--no-follow", "--json", "--user", "alice", "--channel", "Lobby", "--type", "log"
    )
    assert [json.loads(line)["event"]["message"] for line in mine.stdout.splitlines()] == ["line 1"]
    assert (await rosey("--no-follow")).stdout == ""


async def test_what_cannot_be_shown_is_said(rosey: Callable[..., Any]) -> None:
    shown = await rosey()
    assert shown.exit_code == 1
    assert "there is no stream ROSEY_EVENTS" in shown.stderr
    assert "is no event" in (await rosey("--type", "nothing")).stderr


@pytest.mark.usefixtures("stream")
async def test_a_tail_begins_where_it_is_told(bus: Bus, publish: Publish) -> None:
    await publish(*map(chat, range(5)))
    between = time.time()
    await publish(*map(chat, range(5, 9)))
    await bus.client.jsm().delete_msg(streams.EVENTS, 3)
    assert await tail.first_since(bus.client, 0) == 1
    assert await tail.first_since(bus.client, between) == 6
    assert await tail.first_since(bus.client, time.time() + 1) == 10


@pytest.mark.usefixtures("stream")
async def test_a_tail_goes_on_after_the_server_was_restarted_and_misses_nothing(
    bus: Bus, publish: Publish, nats_server: NatsServer
) -> None:
    messages = tail.follow(bus, 1)
    await publish(chat(1))
    assert (await anext(messages)).sequence == 1
    await asyncio.to_thread(nats_server.restart)
    await bus.wait_connected()
    await publish(chat(2))
    async with asyncio.timeout(10):
        assert (await anext(messages)).sequence == 2
    await messages.aclose()


@pytest.mark.usefixtures("stream")
async def test_a_message_that_the_client_library_cannot_read_is_passed(
    bus: Bus, publish: Publish, nats_server: NatsServer
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", nats_server.port)
    headers = b"NATS/1.0\r\nBroken: \xff\xfe\r\n\r\n"
    head = f"HPUB {subjects.MESSAGE_LOG} {len(headers)} {len(headers) + 2}\r\n".encode()
    writer.write(b'CONNECT {"verbose":false,"headers":true}\r\n' + head + headers + b"{}\r\nPING\r\n")
    while b"PONG" not in await reader.readline():
        pass
    writer.close()
    await publish(chat(1))
    messages = tail.follow(bus, 1)
    async with asyncio.timeout(20):
        assert [(await anext(messages)).sequence for _ in range(2)] == [1, 2]
    await messages.aclose()


@pytest.mark.usefixtures("stream")
async def test_a_closed_pipe_ends_it_quietly(
    nats_server: NatsServer, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(*map(chat, range(3)))
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr("sys.stdout", pipe)

        def run() -> None:
            app(["events", "--since", "1h", "--nats", nats_server.url], standalone_mode=False)

        await asyncio.wait_for(asyncio.to_thread(run), 10)
