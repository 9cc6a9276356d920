"""The bot's process as a whole, in this one: a simulated CyTube on one side, a real NATS on the other."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client, ServerVersion
from nats.aio.msg import Msg
from prometheus_client import CollectorRegistry

from rosey_bot import service
from rosey_cli.channels import bucket, pool
from rosey_core import streams, subjects
from rosey_core.config import Config, ConfigError, Platform
from rosey_core.config.nats import Nats
from rosey_core.config.reload import Reload
from rosey_core.health import Health, HealthServer
from rosey_core.service import ServiceContext
from rosey_core.telemetry.metrics import exposition
from rosey_simulator.server import SimulatorServer
from tests.integration.bot.harness import CHANNEL, Person
from tests.support.distribution import install
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

STATS = {
    "success": True,
    "high_water_mark": {"users": 12, "timestamp": 1762978500},
    "high_water_connected": {"users": 30, "timestamp": 1762978500},
    "top_chatters": [{"username": "Alice", "chat_lines": 7}],
    "total_users_seen": 57,
}


class Process:
    """The service, run in this process."""

    def __init__(self, config: Config) -> None:
        registry = CollectorRegistry()
        health = Health()
        reload = Reload(config, lambda: self.config, registry)
        self.context = ServiceContext(asyncio.Event(), health, registry, HealthServer(health, registry), reload)
        self.config = config
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> Process:
        self._task = asyncio.create_task(service.serve(self.config, self.context))
        return self

    async def stop(self) -> None:
        self.context.stop.set()
        if self._task is not None:
            await asyncio.wait_for(self._task, 10)

    @property
    def health(self) -> Health:
        return self.context.health

    async def until_ready(self) -> None:
        await until(lambda: self.health.ready, what=f"ready: {self.health.reason}")

    def metric(self, line: str) -> bool:
        text, _ = exposition(self.context.registry, "")
        return line in text.decode()


MakeProcess = Callable[..., Awaitable[Process]]


@pytest.fixture
async def process(cytube: SimulatorServer, tmp_path: Path) -> AsyncIterator[MakeProcess]:
    """Start the service for one channel with NATS at an address."""
    started: list[Process] = []

    async def make(nats_url: str, **bot: Any) -> Process:
        config = Config.model_validate(
            {
                "platforms": [{"server": cytube.url, "channel": CHANNEL, "user": "Rosey", "password": "pw-Rosey"}],
                "nats": {"url": nats_url},
                "bot": {"spool_dir": str(tmp_path / "spool"), "outbound_interval": 0.05, **bot},
            }
        )
        started.append(Process(config))
        return await started[-1].start()

    yield make
    for process in started:
        await process.stop()


@pytest.fixture
async def mod(cytube: SimulatorServer) -> AsyncIterator[Person]:
    """The channel's owner, present."""
    person = await Person(cytube).enter("Mod", "pw-Mod")
    yield person
    await person.leave()


async def stored(client: Client) -> list[tuple[str, dict[str, Any]]]:
    """All events in the stream: subject and payload."""
    manager = client.jsm()
    state = (await manager.stream_info(streams.EVENTS)).state
    found = []
    for sequence in range(state.first_seq, state.last_seq + 1):
        message = await manager.get_msg(streams.EVENTS, sequence)
        found.append((message.subject or "", json.loads(message.data or b"")))
    return found


async def of(client: Client, subject: str) -> list[dict[str, Any]]:
    return [payload for where, payload in await stored(client) if where == subjects.for_channel(subject, CHANNEL)]


async def serve(client: Client, subject: str, answer: Callable[[Any], Any]) -> None:
    """Be the database for one question."""

    async def reply(message: Msg) -> None:
        await message.respond(json.dumps(answer(json.loads(message.data))).encode())

    await client.subscribe(subjects.for_channel(subject, CHANNEL), cb=reply)
    await client.flush()


async def test_what_happens_in_the_room_reaches_the_stream(
    process: MakeProcess, nats_server: NatsServer, nats_client: Client, mod: Person, cytube: SimulatorServer
) -> None:
    await streams.ensure(nats_client, streams.StreamLimits())
    bot = await process(nats_server.url)
    await bot.until_ready()
    alice = await Person(cytube).enter("Alice", "pw-Alice")
    await alice.say("hi <3")
    await until(lambda: alice.heard("Alice"))
    await alice.leave()

    async def left() -> bool:
        return any(event["username"] == "Alice" for event in await of(nats_client, subjects.USER_LEFT))

    await until(left)
    [present] = (await of(nats_client, subjects.USER_PRESENT))[:1]
    assert [user["username"] for user in present["users"]] == ["Mod", "Rosey"]
    assert [event["username"] for event in await of(nats_client, subjects.USER_JOINED)] == ["Alice"]
    [line] = await of(nats_client, subjects.MESSAGE_LOG)
    assert (line["username"], line["message"]) == ("Alice", "hi <3")
    await until(lambda: not bot.metric("rosey_bot_events_published_total 0.0"))
    assert bot.metric(f'rosey_bot_connected{{channel="{CHANNEL}"}} 1.0')
    assert bot.metric(f'rosey_bot_frames_total{{channel="{CHANNEL}",event="chatMsg"}}')
    await bot.stop()
    statuses = await of(nats_client, subjects.STATUS_UPDATE)
    assert statuses[-1]["status_data"]["bot_connected"] is False


async def test_stats_are_answered_from_the_database(
    process: MakeProcess, nats_server: NatsServer, nats_client: Client, mod: Person
) -> None:
    await serve(nats_client, subjects.QUERY_CHANNEL_STATS, lambda question: STATS)
    bot = await process(nats_server.url)
    await until(lambda: mod.of("setUserRank") and {"name": "Rosey", "rank": 3} in mod.of("setUserRank"))
    await mod.whisper("Rosey", "stats")
    await until(lambda: len(mod.whispers("Rosey")) == 4)
    assert mod.whispers("Rosey") == [
        "Peak chat users: 12 (12 Nov 2025 20:15 UTC)",
        "Peak connected: 30 (12 Nov 2025 20:15 UTC)",
        "Total unique users: 57",
        "Top chatters: 1. Alice (7)",
    ]
    await until(lambda: bot.metric('rosey_bot_commands_total{command="stats",outcome="success"} 1.0'))


async def test_stats_without_a_database_answer_within_a_second(
    process: MakeProcess, nats_server: NatsServer, nats_client: Client, mod: Person
) -> None:
    # Half the usual time, so that a busy machine does not fail the test.
    await process(nats_server.url, stats_timeout=0.4)
    await until(lambda: {"name": "Rosey", "rank": 3} in mod.of("setUserRank"))
    await nats_client.subscribe(subjects.for_channel(subjects.QUERY_USER_STATS, CHANNEL))
    await nats_client.flush()
    for question, answers in (("stats", 1), ("user Mod", 2)):
        mod.frames.clear()
        began = time.monotonic()
        await mod.whisper("Rosey", question)
        await until(lambda answers=answers: len(mod.whispers("Rosey")) == answers)
        assert time.monotonic() - began < 1.0
        assert mod.whispers("Rosey")[-1] == "Stats unavailable (DatabaseService timeout - is it running?)"


async def test_the_bot_starts_and_answers_without_nats_and_delivers_later(
    process: MakeProcess, nats_server: NatsServer, nats_client: Client, mod: Person
) -> None:
    await streams.ensure(nats_client, streams.StreamLimits())
    nats_server.kill()
    bot = await process(nats_server.url)
    await until(lambda: {"name": "Rosey", "rank": 3} in mod.of("setUserRank"))
    assert not bot.health.ready
    await mod.whisper("Rosey", "stats")
    await until(lambda: mod.whispers("Rosey") == ["Stats unavailable (NATS not connected)"])
    await mod.say("nobody is listening")
    await until(lambda: mod.heard("Mod"))
    nats_server.start()
    await bot.until_ready()

    async def delivered() -> bool:
        lines = await of(nats_client, subjects.MESSAGE_LOG)
        results = [event["result"] for event in await of(nats_client, subjects.PM_COMMAND)]
        return [line["message"] for line in lines] == ["nobody is listening"] and results == ["pending", "error"]

    await until(delivered)


async def test_outbound_messages_are_posted_once_and_reported(
    process: MakeProcess, nats_server: NatsServer, nats_client: Client, mod: Person
) -> None:
    await streams.ensure(nats_client, streams.StreamLimits())
    news = {"id": 7, "timestamp": 1, "message": "news for all", "retry_count": 0, "last_error": None}
    waiting = [[{**news, "claimed_until": 2e9}]]
    await serve(nats_client, subjects.OUTBOUND_CLAIM, lambda question: waiting.pop() if waiting else [])
    await process(nats_server.url)
    await until(lambda: mod.heard("Rosey") == ["news for all"])

    async def reported() -> list[int]:
        return [event["message_id"] for event in await of(nats_client, subjects.OUTBOUND_MARK_SENT)]

    await until(reported)
    assert await reported() == [7]
    assert mod.heard("Rosey") == ["news for all"]


async def test_channels_are_added_to_the_process_and_shown(
    process: MakeProcess, nats_server: NatsServer, nats_client: Client, cytube: SimulatorServer, tmp_path: Path
) -> None:
    await streams.ensure(nats_client, streams.StreamLimits())
    await streams.ensure_buckets(nats_client, streams.StreamLimits())
    (tmp_path / "alice").write_text("pw-Alice")
    bot = await process(nats_server.url, secrets_dir=str(tmp_path))
    entry = {"channel": "den", "server": cytube.url, "user": "Alice", "password": "${file:alice}"}
    await bucket.add(nats_client, entry)

    async def rows() -> list[tuple[str, str, str, str | None]]:
        return [(row.key, row.origin, row.state, row.user) for row in await bucket.read(nats_client)]

    async def both() -> bool:
        return await rows() == [("den", "added", "joined", "Alice"), (CHANNEL, "file", "joined", "Rosey")]

    await until(both)
    await bot.until_ready()
    assert bot.metric('rosey_bot_waiting_channels{reason="connections"} 0.0')
    await bot.stop()
    assert await rows() == [("den", "added", "untold", None)]


async def test_where_a_secret_is_missed_is_said_in_full(
    process: MakeProcess, nats_server: NatsServer, nats_client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await streams.ensure(nats_client, streams.StreamLimits())
    await streams.ensure_buckets(nats_client, streams.StreamLimits())
    monkeypatch.chdir(tmp_path)
    await process(nats_server.url)
    await bucket.add(nats_client, {"channel": "den", "user": "Alice", "password": "${file:alice}"})

    async def is_said() -> bool:
        return any(f"the file {tmp_path}/secrets/alice" in str(row.problem) for row in await bucket.read(nats_client))

    await until(is_said)


async def test_readiness_says_what_is_missing(
    process: MakeProcess, nats_server: NatsServer, nats_client: Client, cytube: SimulatorServer
) -> None:
    await streams.ensure(nats_client, streams.StreamLimits())
    await cytube.stop()
    bot = await process(nats_server.url)
    await until(lambda: "cannot reach" in bot.health.reason)
    assert f"channel {CHANNEL}" in bot.health.reason
    await cytube.start()
    await bot.until_ready()
    await cytube.stop()
    await until(lambda: not bot.health.ready)


async def test_a_nats_server_that_is_too_old_is_named(
    process: MakeProcess, nats_server: NatsServer, nats_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await streams.ensure(nats_client, streams.StreamLimits())
    monkeypatch.setattr(Client, "connected_server_version", ServerVersion("2.10.29"))
    bot = await process(nats_server.url)
    await until(lambda: "nats-server 2.10.29 is too old" in bot.health.reason)
    assert not bot.health.ready


async def test_check_finds_what_would_not_work(cytube: SimulatorServer) -> None:
    good = {"server": cytube.url, "channel": CHANNEL}
    assert await service.check(Config.model_validate({"platforms": [good]})) == []
    away = {"server": "http://127.0.0.1:1", "channel": "elsewhere"}
    [problem] = await service.check(Config.model_validate({"platforms": [good, away]}))
    assert problem.startswith("elsewhere: cannot reach http://127.0.0.1:1")
    assert await service.check(Config()) == ["no channel is enabled: there is nothing to sit in"]


async def test_without_a_channel_it_is_ready_and_says_so(
    nats_server: NatsServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = Config.model_validate({"nats": {"url": nats_server.url}, "bot": {"spool_dir": str(tmp_path / "spool")}})
    process = await Process(config).start()
    await process.until_ready()
    assert "no channel is enabled" in caplog.text
    await process.stop()


async def test_a_spool_that_cannot_be_used_is_bad_configuration(process: MakeProcess, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    config = Config.model_validate(
        {"platforms": [{"channel": CHANNEL}], "bot": {"spool_dir": str(tmp_path / "file" / "spool")}}
    )
    before = set(threading.enumerate())
    with pytest.raises(ConfigError, match="spool_dir"):
        await service.serve(config, Process(config).context)
    assert set(threading.enumerate()) <= before, "nothing is left that would keep the process from ending"


async def test_plugins_are_at_work_and_what_they_do_wrong_is_counted(
    process: MakeProcess, nats_server: NatsServer, mod: Person, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = "from rosey_bot.plugins import Answer, Command\nasync def hail(request):\n    return Answer(['hail'])\n"
    source += "IT = [Command('hail', 'hails', hail), Command('kick', 'hails', hail)]"
    entries = "hail = rosey_hail:IT\nbroken = rosey_nowhere:IT"
    install(monkeypatch, tmp_path / "plugins", "rosey-hail", {"rosey_hail": source}, entries)
    bot = await process(nats_server.url)
    await until(lambda: mod.of("setUserRank") and {"name": "Rosey", "rank": 3} in mod.of("setUserRank"))
    await mod.whisper("Rosey", "hail")
    await until(lambda: mod.whispers("Rosey") == ["hail"])
    assert bot.metric('rosey_bot_plugin_failures_total{plugin="hail",reason="clash"} 1.0')
    assert bot.metric('rosey_bot_plugin_failures_total{plugin="broken",reason="import"} 1.0')
    problems = await service.check(bot.config)
    assert problems == [f"plugin {each}, of which the log says more" for each in ("broken: import", "hail: clash")]
    wanted = bot.config.model_copy(update={"bot": bot.config.bot.model_copy(update={"plugins": ("absent",)})})
    assert await service.check(wanted) == ["plugin absent: missing, of which the log says more"]


async def test_channels_come_go_and_stay_with_the_configuration(
    process: MakeProcess, nats_server: NatsServer, nats_client: Client, cytube: SimulatorServer
) -> None:
    await streams.ensure(nats_client, streams.StreamLimits())
    bot = await process(nats_server.url)
    await bot.until_ready()
    joined = 'rosey_bot_connected{channel="%s"} 1.0'
    await until(lambda: bot.metric(joined % CHANNEL))
    stayed = bot.config
    other = Platform(server=cytube.url, channel="den", user="Rosey", password="pw-Rosey")
    bot.config = stayed.model_copy(update={"platforms": [*stayed.platforms, other]})
    await bot.context.reload.reload()
    await until(lambda: bot.metric(joined % "den"))
    bot.config = stayed
    await bot.context.reload.reload()
    await until(lambda: "channel den" not in bot.health.checks)
    assert not bot.metric(joined % "den")
    assert bot.metric(joined % CHANNEL)
    assert not bot.metric(f'rosey_bot_reconnects_total{{channel="{CHANNEL}"'), "it never left the room that stayed"


async def test_a_password_of_nats_changes_while_the_bot_stays_in_its_room(
    process: MakeProcess,
    make_nats_server: Callable[..., NatsServer],
    mod: Person,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    accounts = 'authorization: {user: rosey, password: "%s"}'
    server = make_nats_server(config=accounts % "old-one")
    address = "nats://rosey:%s@" + server.url.removeprefix("nats://")
    client = await nats.connect(address % "old-one")
    await streams.ensure(client, streams.StreamLimits())
    await client.close()
    bot = await process(address % "old-one")
    await bot.until_ready()
    server.config = accounts % "new-one"
    server.restart()
    await until(lambda: "uthorization" in bot.health.reason)
    await mod.say("said meanwhile")
    await until(lambda: mod.heard("Mod"))
    bot.config = bot.config.model_copy(update={"nats": Nats.model_validate({"url": address % "new-one"})})
    await bot.context.reload.reload()
    await bot.until_ready()
    client = await nats.connect(address % "new-one")

    async def delivered() -> bool:
        return [line["message"] for line in await of(client, subjects.MESSAGE_LOG)] == ["said meanwhile"]

    await until(delivered)
    await client.close()
    assert "reloaded: nats.password" in caplog.text
    assert not bot.metric(f'rosey_bot_reconnects_total{{channel="{CHANNEL}"'), "it never left the room"


async def test_cooldowns_and_what_needs_a_restart(
    process: MakeProcess,
    nats_server: NatsServer,
    nats_client: Client,
    mod: Person,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await streams.ensure(nats_client, streams.StreamLimits())
    bot = await process(nats_server.url, user_cooldown=1000, channel_cooldown=0)
    await bot.until_ready()
    await mod.say("!help")
    await until(lambda: len(mod.heard("Rosey")) == 1)
    settings = bot.config.bot.model_copy(update={"user_cooldown": 0.0, "connections_per_address": 3})
    bot.config = bot.config.model_copy(update={"bot": settings})
    await bot.context.reload.reload()
    await mod.say("!help")
    await until(lambda: len(mod.heard("Rosey")) == 2)
    assert "takes effect after a restart only: bot.connections_per_address" in caplog.text
    assert not bot.metric(f'rosey_bot_reconnects_total{{channel="{CHANNEL}"')


async def test_how_the_bot_is_to_behave_comes_with_the_channel(
    process: MakeProcess, nats_server: NatsServer, nats_client: Client, mod: Person
) -> None:
    await streams.ensure(nats_client, streams.StreamLimits())
    await streams.ensure_buckets(nats_client, streams.StreamLimits())
    manners = await nats_client.jetstream().key_value(streams.CHANNEL_MANNERS)
    await manners.put(CHANNEL, b'{"is_maintained":true,"maintenance_changed":1}')
    bot = await process(nats_server.url)
    await bot.until_ready()
    await mod.whisper("Rosey", "maintenance")
    await until(lambda: any("Maintenance is on" in said for said in mod.whispers("Rosey")))
    await mod.whisper("Rosey", "quiet on")

    async def is_told() -> bool:
        value = (await manners.get(CHANNEL)).value or b""
        return b'"is_quiet":true' in value and b'"is_maintained":true' in value

    await until(is_told)


async def test_a_bot_of_a_pool_holds_its_channel_by_a_lease_and_gives_it_back(
    process: MakeProcess, nats_server: NatsServer, nats_client: Client
) -> None:
    await streams.ensure(nats_client, streams.StreamLimits())
    await streams.ensure_buckets(nats_client, streams.StreamLimits())
    bot = await process(nats_server.url, pool={"enabled": True, "name": "a"}, connection_interval=0.001)
    await bot.until_ready()
    await until(lambda: bot.metric("rosey_bot_pool_channels 1.0"))
    await until(lambda: bot.metric(f'rosey_bot_connected{{channel="{CHANNEL}"}} 1.0'))
    assert bot.metric("rosey_bot_pool_lease_valid 1.0")

    async def workers() -> list[tuple[str, int]]:
        return [(worker.worker, worker.channels) for worker in await pool.read(nats_client)]

    assert await workers() == [("a", 1)]
    await bot.stop()
    assert await workers() == []
    assert await bucket.read(nats_client) == []
