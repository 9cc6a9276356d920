"""Many channels in one process: none ends another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from rosey_bot.channels.channel import Channel, ChannelSettings
from rosey_bot.channels.channels import Channels, Unusable
from rosey_bot.cytube.login import Credentials
from rosey_core.config import Platform
from rosey_core.events import ChatMessage, StatusUpdate, UserCount, UsersPresent
from rosey_simulator.server import SimulatorServer
from tests.integration.bot.harness import FAST
from tests.support.waiting import until
from tests.unit.bot.harness import ListSink, Nobody


def make_channel(server: SimulatorServer, name: str, sink: ListSink, /, **settings: Any) -> Channel:
    nobody = Nobody()
    usual = {"server": server.url, "credentials": Credentials("Rosey", "pw-Rosey")}
    return Channel(
        ChannelSettings(key=name, name=name, **{**usual, **settings}),
        sink=sink,
        statistics=nobody,
        outbound=nobody,
        observer=nobody,
        policy=FAST,
    )


def maker(server: SimulatorServer, sink: ListSink, **settings: Any) -> Callable[[Platform], Channel]:
    return lambda platform: make_channel(server, platform.key, sink, **settings)


def platforms(*names: str) -> list[Platform]:
    return [Platform(channel=name) for name in names]


async def joined(channels: Channels, *names: str) -> None:
    """Wait until the bot is in these channels, and in no other."""
    await until(lambda: {status.key for status in channels.statuses() if status.state == "joined"} == set(names))


async def test_each_channel_speaks_for_itself(cytube: SimulatorServer) -> None:
    sink = ListSink()
    names = ["lobby", "movies", "music"]
    channels = Channels(maker(cytube, sink))
    await channels.apply(platforms(*names))
    await until(lambda: not any(channels.problems().values()))
    assert list(channels.problems()) == names
    assert {event.channel for event in sink.of(UsersPresent)} == set(names)
    await channels.stop()
    assert {event.channel for event in sink.of(StatusUpdate) if event.status_data.bot_connected is False} == set(names)


async def test_status_and_counts_are_reported_regularly(cytube: SimulatorServer) -> None:
    sink = ListSink()
    channels = Channels(maker(cytube, sink, status_interval=0.05, user_count_interval=0.05))
    await channels.apply(platforms("lobby"))
    await until(lambda: len(sink.of(StatusUpdate)) > 5 and len(sink.of(UserCount)) > 3)
    await channels.stop()


async def test_a_channel_that_fails_is_run_again(
    cytube: SimulatorServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sink = ListSink()
    made = {name: make_channel(cytube, name, sink) for name in ("lobby", "music")}
    failures = [RuntimeError("bug")]
    wait_and_post = made["lobby"]._poster.run

    async def run() -> None:
        if failures:
            raise failures.pop()
        await wait_and_post()

    monkeypatch.setattr(made["lobby"]._poster, "run", run)
    channels = Channels(lambda platform: made[platform.channel], restart_wait=0.01)
    await channels.apply(platforms("lobby", "music"))
    await until(lambda: not failures and not any(channels.problems().values()))
    assert "lobby: failed" in caplog.text
    await channels.stop()
    assert sink.of(ChatMessage) == []


async def test_a_channel_one_of_whose_parts_is_cancelled_from_within_is_run_again(
    cytube: SimulatorServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    channel = make_channel(cytube, "lobby", ListSink())
    calls: list[str] = []

    async def watch(channel: str, arrived: Callable[[], None]) -> None:
        calls.append(channel)
        if len(calls) == 1:
            raise asyncio.CancelledError

    monkeypatch.setattr(channel._poster._queue, "watch", watch)
    channels = Channels(lambda _: channel, restart_wait=0.01)
    await channels.apply(platforms("lobby"))
    await joined(channels, "lobby")
    assert len(calls) == 2
    assert "cancelled from within" in caplog.text
    await channels.stop()


async def test_a_channel_that_goes_on_to_fail_is_run_less_and_less(
    cytube: SimulatorServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    channel = make_channel(cytube, "lobby", ListSink())
    times: list[float] = []

    async def run() -> None:
        times.append(time.monotonic())
        raise RuntimeError("bug")

    monkeypatch.setattr(channel, "run", run)
    channels = Channels(lambda _: channel, restart_wait=0.01)
    await channels.apply(platforms("lobby"))
    await until(lambda: len(times) == 6)
    assert times[5] - times[4] >= 0.16
    await channels.stop()


async def test_channels_come_and_go_and_the_others_stay(cytube: SimulatorServer) -> None:
    channels = Channels(maker(cytube, ListSink()))
    await channels.apply(platforms("lobby"))
    await channels.add(Platform(channel="movies"))
    await joined(channels, "lobby", "movies")
    [since] = [status.since for status in channels.statuses() if status.key == "lobby"]
    await channels.remove("movies")
    await channels.apply(platforms("lobby", "music"))
    await joined(channels, "lobby", "music")
    assert [status.since for status in channels.statuses() if status.key == "lobby"] == [since]
    assert cytube.site.channel("movies") is None
    await channels.stop()
    await until(lambda: not cytube.connections)


async def test_a_channel_that_is_changed_is_entered_anew(cytube: SimulatorServer) -> None:
    made: list[Platform] = []

    def make(platform: Platform) -> Channel:
        made.append(platform)
        return make_channel(cytube, platform.channel, ListSink())

    channels = Channels(make)
    await channels.add(Platform(channel="lobby"))
    await channels.add(Platform(channel="lobby"))
    await channels.add(Platform(channel="lobby", user="Rosey"))
    assert [platform.user for platform in made] == [None, "Rosey"]
    await channels.stop()


async def test_of_two_with_one_key_the_files_counts(cytube: SimulatorServer, caplog: pytest.LogCaptureFixture) -> None:
    made: list[Platform] = []

    def make(platform: Platform) -> Channel:
        made.append(platform)
        return make_channel(cytube, platform.channel, ListSink())

    channels = Channels(make)
    await channels.apply([Platform(channel="lobby", user="Rosey")])
    await channels.add(Platform(channel="lobby", user="Alice"))
    [status] = channels.statuses()
    assert [platform.user for platform in made] == ["Rosey"]
    assert (status.origin, status.note) == ("file", "also added at run time: the configuration file's is used")
    assert "lobby: also added at run time" in caplog.text
    await channels.apply([])
    assert [platform.user for platform in made] == ["Rosey", "Alice"]
    assert [status.origin for status in channels.statuses()] == ["added"]
    await channels.stop()


async def test_a_channel_that_nobody_has_registered_is_noted(cytube: SimulatorServer) -> None:
    channels = Channels(maker(cytube, ListSink()))
    await channels.apply(platforms("lobby", "loby"))
    await joined(channels, "lobby", "loby")
    await until(lambda: [str(status.note)[-18:] for status in channels.statuses()] == ["None", "is the name right?"])
    await channels.stop()


async def test_what_cannot_be_used_is_told_and_stops_nothing(
    cytube: SimulatorServer, caplog: pytest.LogCaptureFixture
) -> None:
    channels = Channels(maker(cytube, ListSink()))
    await channels.apply_added(platforms("lobby"), {"bad": Unusable("is not JSON", "invalid_entry")})
    await joined(channels, "lobby")
    [problem] = [status.problem for status in channels.statuses() if status.state == "invalid"]
    assert problem == "is not JSON"
    assert "bad: added at run time, but is not JSON" in caplog.text
    await channels.refuse("lobby", Unusable("is not JSON", "invalid_entry"), 7)
    assert {status.state for status in channels.statuses()} == {"invalid"}
    await channels.remove("bad")
    await channels.add(Platform(channel="lobby"))
    await joined(channels, "lobby")
    await channels.stop()
