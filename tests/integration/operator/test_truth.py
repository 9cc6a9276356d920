"""Bots that die tell nobody: what resources and ``rosey channel list`` say of them is true soon all the same."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from rosey_cli.channels.bucket import read
from rosey_core import channel_status
from rosey_simulator.server import SimulatorServer
from tests.chaos.processes import ServiceProcess
from tests.integration.operator.conftest import Bucket, MakeOperator, conditions
from tests.support.kubernetes_api import KubernetesApi
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

CHANNELS = "cytubechannels"
ROOMS = ("lobby", "movies")
TRUTH_S = 10.0
"""Seconds within which a status is true."""
SILENCE = 3.0
"""Seconds after which dead bots are taken for that here: half of the usual, and longer than living ones are silent."""

StartBots = Callable[[int], list[ServiceProcess]]


@pytest.fixture
async def start_bots(nats_server: NatsServer, bucket: Bucket, tmp_path: Path) -> AsyncIterator[StartBots]:
    """Start real bots: several are a pool."""
    bots: list[ServiceProcess] = []

    def start(count: int) -> list[ServiceProcess]:
        for number in range(count):
            name = f"bot-{number}"
            settings = {
                "spool_dir": str(tmp_path / f"{name}-spool"),
                "connection_interval": 0.001,
                "guest_login_interval": 0.001,
                "pool": {"enabled": count > 1, "name": name, "ttl": 1},
            }
            config = {"nats": {"url": nats_server.url}, "bot": settings}
            bots.append(ServiceProcess("rosey-bot", tmp_path, name, config))
            bots[-1].start()
        return bots

    yield start
    for bot in bots:
        await asyncio.to_thread(bot.kill)


@pytest.fixture
async def cytube() -> AsyncIterator[SimulatorServer]:
    """The rooms."""
    server = SimulatorServer()
    for room in ROOMS:
        server.add_channel(room)
    await server.start()
    yield server
    await server.stop()


def connected(api: KubernetesApi) -> set[tuple[str, str]]:
    """What is told of the bots in the rooms."""
    found = [conditions(api.find(CHANNELS, room)).get("Connected", ("", "", "")) for room in ROOMS]
    return {(status, reason) for status, reason, _ in found}


async def until_told_dead(api: KubernetesApi, bucket: Bucket, killed_at: float) -> None:
    """Wait until it is told that the bots killed then are gone; fails where that takes too long."""
    end = killed_at + TRUTH_S - (channel_status.SILENCE - SILENCE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(channel_status, "SILENCE", SILENCE)
        await until(lambda: connected(api) == {("Unknown", "NoWorker")}, timeout=end - time.monotonic())

        async def is_listed() -> bool:
            return {row.state for row in await read(bucket.client)} == {"untold"}

        await until(is_listed, timeout=end - time.monotonic())
        assert "tells nothing of it any more" in ((await read(bucket.client))[0].problem or "")


async def test_with_a_pool_killed_that_is_told_in_time_by_an_operator_that_has_never_heard_it(
    start_bots: StartBots,
    make_operator: MakeOperator,
    api: KubernetesApi,
    bucket: Bucket,
    cytube: SimulatorServer,
) -> None:
    for room in ROOMS:
        api.put(CHANNELS, room, {"spec": {"channel": room, "server": cytube.url}})
    bots = start_bots(2)
    operator = await make_operator()
    await until(lambda: connected(api) == {("True", "Joined")}, timeout=30)
    for bot in bots:
        bot.kill()
    killed_at = time.monotonic()
    await operator.kill()
    await make_operator()
    await until_told_dead(api, bucket, killed_at)


async def test_a_bot_that_is_alive_is_not_taken_for_dead_and_one_that_is_dead_is(
    start_bots: StartBots,
    make_operator: MakeOperator,
    api: KubernetesApi,
    bucket: Bucket,
    cytube: SimulatorServer,
    nats_server: NatsServer,
) -> None:
    """Also where NATS was away: bots get the time to come back."""
    for room in ROOMS:
        api.put(CHANNELS, room, {"spec": {"channel": room, "server": cytube.url}})
    [bot] = start_bots(1)
    await make_operator()
    await until(lambda: connected(api) == {("True", "Joined")}, timeout=30)
    nats_server.kill()
    await until(lambda: connected(api) == {("Unknown", "NatsUnavailable")})
    nats_server.start()
    await until(lambda: connected(api) == {("True", "Joined")}, timeout=30)
    reasons = {event["reason"] for event in api.all("events")}
    assert "NoWorker" not in reasons
    bot.kill()
    await until_told_dead(api, bucket, time.monotonic())
