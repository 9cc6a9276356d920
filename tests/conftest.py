"""Fixtures for every test. A server belongs to one test: it starts in some 20 ms, and ends with the test."""

from __future__ import annotations

import gc
import logging
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from nats.aio.client import Client

from rosey_core.bus import end_reconnecting
from rosey_core.client import MendedClient
from rosey_core.telemetry import logs
from rosey_core.telemetry.logs import Redaction
from rosey_database import BotDatabase, DatabaseService, migrations
from rosey_database.sqlite import Location
from tests.support import secrets
from tests.support.clock import MovableClock
from tests.support.nats_server import NatsServer

# A deadline is about speed, and measures what else the machine does.
settings.register_profile("rosey", deadline=None)
settings.load_profile("rosey")

if hasattr(signal, "SIGHUP"):
    # Under nohup it is ignored, here and in all that a test starts: services then outlive their terminal, rightly.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """Collect without a look for garbage, and never look through what was collected: none of it becomes any."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True)
def _log_levels() -> Iterator[None]:
    """Take back what a test makes of log levels: commands quieten parts of their process."""
    loggers = [logging.getLogger(name) for name in ("", "rosey_core.bus", "alembic", "aiohttp.access")]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture(autouse=True)
def _masked_secrets() -> Iterator[None]:
    """Mask in each test the secrets of its own alone: what is a secret in one is an ordinary word in the next."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs, "_REDACTION", Redaction())
        yield


@pytest.fixture(autouse=True)
def _no_secret_in_a_log(request: pytest.FixtureRequest) -> Iterator[None]:
    """No process that a test starts may log a secret of its configuration."""
    folder: Path | None = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    if folder is not None:
        assert secrets.logged(folder) == {}


@pytest.fixture
def make_nats_server(tmp_path: Path) -> Iterator[Callable[..., NatsServer]]:
    """Make started servers with options of ``NatsServer``: ``make_nats_server(config="max_payload: 1000")``."""
    servers: list[NatsServer] = []

    def make(**options: Any) -> NatsServer:
        server = NatsServer(tmp_path / f"nats-{len(servers)}", **options)
        servers.append(server)
        server.start()
        return server

    yield make
    for server in servers:
        server.kill()


@pytest.fixture
def nats_server(make_nats_server: Callable[..., NatsServer]) -> NatsServer:
    """A started nats-server with JetStream and nothing in it."""
    return make_nats_server()


@pytest.fixture
async def nats_client(nats_server: NatsServer) -> AsyncIterator[Client]:
    """A client of ``nats_server`` without the shortcut, to look at what the code under test did; reconnects fast."""

    async def expect_errors(error: Exception) -> None:
        """Tests kill servers; that this client notices is no news."""

    client = MendedClient()
    await client.connect(nats_server.url, max_reconnect_attempts=-1, reconnect_time_wait=0.02, error_cb=expect_errors)  # type: ignore[arg-type]
    yield client
    try:
        await client.close()
    except OSError:
        # The test has killed the server.
        pass
    finally:
        await end_reconnecting(client)


@pytest.fixture
def clock() -> MovableClock:
    """A clock that the test moves; ``temp_database`` goes by it."""
    return MovableClock()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a database with nothing in it, made once by the migrations; copy it, never open it."""
    file = tmp_path_factory.mktemp("database") / "empty.db"
    migrations.upgrade(Location.of(file))
    return file


@pytest.fixture
def database_file(empty_database: Path, tmp_path: Path) -> Path:
    """The file of a database of the test's own, up to date and with nothing in it."""
    return Path(shutil.copy(empty_database, tmp_path / "bot_data.db"))


@pytest.fixture
async def temp_database(database_file: Path, clock: MovableClock) -> AsyncIterator[BotDatabase]:
    """A connected ``BotDatabase`` on a file of the test's own; time passes by ``clock``."""
    database = BotDatabase(database_file, clock=clock)
    await database.connect()
    yield database
    await database.close()


@pytest.fixture
async def database_service(nats_client: Client, temp_database: BotDatabase) -> AsyncIterator[DatabaseService]:
    """A started ``DatabaseService`` on ``nats_client`` and ``temp_database``: what is published now is stored."""
    service = DatabaseService(nats_client, temp_database)
    await service.start()
    yield service
    await service.stop()
