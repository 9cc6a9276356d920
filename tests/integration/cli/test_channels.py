"""``rosey channel``: what a person types, and what is shown."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from nats.aio.client import Client
from typer.testing import CliRunner, Result

from rosey_cli.channels.bucket import add
from rosey_cli.main import app
from rosey_core import channel_entries, channel_status, leases, streams
from rosey_core.channel_status import ChannelStatus
from rosey_core.leases import Claim, Session
from rosey_core.streams import StreamLimits
from tests.support.nats_server import NatsServer


@pytest.fixture
async def rosey(nats_server: NatsServer, nats_client: Client) -> Callable[..., Any]:
    """Run a command on the test's server, in a thread: it has an event loop of its own."""
    await streams.ensure_buckets(nats_client, StreamLimits())

    async def run(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, ["channel", *arguments, "--nats", nats_server.url])

    return run


async def test_a_channel_is_added_listed_and_removed(rosey: Callable[..., Any], nats_client: Client) -> None:
    assert (await rosey("list")).stdout == "no channels\n"
    options = ("--user", "Rosey", "--password", "file:rosey", "--proxy", "socks5://proxy:1080")
    added = await rosey("add", "https://cytu.be/r/Lobby", *options)
    assert added.stdout == "lobby added\n", added.stderr
    bucket = await nats_client.jetstream().key_value(streams.ADDED_CHANNELS)
    entry = channel_entries.decode((await bucket.get("lobby")).value or b"")
    assert (entry["user"], entry["password"]) == ("Rosey", "${file:rosey}")
    assert "untold" in (await rosey("list")).stdout
    status = ChannelStatus(
        key="lobby", origin="added", state="waiting", updated=time.time(), server="https://cytu.be", name="Lobby",
        users=12, problem="kicked: shoo", waits_for="the next attempt, 15 s after the last",
    )  # fmt: skip
    statuses = await nats_client.jetstream().key_value(streams.CHANNEL_STATUS)
    await statuses.put("lobby", channel_status.encode(status))
    await statuses.put("broken", b"?")
    shown = (await rosey("list")).stdout
    assert all(part in " ".join(shown.split()) for part in ("lobby added waiting 12", "kicked: shoo", "waits for"))
    [row] = [json.loads(line) for line in (await rosey("list", "--json")).stdout.splitlines()]
    assert (row["key"], row["state"], row["waits_for"]) == ("lobby", "waiting", status.waits_for)
    assert (await rosey("add", "lobby")).stdout == "lobby changed\n"
    assert (await rosey("remove", "lobby")).stdout == "lobby removed\n"


async def test_a_change_keeps_what_it_does_not_name(rosey: Callable[..., Any], nats_client: Client) -> None:
    bucket = await nats_client.jetstream().key_value(streams.ADDED_CHANNELS)
    owner = {"kind": "CytubeChannel", "namespace": "rosey", "name": "lobby", "uid": "u-1", "generation": 3}
    entry = {"channel": "lobby", "user": "Rosey", "password": "${file:rosey}", "owner": owner}
    await bucket.put("lobby", channel_entries.encode(entry))

    async def stored() -> dict[str, Any]:
        return channel_entries.decode((await bucket.get("lobby")).value or b"")

    assert (await rosey("add", "Lobby", "--proxy", "socks5://proxy:1080")).stdout == "lobby changed\n"
    assert await stored() == {**entry, "channel": "Lobby", "proxy": "socks5://proxy:1080"}
    refused = await rosey("add", "lobby", "--user", "")
    assert (refused.exit_code, "with what is there already: password" in refused.stderr) == (2, True)
    assert (await rosey("add", "lobby", "--user", "", "--password", "", "--proxy", "")).exit_code == 0
    assert await stored() == {"channel": "lobby", "owner": owner}


async def test_no_channel_takes_anothers_key(rosey: Callable[..., Any], nats_client: Client) -> None:
    """Also where they are added at once, and where one is called like another with its server."""
    entries = [{"channel": "lobby", "server": f"https://{name}.example"} for name in "ab"]
    added = await asyncio.gather(*(add(nats_client, entry) for entry in entries))
    [namesake] = {each.key for each in added} - {"lobby"}
    assert namesake in ("lobby-a-example", "lobby-b-example")
    assert (await rosey("add", f"https://c.example/r/{namesake}")).stdout == f"{namesake}-c-example added\n"
    bucket = await nats_client.jetstream().key_value(streams.ADDED_CHANNELS)
    assert len(await bucket.keys()) == 3
    await rosey("remove", "lobby")
    assert (await rosey("add", "https://d.example/r/lobby")).stdout == "lobby added\n"


async def test_what_is_in_a_file_is_told(rosey: Callable[..., Any], nats_client: Client) -> None:
    status = ChannelStatus(
        key="lobby", origin="file", state="joined", updated=time.time(), server="https://cytu.be", name="lobby"
    )
    statuses = await nats_client.jetstream().key_value(streams.CHANNEL_STATUS)
    await statuses.put("lobby", channel_status.encode(status))
    assert "it is in the configuration file of a bot, too" in (await rosey("add", "lobby")).stderr
    await rosey("remove", "lobby")
    refused = await rosey("remove", "lobby")
    assert refused.exit_code == 1
    assert "comes from the configuration file" in refused.stderr


async def test_the_bots_of_a_pool_are_listed(rosey: Callable[..., Any], nats_client: Client) -> None:
    assert (await rosey("workers")).stdout.startswith("no pool: ")
    bucket = await nats_client.jetstream().key_value(streams.LEASES)
    statuses = await nats_client.jetstream().key_value(streams.CHANNEL_STATUS)
    for name, rooms in {"a": ("lobby", "movies"), "b": ("music",)}.items():
        session = Session(worker=name, group="shared", ttl=3, beat=7, draining=name == "b")
        await bucket.put(leases.session_key(f"{name}-1"), leases.encode(session))
        for room in rooms:
            claim = Claim(session=f"{name}-1", worker=name)
            await bucket.put(leases.claim_key(room), leases.encode(claim))
            status = ChannelStatus(key=room, origin="added", state="joined", updated=time.time(), worker=name)
            await statuses.put(room, channel_status.encode(status))
    await bucket.put("worker.odd", b"{")
    shown = (await rosey("workers")).stdout.splitlines()
    assert [line.split()[:3] for line in shown[1:]] == [["a", "2", "shared"], ["b", "1", "shared"]]
    assert "goes" in shown[2]
    assert [json.loads(line)["channels"] for line in (await rosey("workers", "--json")).stdout.splitlines()] == [2, 1]
    assert [line.split()[:2] for line in (await rosey("list")).stdout.splitlines()[1:]] == [
        ["lobby", "a"],
        ["movies", "a"],
        ["music", "b"],
    ]


async def test_what_cannot_be_added_is_refused_and_no_secret_repeated(rosey: Callable[..., Any]) -> None:
    for option in ("--password", "--channel-password"):
        refused = await rosey("add", "lobby", "--user", "Rosey", option, "hush-hush")
        assert refused.exit_code == 2
        assert f"{option}: say where the bot finds it" in refused.stderr
        assert "file:NAME or env:ROSEY_SECRET_NAME" in refused.stderr
        assert "hush-hush" not in refused.output
    refused = await rosey("add", "lobby", "--user", "Rosey", "--password", "env:HOME")
    assert (refused.exit_code, "must stand elsewhere" in refused.stderr) == (2, True)
    assert (await rosey("remove", "no such")).exit_code == 1
