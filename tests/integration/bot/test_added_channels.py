"""Channels added over NATS: the bot follows the bucket, tells how they fare, and keeps its rooms while NATS is away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client

from rosey_bot.channels import status_board
from rosey_bot.channels.added import AddedChannels
from rosey_bot.channels.channels import Channels
from rosey_bot.channels.status_board import StatusBoard
from rosey_cli.channels import bucket
from rosey_cli.failure import Failure
from rosey_core import bucket_watch, channel_entries, streams
from rosey_core.bus import Bus, end_task
from rosey_core.config import Platform
from rosey_core.streams import StreamLimits
from rosey_simulator.server import SimulatorServer
from tests.integration.bot.test_channels import joined, make_channel, maker
from tests.support.nats_server import NatsServer
from tests.support.waiting import until
from tests.unit.bot.harness import ListSink

Start = Callable[[], Awaitable[Channels]]


@pytest.fixture
async def start(
    cytube: SimulatorServer, nats_server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Start]:
    """Start a bot that follows the bucket, and tells how its channels fare."""
    monkeypatch.setattr(bucket_watch, "RETRY_WAIT", 0.05)
    monkeypatch.setattr(bucket_watch, "LOOK_INTERVAL", 0.02)
    monkeypatch.setattr(status_board, "LOOK_INTERVAL", 0.02)
    bus = Bus(nats_server.url, name="rosey-bot")
    channels = Channels(maker(cytube, ListSink()), bot="the-bot")
    works: list[asyncio.Task[None]] = []

    async def start() -> Channels:
        await bus.start()
        added = AddedChannels(bus, channels, tmp_path, environ={"ROSEY_SECRET_ROSEY": "hush"})
        works.append(asyncio.create_task(added.run()))
        works.append(asyncio.create_task(StatusBoard(bus, channels.statuses).run()))
        return channels

    yield start
    await asyncio.gather(*map(end_task, works))
    await channels.stop()
    await bus.close()


@pytest.fixture
async def channels(start: Start) -> Channels:
    """The channels of a bot that is started."""
    return await start()


@pytest.fixture
async def buckets(nats_client: Client) -> None:
    """The buckets, as the database service makes them."""
    await streams.ensure_buckets(nats_client, StreamLimits())


async def states(client: Client) -> dict[str, str]:
    return {row.key: row.state for row in await bucket.read(client)}


async def shown(client: Client, **wanted: str) -> None:
    """Wait until the list shows these channels in these states, and no others."""

    async def is_shown() -> bool:
        return await states(client) == wanted

    await until(is_shown, what=str(wanted))


@pytest.mark.usefixtures("buckets")
async def test_a_channel_is_entered_when_it_is_added_and_left_when_it_is_removed(
    channels: Channels, cytube: SimulatorServer, nats_client: Client
) -> None:
    here = {"server": cytube.url, "user": "Rosey"}
    first = await bucket.add(nats_client, {"channel": "Lobby", **here, "password": "${env:ROSEY_SECRET_ROSEY}"})
    assert (first.key, first.was_there, first.is_shadowed) == ("lobby", False, False)
    await bucket.add(nats_client, {"channel": "movies", **here})
    await joined(channels, "lobby", "movies")
    await shown(nats_client, lobby="joined", movies="joined")
    [row] = [row for row in await bucket.read(nats_client) if row.key == "lobby"]
    assert (row.origin, row.bot, row.user, row.server, row.problem) == ("added", "the-bot", "Rosey", cytube.url, None)
    assert row.since is not None
    entries = await nats_client.jetstream().key_value(streams.ADDED_CHANNELS)
    assert (row.worker, row.cause, row.revision) == ("the-bot", None, (await entries.get("lobby")).revision)
    owned = {"channel": "Lobby", **here, "password": "${env:ROSEY_SECRET_ROSEY}", "owner": {"name": "it"}}
    revision = await entries.put("lobby", channel_entries.encode(owned))

    async def is_told() -> bool:
        [now] = [other for other in await bucket.read(nats_client) if other.key == "lobby"]
        return (now.revision, now.since) == (revision, row.since)

    await until(is_told, what="the new revision, in the same stay")
    assert (await bucket.add(nats_client, {"channel": "lobby", **here})).was_there
    await bucket.remove(nats_client, "movies")
    await joined(channels, "lobby")
    await shown(nats_client, lobby="joined")
    with pytest.raises(Failure, match="no channel movies was added"):
        await bucket.remove(nats_client, "movies")


@pytest.mark.usefixtures("buckets")
async def test_what_was_added_before_the_bot_came_is_entered_and_bad_entries_are_told(
    nats_client: Client, cytube: SimulatorServer, start: Start
) -> None:
    entries = await nats_client.jetstream().key_value(streams.ADDED_CHANNELS)
    await entries.put("not-json", b"{")
    await entries.put("in.valid", b'{"channel": "a"}')
    await entries.put("plain", b'{"channel": "a", "user": "Rosey", "password": "hush"}')
    await entries.put("missing", b'{"channel": "a", "user": "Rosey", "password": "${file:nowhere}"}')
    await bucket.add(nats_client, {"channel": "lobby", "server": cytube.url})
    assert set((await states(nats_client)).values()) == {"untold"}
    channels = await start()
    await joined(channels, "lobby")
    invalid = dict.fromkeys(("not-json", "in.valid", "plain", "missing"), "invalid")
    await shown(nats_client, lobby="joined", **invalid)
    problems = {row.key: row.problem or "" for row in await bucket.read(nats_client)}
    causes = {row.key: row.cause for row in await bucket.read(nats_client)}
    assert causes == {**dict.fromkeys(invalid, "invalid_entry"), "missing": "missing_secret", "lobby": None}
    assert "is not JSON" in problems["not-json"]
    assert "no channel key" in problems["in.valid"]
    assert "must stand elsewhere" in problems["plain"]
    assert "nowhere that it refers to cannot be read" in problems["missing"]
    assert "hush" not in str(problems)
    await entries.put("not-json", b'{"channel": "movies"}')
    await joined(channels, "lobby", "not-json")
    await entries.put("not-json", b"{")
    await joined(channels, "lobby")


@pytest.mark.usefixtures("buckets")
async def test_a_secret_that_comes_late_is_taken_and_one_that_changes_is_logged_in_with(
    channels: Channels, cytube: SimulatorServer, nats_client: Client, tmp_path: Path
) -> None:
    def password() -> str | None:
        found = [platform.password for platform, _ in channels.all()]
        return found[0].get_secret_value() if found and found[0] is not None else None

    entry = {"channel": "lobby", "server": cytube.url, "user": "Rosey", "password": "${file:uid/password}"}
    await bucket.add(nats_client, entry)
    await shown(nats_client, lobby="invalid")
    file = tmp_path / "uid" / "password"
    file.parent.mkdir()
    file.write_text("first")
    await joined(channels, "lobby")
    assert password() == "first"
    [(_, before)] = channels.all()
    draft = tmp_path / "draft"
    draft.write_text("other")
    draft.replace(file)
    await until(lambda: password() == "other")
    await joined(channels, "lobby")
    assert channels.all()[0][1] is not before
    file.unlink()
    await shown(nats_client, lobby="invalid")


@pytest.mark.usefixtures("buckets")
async def test_without_nats_the_bot_keeps_its_rooms_and_then_follows_again(
    channels: Channels, cytube: SimulatorServer, nats_server: NatsServer, nats_client: Client
) -> None:
    await bucket.add(nats_client, {"channel": "lobby", "server": cytube.url})
    await joined(channels, "lobby")
    [since] = [status.since for status in channels.statuses()]
    nats_server.kill()
    await until(lambda: not nats_client.is_connected)
    nats_server.start()
    await until(lambda: nats_client.is_connected)
    await shown(nats_client, lobby="joined")
    await bucket.add(nats_client, {"channel": "movies", "server": cytube.url})
    await joined(channels, "lobby", "movies")
    assert [status.since for status in channels.statuses() if status.key == "lobby"] == [since]


async def test_a_bucket_that_comes_later_is_waited_for(
    channels: Channels, cytube: SimulatorServer, nats_client: Client
) -> None:
    await channels.apply([Platform(channel="lobby")])
    await joined(channels, "lobby")
    with pytest.raises(Failure, match="no bucket of channels"):
        await bucket.read(nats_client)
    await streams.ensure_buckets(nats_client, StreamLimits())
    await bucket.add(nats_client, {"channel": "movies", "server": cytube.url})
    await joined(channels, "lobby", "movies")
    await shown(nats_client, lobby="joined", movies="joined")


@pytest.mark.usefixtures("buckets")
async def test_a_nats_that_hangs_does_not_keep_the_bot_from_leaving(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_board, "CLEAR_TIMEOUT", 0.1)
    bus = Bus(nats_server.url, name="rosey-bot")
    await bus.start()
    await bus.wait_connected()
    board = StatusBoard(bus, Channels(lambda _: make_channel(SimulatorServer(), "lobby", ListSink())).statuses)
    nats_server.pause()
    began = time.monotonic()
    await board.clear()
    assert time.monotonic() - began < 4, "NATS has 5 s for an answer"
    nats_server.resume()
    await bus.close()


@pytest.mark.usefixtures("buckets")
async def test_the_files_channels_are_shown_and_stay(
    channels: Channels, cytube: SimulatorServer, nats_client: Client
) -> None:
    await channels.apply([Platform(channel="lobby", server=cytube.url)])
    await shown(nats_client, lobby="joined")
    with pytest.raises(Failure, match="comes from the configuration file"):
        await bucket.remove(nats_client, "lobby")
    assert (await bucket.add(nats_client, {"channel": "lobby", "server": cytube.url})).is_shadowed

    async def is_noted() -> Any:
        return (await bucket.read(nats_client))[0].note

    assert "the configuration file's is used" in await until(is_noted)
    other = await bucket.add(nats_client, {"channel": "lobby", "server": "http://other.example"})
    assert other.key == "lobby-other-example"


@pytest.mark.usefixtures("buckets")
@pytest.mark.parametrize(
    "entry", [{"channel": "a b"}, {"channel": "a", "user": "Rosey", "password": "hush"}, {"channel": "a", "server": ""}]
)
async def test_what_is_no_channel_is_not_added(nats_client: Client, entry: dict[str, str]) -> None:
    with pytest.raises(Failure) as caught:
        await bucket.add(nats_client, entry)
    assert "hush" not in str(caught.value)
    assert await bucket.read(nats_client) == []


def test_short_references_are_understood() -> None:
    assert bucket.reference("file:rosey") == "${file:rosey}"
    assert bucket.reference("env:ROSEY_SECRET_A") == "${env:ROSEY_SECRET_A}"
    assert bucket.reference("socks5://proxy:1080") == "socks5://proxy:1080"
    assert bucket.reference(None) is None
