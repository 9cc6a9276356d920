"""The process rosey-database: its health, its end, and what --check finds."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiohttp
import nats
import pytest
from nats.aio.client import Client

from rosey_core import subjects
from rosey_core.config import Config, ConfigError
from rosey_core.config.models import Retention
from rosey_core.config.reload import Reload
from rosey_core.health import Health, HealthServer
from rosey_core.service import ServiceContext
from rosey_core.telemetry.metrics import new_registry
from rosey_database import BotDatabase, service
from tests.support.nats_server import NatsServer
from tests.support.waiting import until


def configuration(url: str, database: Path | str, **more: Any) -> Config:
    return Config(nats={"url": url}, database={"path": str(database)}, **more)


@asynccontextmanager
async def serving(config: Config, load: Callable[[], Config] | None = None) -> AsyncIterator[ServiceContext]:
    """The service in this process; it is asked to stop at the end, and must."""
    health = Health()
    registry = new_registry("rosey-database", "1.0.0")
    reload = Reload(config, load or (lambda: config), registry)
    context = ServiceContext(asyncio.Event(), health, registry, HealthServer(health, registry), reload)
    task = asyncio.create_task(service.serve(config, context))
    try:
        yield context
    finally:
        context.stop.set()
        await asyncio.wait_for(task, 10)


def read(file: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(statement).fetchall()


async def joined(client: Client, username: str, channel: str | None = None) -> None:
    subject = subjects.for_channel(subjects.USER_JOINED, channel)
    await client.publish(subject, json.dumps({"username": username}).encode())


async def test_it_becomes_ready_stores_and_tells(nats_server: NatsServer, nats_client: Client, tmp_path: Path) -> None:
    file = tmp_path / "bot_data.db"
    config = configuration(nats_server.url, file, platforms=[{"channel": "Lobby"}])
    async with serving(config) as context:
        await until(lambda: context.health.ready)
        assert set(context.health.checks) == {"database", "nats", "ingest"}
        await joined(nats_client, "Ann", "lobby")
        await until(lambda: read(file, "SELECT username, channel_id FROM user_stats") == [("Ann", 1)])
        assert read(file, "SELECT key FROM channels") == [("lobby",)]
        value = context.registry.get_sample_value
        assert await until(lambda: value("rosey_database_size_bytes")) > 10_000
        assert value("rosey_bus_connected") == 1
        assert value("rosey_database_standby") == 0


async def test_its_restart_ends_nobody_s_session(
    nats_server: NatsServer, nats_client: Client, database_file: Path
) -> None:
    async with serving(configuration(nats_server.url, database_file)) as context:
        await until(lambda: context.health.ready)
        await joined(nats_client, "Ann")
        await until(lambda: read(database_file, "SELECT 1 FROM user_stats"))
    ((started,),) = read(database_file, "SELECT current_session_start FROM user_stats")
    assert started is not None


async def test_it_is_unready_while_nats_is_away(nats_server: NatsServer, database_file: Path) -> None:
    async with serving(configuration(nats_server.url, database_file)) as context:
        await until(lambda: context.health.ready)
        nats_server.kill()
        await until(lambda: not context.health.checks["nats"].ok)
        assert context.health.alive
        assert context.health.checks["database"].ok
        nats_server.start()
        await until(lambda: context.health.ready)


async def test_it_is_unready_and_says_so_without_jetstream(
    make_nats_server: Callable[..., NatsServer], database_file: Path
) -> None:
    server = make_nats_server(jetstream=False)
    async with serving(configuration(server.url, database_file)) as context:
        await until(lambda: "JetStream" in context.health.reason)
        assert context.health.checks["nats"].ok


async def test_it_is_unready_while_too_much_waits(
    nats_server: NatsServer, database_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "LAG_LIMIT", -1)
    async with serving(configuration(nats_server.url, database_file)) as context:
        await until(lambda: "wait to be stored" in context.health.reason)


async def test_another_retention_counts_without_a_restart(
    nats_server: NatsServer, database_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(database_file)) as connection, connection:
        connection.execute(
            "INSERT INTO recent_chat (timestamp, username, message) VALUES (?, 'Ann', 'hi')", [time.time() - 3600]
        )
    before = configuration(nats_server.url, database_file)
    after = configuration("nats://elsewhere", database_file, bot={"user_cooldown": 1})
    after = after.model_copy(
        update={"database": after.database.model_copy(update={"retention": Retention(chat_hours=0.5)})}
    )
    databases: list[BotDatabase] = []

    def kept(*arguments: Any, **options: Any) -> BotDatabase:
        databases.append(BotDatabase(*arguments, **options))
        return databases[0]

    monkeypatch.setattr(service, "BotDatabase", kept)
    async with serving(before, lambda: after) as context:
        await until(lambda: context.health.ready)
        assert (await databases[0].perform_maintenance())["recent_chat"] == 0
        await context.reload.reload()
        assert (await databases[0].perform_maintenance())["recent_chat"] == 1


async def test_a_password_of_nats_changes_while_it_is_at_work(
    make_nats_server: Callable[..., NatsServer], database_file: Path
) -> None:
    accounts = 'authorization: {user: rosey, password: "%s"}'
    server = make_nats_server(config=accounts % "old-one")
    address = "nats://rosey:%s@" + server.url.removeprefix("nats://")
    before, after = (configuration(address % password, database_file) for password in ("old-one", "new-one"))
    async with serving(before, lambda: after) as context:
        await until(lambda: context.health.ready)
        server.config = accounts % "new-one"
        server.restart()
        await until(lambda: "uthorization" in context.health.reason)
        await context.reload.reload()
        await until(lambda: context.health.ready)


async def test_it_waits_for_a_database_that_cannot_be_opened_yet(
    nats_server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "CONNECT_INTERVAL_S", 0.01)
    folder = tmp_path / "not mounted yet"
    async with serving(configuration(nats_server.url, folder / "bot_data.db")) as context:
        await until(lambda: "its folder exists" in context.health.reason)
        folder.mkdir()
        await until(lambda: context.health.ready)


async def test_it_can_be_stopped_while_it_waits_for_the_database(nats_server: NatsServer, tmp_path: Path) -> None:
    async with serving(configuration(nats_server.url, tmp_path / "missing" / "x.db")) as context:
        await until(lambda: "its folder exists" in context.health.reason)


async def test_a_database_that_fails_makes_it_unready(nats_server: NatsServer, database_file: Path) -> None:
    async with serving(configuration(nats_server.url, database_file)) as context:
        await until(lambda: context.health.ready)
        with closing(sqlite3.connect(database_file)) as connection:
            connection.execute("ALTER TABLE channels RENAME TO hidden")
        await until(lambda: not context.health.checks["database"].ok)
        with closing(sqlite3.connect(database_file)) as connection:
            connection.execute("ALTER TABLE hidden RENAME TO channels")
        await until(lambda: context.health.ready)


async def test_it_outlives_that_the_folder_of_the_database_is_gone_for_a_while(
    nats_server: NatsServer, nats_client: Client, tmp_path: Path
) -> None:
    folder, elsewhere = tmp_path / "volume", tmp_path / "elsewhere"
    folder.mkdir()
    file = folder / "bot_data.db"
    async with serving(configuration(nats_server.url, file)) as context:
        await until(lambda: context.health.ready)
        folder.rename(elsewhere)
        await until(lambda: not context.health.checks["database"].ok)
        assert "No such file" in context.health.reason
        await joined(nats_client, "Ann")
        elsewhere.rename(folder)
        await until(lambda: read(file, "SELECT username FROM user_stats") == [("Ann",)])
        await until(lambda: context.health.ready)


async def test_it_goes_on_where_looking_at_it_fails(
    nats_server: NatsServer,
    nats_client: Client,
    database_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(configuration(nats_server.url, database_file)) as context:
        await until(lambda: context.health.ready)
        monkeypatch.setattr(service, "measure_checkpoints", lambda *_: 1 / 0)
        await until(lambda: "looking at the service failed" in caplog.text)
        await joined(nats_client, "Ann")
        await until(lambda: read(database_file, "SELECT username FROM user_stats") == [("Ann",)])


async def test_it_goes_on_counting_rows_after_an_error_of_any_kind(
    nats_server: NatsServer, database_file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(service, "ROWS_INTERVAL_S", 0.01)
    async with serving(configuration(nats_server.url, database_file)) as context:
        value = context.registry.get_sample_value
        await until(lambda: value("rosey_database_rows", {"table": "channels"}) == 1)
        with monkeypatch.context() as patch:
            patch.setattr(BotDatabase, "row_counts", lambda _: 1 / 0)
            await until(lambda: "counting rows failed" in caplog.text)
        with closing(sqlite3.connect(database_file)) as connection, connection:
            connection.execute("INSERT INTO channels (key) VALUES ('lobby')")
        await until(lambda: value("rosey_database_rows", {"table": "channels"}) == 2)


async def test_check_finds_nothing_wrong_and_touches_nothing(nats_server: NatsServer, tmp_path: Path) -> None:
    assert await service.check(configuration(nats_server.url, tmp_path / "new.db")) == []
    assert not (tmp_path / "new.db").exists()


async def test_check_tells_everything_that_is_wrong(
    make_nats_server: Callable[..., NatsServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "CHECK_TIMEOUT_S", 0.2)
    garbage = tmp_path / "garbage.db"
    await asyncio.to_thread(garbage.write_bytes, b"no database at all" * 100)
    (database, connection) = await service.check(configuration("nats://127.0.0.1:1", garbage))
    assert "not a database" in database
    assert "cannot be reached" in connection
    (missing, jetstream) = await service.check(
        configuration(make_nats_server(jetstream=False).url, tmp_path / "missing" / "x.db")
    )
    assert "cannot be written" in missing
    assert "JetStream" in jetstream


async def test_only_sqlite_files_are_taken_as_an_address(nats_server: NatsServer, tmp_path: Path) -> None:
    file = tmp_path / "by_address.db"
    config = Config(nats={"url": nats_server.url}, database={"url": f"sqlite:///{file}"})
    async with serving(config) as context:
        await until(lambda: context.health.ready)
    assert read(file, "SELECT key FROM channels") == [("",)]
    wrong = Config(database={"url": "mysql://rosey:hunter2@localhost/rosey"})
    with pytest.raises(ConfigError, match=r"database\.url") as caught:
        await service.check(wrong)
    assert "hunter2" not in str(caught.value)


async def test_the_process_ends_in_good_order_on_sigterm(nats_server: NatsServer, tmp_path: Path) -> None:
    file, ready = tmp_path / "bot_data.db", tmp_path / "ready.json"
    config = tmp_path / "config.json"
    settings = {"version": 2, "nats": {"url": nats_server.url}, "database": {"path": str(file)}}
    await asyncio.to_thread(config.write_text, json.dumps(settings))
    command = [str(Path(sys.executable).with_name("rosey-database")), str(config)]
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "ROSEY_READY_FILE": str(ready)},
    )
    try:
        client = await nats.connect(nats_server.url)

        async def serves() -> bool:
            try:
                return bool((await client.request(subjects.QUERY_CHANNEL_STATS, timeout=1)).data)
            except nats.errors.Error:
                return False

        await until(serves, timeout=20)
        await joined(client, "Ann")
        await until(lambda: read(file, "SELECT 1 FROM user_stats"))
        process.send_signal(signal.SIGTERM)
        output, _ = await asyncio.wait_for(process.communicate(), 10)
        assert process.returncode == 0, output
        assert read(file, "SELECT current_session_start IS NOT NULL FROM user_stats") == [(1,)]
        assert not file.with_name("bot_data.db-wal").exists()
        await client.close()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def test_it_serves_the_api_where_that_is_configured(
    nats_server: NatsServer, database_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    config = Config(
        nats={"url": nats_server.url}, database={"path": str(database_file), "api": {"enabled": True, "port": 0}}
    )
    async with serving(config) as context:
        await until(lambda: context.health.ready)
        assert context.health.checks["api"].ok
        (url,) = re.findall(r"the API is at (\S+)", caplog.text)
        async with aiohttp.ClientSession() as session, session.get(f"{url}/v1/status") as answer:
            assert answer.status == 401
        count = context.registry.get_sample_value
        assert count("rosey_database_api_requests_total", {"route": "/v1/status", "status": "401"}) == 1


async def test_it_stores_while_another_program_has_the_api_s_port(
    nats_server: NatsServer, nats_client: Client, database_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "CONNECT_INTERVAL_S", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        config = Config(
            nats={"url": nats_server.url}, database={"path": str(database_file), "api": {"enabled": True, "port": port}}
        )
        async with serving(config) as context:
            await until(lambda: re.fullmatch("api: cannot listen[^;]*", context.health.reason))
            await joined(nats_client, "Ann")
            await until(lambda: read(database_file, "SELECT username FROM user_stats") == [("Ann",)])
            assert "cannot listen" in context.health.reason
            other.close()
            await until(lambda: context.health.ready)
