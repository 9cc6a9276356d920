"""Many channels in one process: none ends another."""

from __future__ import annotations

from typing import Any

import pytest

from rosey_bot.channels.channel import Channel, ChannelSettings
from rosey_bot.channels.channels import Channels
from rosey_bot.cytube.login import Credentials
from rosey_core.events import ChatMessage, StatusUpdate, UserCount, UsersPresent
from rosey_simulator.server import SimulatorServer
from tests.integration.bot.harness import FAST
from tests.support.waiting import until
from tests.unit.bot.harness import ListSink, Nobody


def make_channel(server: SimulatorServer, name: str, sink: ListSink, **settings: Any) -> Channel:
    nobody = Nobody()
    return Channel(
        ChannelSettings(
            key=name, server=server.url, name=name, credentials=Credentials("Rosey", "pw-Rosey"), **settings
        ),
        sink=sink,
        statistics=nobody,
        outbound=nobody,
        observer=nobody,
        policy=FAST,
    )


async def test_each_channel_speaks_for_itself(cytube: SimulatorServer) -> None:
    sink = ListSink()
    names = ["lobby", "movies", "music"]
    channels = Channels([make_channel(cytube, name, sink) for name in names])
    channels.start()
    await until(lambda: not any(channels.problems().values()))
    assert list(channels.problems()) == names
    assert {event.channel for event in sink.of(UsersPresent)} == set(names)
    await channels.stop()
    assert {event.channel for event in sink.of(StatusUpdate) if event.status_data.bot_connected is False} == set(names)


async def test_status_and_counts_are_reported_regularly(cytube: SimulatorServer) -> None:
    sink = ListSink()
    channels = Channels([make_channel(cytube, "lobby", sink, status_interval=0.05, user_count_interval=0.05)])
    channels.start()
    await until(lambda: len(sink.of(StatusUpdate)) > 5 and len(sink.of(UserCount)) > 3)
    await channels.stop()


async def test_a_channel_that_fails_is_run_again(
    cytube: SimulatorServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sink = ListSink()
    channel, other = make_channel(cytube, "lobby", sink), make_channel(cytube, "music", sink)
    failures = [RuntimeError("bug")]
    wait_and_post = channel._poster.run

    async def run() -> None:
        if failures:
            raise failures.pop()
        await wait_and_post()

    monkeypatch.setattr(channel._poster, "run", run)
    channels = Channels([channel, other], restart_wait=0.01)
    channels.start()
    await until(lambda: not failures and not any(channels.problems().values()))
    assert "lobby: failed" in caplog.text
    await channels.stop()
    assert sink.of(ChatMessage) == []
