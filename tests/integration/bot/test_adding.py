"""What ``rosey channel add`` tells: what the bot says of the channel, which may come when it has been added."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from nats.aio.client import Client
from typer.testing import CliRunner, Result

from rosey_bot.channels import status_board
from rosey_bot.channels.added import AddedChannels
from rosey_bot.channels.channels import Channels
from rosey_bot.channels.status_board import StatusBoard
from rosey_bot.cytube.login import Credentials
from rosey_cli.channels.bucket import UNTOLD
from rosey_cli.main import app
from rosey_core import streams
from rosey_core.bus import Bus, end_task
from rosey_core.streams import StreamLimits
from rosey_simulator.server import SimulatorServer
from tests.integration.bot.test_channels import make_channel
from tests.support.nats_server import NatsServer
from tests.unit.bot.harness import ListSink

Add = Callable[..., Awaitable[Result]]
LONG = "50"
"""Seconds; longer than a test takes."""


@pytest.fixture
async def add(nats_server: NatsServer, nats_client: Client) -> Add:
    """Add a channel as a person does, in a thread: the command has an event loop of its own."""
    await streams.ensure_buckets(nats_client, StreamLimits())

    async def add(server: str, *options: str, channel: str = "lobby") -> Result:
        command = ["channel", "add", channel, "--server", server, *options, "--nats", nats_server.url]
        return await asyncio.to_thread(CliRunner().invoke, app, command)

    return add


@pytest.fixture
async def bot(
    cytube: SimulatorServer, nats_server: NatsServer, add: Add, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    """A bot that follows the bucket, and tells how its channels fare."""
    monkeypatch.setattr(status_board, "LOOK_INTERVAL", 0.02)
    bus = Bus(nats_server.url, name="rosey-bot")
    channels = Channels(
        lambda platform: make_channel(
            cytube, platform.key, ListSink(), server=platform.server, credentials=Credentials.of(platform)
        ),
        bot="the-bot",
    )
    secrets = {"ROSEY_SECRET_ROSEY": "pw-Rosey", "ROSEY_SECRET_WRONG": "pw-Mod"}
    await bus.start()
    works = [
        asyncio.create_task(AddedChannels(bus, channels, tmp_path, environ=secrets).run()),
        asyncio.create_task(StatusBoard(bus, channels.statuses, bot="the-bot").run()),
    ]
    yield
    await asyncio.gather(*map(end_task, works))
    await channels.stop()
    await bus.close()


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("options", "exit_code", "said"),
    [
        ([], 0, "joined"),
        (["--user", "Rosey", "--password", "env:ROSEY_SECRET_ROSEY"], 0, "joined as Rosey"),
        (["--user", "Rosey", "--password", "env:ROSEY_SECRET_WRONG"], 0, "password"),
        (["--user", "Rosey", "--password", "file:absent"], 1, "absent"),
    ],
    ids=["anonymous", "account", "wrong password", "no such secret"],
)
async def test_whoever_adds_a_channel_is_told_what_the_bot_says_of_it(
    cytube: SimulatorServer, add: Add, options: list[str], exit_code: int, said: str
) -> None:
    added = await add(cytube.url, *options, "--timeout", LONG)
    assert (added.exit_code, added.stdout) == (exit_code, "lobby added\n")
    assert said in added.stderr
    # Not what was said of the entry before.
    changed = await add(cytube.url, "--user", "", "--password", "", "--timeout", LONG)
    assert (changed.stdout, changed.stderr) == ("lobby changed\n", "rosey: lobby: joined\n")


@pytest.mark.usefixtures("bot")
async def test_whoever_mistypes_a_channel_is_told(cytube: SimulatorServer, add: Add) -> None:
    added = await add(cytube.url, "--timeout", LONG, channel="loby")
    assert added.stderr == f"rosey: loby: joined; {cytube.url} has no such channel registered: is the name right?\n"


async def test_nobody_waits_for_a_bot_that_is_not_there(cytube: SimulatorServer, add: Add) -> None:
    async with asyncio.timeout(float(LONG) / 2):
        added = await add(cytube.url, "--timeout", LONG)
    assert (added.exit_code, added.stderr) == (0, f"rosey: lobby: {UNTOLD}\n")


@pytest.mark.usefixtures("bot")
async def test_nobody_waits_longer_than_wanted(add: Add) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(hang, "127.0.0.1", 0)
    server = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
    assert (await add(server, "--no-wait")).stderr == ""
    added = await add(server, "--timeout", "2")
    assert (added.exit_code, added.stdout) == (0, "lobby changed\n")
    assert added.stderr == "rosey: lobby: not connected yet\n"
    silent.close()
