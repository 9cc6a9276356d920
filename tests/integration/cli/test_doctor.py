"""``rosey doctor`` on real servers, with what is really wrong with them."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client
from prometheus_client import CollectorRegistry

from rosey_cli import connection
from rosey_cli.doctor import cytube, examination, nats
from rosey_cli.doctor.finding import Finding, Level
from rosey_core import streams, subjects
from rosey_core.config import Platform
from rosey_core.health import Health, HealthServer
from rosey_core.streams import StreamLimits
from rosey_database import DatabaseService
from rosey_simulator.server import SimulatorServer
from tests.integration.cli.story import Publish, Stored, chat
from tests.support.nats_server import NatsServer

Examine = Callable[..., Any]


@pytest.fixture
def examine(tmp_path: Path, database_file: Path, monkeypatch: pytest.MonkeyPatch) -> Examine:
    """The findings for a configuration, by name; the last one of each name that is the worst."""
    monkeypatch.setattr(connection, "CONNECT_S", 2.0)

    async def examine(
        *, logs_in: bool = False, clock: Callable[[], float] = time.time, **sections: Any
    ) -> dict[str, Finding]:
        file = tmp_path / "rosey.json"
        sections.setdefault("platforms", [])
        common = {"version": 2, "database": {"path": str(database_file)}, "bot": {"spool_dir": str(tmp_path / "spool")}}
        file.write_text(json.dumps(common | sections))
        found: dict[str, Finding] = {}
        async for finding in examination.examine(file, logs_in=logs_in, clock=clock):
            before = found.get(finding.name)
            if before is None or list(Level).index(finding.level) >= list(Level).index(before.level):
                found[finding.name] = finding
        return found

    return examine


@pytest.mark.usefixtures("database_service")
async def test_a_healthy_rosey_has_no_problem(
    examine: Examine, nats_server: NatsServer, publish: Publish, stored: Stored
) -> None:
    await stored(await publish(chat(1), chat(2)))
    found = await examine(nats={"url": nats_server.url})
    assert not [finding for finding in found.values() if finding.level is Level.PROBLEM]
    assert found["database service"].reason == "answers requests"
    assert found["lag"].reason == "everything is stored"
    assert "2 events" in found[streams.EVENTS].reason


async def test_no_nats_is_a_problem(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECT_S", 0.3)
    found = (await examine(nats={"url": "nats://127.0.0.1:1"}))["nats"]
    assert found.level is Level.PROBLEM
    assert "cannot be reached" in found.reason
    assert "start nats-server" in found.advice


async def test_a_wrong_password_of_nats_is_a_problem_and_is_not_shown(
    examine: Examine, make_nats_server: Callable[..., NatsServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CONNECT_S", 0.5)
    server = make_nats_server(options=("--user", "rosey", "--pass", "right-one"))
    found = (await examine(nats={"url": server.url, "user": "rosey", "password": "wrong-one"}))["nats"]
    assert found.level is Level.PROBLEM
    assert "refuses the login" in found.reason
    assert "wrong-one" not in str(found)


async def test_a_nats_without_jetstream_is_a_problem(
    examine: Examine, make_nats_server: Callable[..., NatsServer]
) -> None:
    found = await examine(nats={"url": make_nats_server(jetstream=False).url})
    assert (found["nats"].level, found["jetstream"].level) == (Level.OK, Level.PROBLEM)
    assert "--jetstream" in found["jetstream"].advice


async def test_an_old_nats_is_a_problem(
    examine: Examine, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rosey_core.bus.MINIMUM_SERVER", (99, 0))
    found = (await examine(nats={"url": nats_server.url}))["nats"]
    assert found.level is Level.PROBLEM
    assert "too old" in found.reason


async def test_a_service_that_does_not_run_is_a_problem(examine: Examine, nats_server: NatsServer) -> None:
    found = await examine(nats={"url": nats_server.url})
    assert found[streams.EVENTS].level is Level.WARNING
    assert found["database service"].level is Level.PROBLEM


async def test_a_full_stream_dead_letters_and_foreign_subjects_are_told(
    examine: Examine, nats_server: NatsServer, nats_client: Client, publish: Publish
) -> None:
    await streams.ensure(nats_client, StreamLimits(max_bytes=4000))
    await publish(*(chat(number, message="x" * 300) for number in range(20)))
    await nats_client.jetstream().publish(f"{subjects.DEAD_LETTERS}.x", b"")
    found = await examine(nats={"url": nats_server.url})
    assert (found[streams.EVENTS].level, found[streams.DEAD_LETTERS].level) == (Level.WARNING, Level.WARNING)
    assert "raise stream.max_bytes" in found[streams.EVENTS].advice
    assert "rosey dlq" in found[streams.DEAD_LETTERS].advice
    config = streams.event_stream(StreamLimits())
    config.subjects = [subjects.MESSAGE_LOG]
    await nats_client.jsm().update_stream(config)
    assert (await examine(nats={"url": nats_server.url}))[streams.EVENTS].level is Level.PROBLEM


async def test_events_that_wait_are_told(
    examine: Examine,
    nats_server: NatsServer,
    database_service: DatabaseService,
    publish: Publish,
    stored: Stored,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await stored(await publish(chat(1)))
    await database_service.stop()
    await publish(*map(chat, range(2, 5)))
    address = {"url": nats_server.url}
    assert (await examine(nats=address))["lag"].level is Level.OK
    late = (await examine(nats=address, clock=lambda: time.time() + 60))["lag"]
    assert late.level is Level.WARNING
    assert "3 events wait" in late.reason
    monkeypatch.setattr(nats, "LAG_MESSAGES", 2)
    assert (await examine(nats=address))["lag"].level is Level.PROBLEM


@pytest.fixture
async def site() -> AsyncIterator[SimulatorServer]:
    """A site with a channel that asks for no password."""
    server = SimulatorServer()
    server.add_account("Rosey", "pw-Rosey")
    server.add_channel("lobby")
    await server.start()
    yield server
    await server.stop()


async def findings(platforms: list[dict[str, Any]], **options: Any) -> dict[str, Finding]:
    options = {"logs_in": False, **options}
    return {
        finding.name: finding async for finding in cytube.check([Platform(**entry) for entry in platforms], **options)
    }


async def test_a_channel_is_reached_and_the_clock_compared(site: SimulatorServer) -> None:
    found = await findings([{"server": site.url, "channel": "lobby", "user": "Rosey", "password": "pw-Rosey"}])
    assert {name: finding.level for name, finding in found.items()} == {
        "channel lobby": Level.OK,
        "clock": Level.OK,
        "login lobby": Level.OK,
    }
    assert "not tried" in found["login lobby"].reason


@pytest.mark.parametrize(("off", "said"), [(120, "120 s ahead of"), (-120, "120 s behind")])
async def test_a_clock_that_is_off_is_a_problem(site: SimulatorServer, off: float, said: str) -> None:
    found = await findings([{"server": site.url, "channel": "lobby"}], clock=lambda: time.time() + off)
    assert found["clock"].level is Level.PROBLEM
    assert said in found["clock"].reason.replace("119 s", "120 s")


async def test_a_site_that_is_away_is_a_problem_and_no_channel_a_warning() -> None:
    found = await findings([{"server": "http://127.0.0.1:1", "channel": "away"}])
    assert found["channel away"].level is Level.PROBLEM
    assert "cannot reach" in found["channel away"].reason
    assert (await findings([]))["channels"].level is Level.WARNING


@pytest.mark.parametrize(
    ("entry", "level", "said"),
    [
        ({"user": "Rosey", "password": "pw-Rosey"}, Level.OK, "lets Rosey in"),
        ({"user": "Rosey", "password": "wrong-one"}, Level.PROBLEM, "the password of Rosey is wrong"),
        ({"user": "Nobody", "password": "pw-Nobody"}, Level.PROBLEM, "there is no account Nobody"),
    ],
)
async def test_a_login_is_tried_where_it_is_asked_for(
    site: SimulatorServer, entry: dict[str, str], level: Level, said: str
) -> None:
    found = await findings([{"server": site.url, "channel": "lobby", **entry}], logs_in=True)
    assert found["login lobby"].level is level
    assert said in found["login lobby"].reason
    assert entry["password"] not in str(found["login lobby"])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "it asks for a password"),
        ("wrong-key", "the channel password is wrong"),
        ("right-key", "lets Visitor in"),
    ],
)
async def test_a_channel_that_asks_for_a_password_is_tried_with_it(
    site: SimulatorServer, given: str | None, said: str
) -> None:
    site.add_channel("closed", password="right-key")
    entry = {"server": site.url, "channel": "closed", "user": "Visitor"} | (
        {"channel_password": given} if given else {}
    )
    found = (await findings([entry], logs_in=True))["login closed"]
    assert said in found.reason
    assert (found.level is Level.OK) is (given == "right-key")
    assert "-key" not in str(found)


async def test_processes_that_hang_or_are_not_ready_are_problems(
    examine: Examine, nats_server: NatsServer, tmp_path: Path
) -> None:
    health = Health("nats", "channel demo")
    health.ok("nats")
    health.fail("channel demo", "kicked")
    server = HealthServer(health, CollectorRegistry(), "127.0.0.1", 0)
    await server.start()
    (tmp_path / "rosey-bot.json").write_text(json.dumps({"health_url": server.url}))
    (tmp_path / "rosey-database.json").write_text(json.dumps({"health_url": "http://127.0.0.1:1"}))
    found = await examine(nats={"url": nats_server.url})
    assert (found["rosey-bot"].level, found["rosey-bot"].reason) == (Level.PROBLEM, "channel demo: kicked")
    assert found["rosey-database"].level is Level.PROBLEM
    assert "does not answer" in found["rosey-database"].reason
    health.ok("channel demo")
    assert (await examine(nats={"url": nats_server.url}))["rosey-bot"].level is Level.OK
    await server.stop()
