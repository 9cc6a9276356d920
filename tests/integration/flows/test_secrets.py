"""Secrets everywhere, right ones and wrong ones, and none of them in a log, a metric, or what a service says."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from prometheus_client import CollectorRegistry

from rosey_bot import service as bot_service
from rosey_core.config import Config, ConfigError, load
from rosey_core.config.reload import Reload
from rosey_core.health import Health, HealthServer
from rosey_core.service import ServiceContext
from rosey_core.telemetry import logs
from rosey_core.telemetry.metrics import exposition
from rosey_core.telemetry.tracing import open_tracing
from rosey_database import service as database_service
from rosey_simulator.server import SimulatorServer
from tests.integration.bot.harness import CHANNEL, Person
from tests.support import proxies
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

ACCOUNT, DOOR, NATS, TOKEN, EXPORT = "acc0unt word/1", "d00r&word", "n@ts:w0rd", "t0ken.w0rd", "exp0rt=w0rd"
PROXY = proxies.PASSWORD
SECRETS = (ACCOUNT, DOOR, NATS, TOKEN, EXPORT, PROXY)

Serve = Callable[[Config, ServiceContext], Awaitable[None]]


class Run:
    """A service in this process, and everything that it says."""

    def __init__(self, serve: Serve, config: Config) -> None:
        self.config = config
        self.registry, self.health = CollectorRegistry(), Health()
        reload = Reload(config, lambda: config, self.registry)
        server = HealthServer(self.health, self.registry)
        tracing = open_tracing(config.telemetry, self.registry, service="rosey", version="1")
        self.context = ServiceContext(asyncio.Event(), self.health, self.registry, server, reload, tracing)
        self._task = asyncio.create_task(serve(config, self.context))  # type: ignore[arg-type]

    def said(self) -> str:
        """Metrics in both forms, and health."""
        texts = [exposition(self.registry, accept)[0].decode() for accept in ("", "application/openmetrics-text")]
        checks = {name: check.reason for name, check in self.health.checks.items()}
        return "\n".join([*texts, json.dumps(checks), self.health.reason, repr(self.config)])

    async def stop(self) -> None:
        self.context.stop.set()
        await asyncio.wait_for(asyncio.gather(self._task), 10)
        if self.context.tracing is not None:
            self.context.tracing.close(0.0)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All that is logged while the test runs, down to the least."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("DEBUG", "json", stream)
    yield stream
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
async def start(
    cytube: SimulatorServer, tmp_path: Path, database_file: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., Run]]:
    """Start a service that is told of a secret wherever it can be."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"authorization=Bearer%20{quote(EXPORT)}")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    cytube.add_account("Keeper", ACCOUNT)
    cytube.add_channel("closed", owner="Mod", password=DOOR)
    cytube.set_channel_rank("closed", "Keeper", 3)
    runs: list[Run] = []

    def make(serve: Serve, nats: str, proxy: str, *, password: str = ACCOUNT, door: str = DOOR) -> Run:
        platform = {"server": f"http://{proxies.HOST}:{cytube.port}", "proxy": proxy, "user": "Keeper"}
        file = tmp_path / "config.json"
        file.write_text(
            json.dumps(
                {
                    "version": 2,
                    "platforms": [
                        {**platform, "channel": CHANNEL, "password": password, "channel_password": door},
                        {**platform, "channel": "closed", "channel_password": door, "user": None},
                    ],
                    "nats": {"url": nats},
                    "database": {"path": str(database_file)},
                    "bot": {"spool_dir": str(tmp_path / "spool")},
                    # Nobody listens there.
                    "telemetry": {"endpoint": "http://127.0.0.1:9", "sample_ratio": 1.0},
                }
            )
        )
        runs.append(Run(serve, load(file)))
        return runs[-1]

    yield make
    for run in runs:
        await run.stop()


def leaks(*texts: str) -> set[str]:
    """The secrets that are in these texts, however they are spelt."""
    text = "\n".join(texts)
    return {
        secret
        for secret in SECRETS
        if any(form in text for form in (secret, quote(secret, safe=""), quote(secret), json.dumps(secret)[1:-1]))
    }


def secured(make_nats_server: Callable[..., NatsServer]) -> tuple[NatsServer, str]:
    """A NATS with a password, and its address with it."""
    server = make_nats_server(config=f'authorization {{user: rosey, password: "{NATS}"}}')
    return server, server.url.replace("nats://", f"nats://rosey:{quote(NATS, safe='')}@")


def test_the_search_finds_what_is_there() -> None:
    assert leaks(f"x{quote(NATS, safe='')}y", ACCOUNT) == {NATS, ACCOUNT}


async def test_with_the_right_ones(
    start: Any, make_nats_server: Any, cytube: SimulatorServer, enter: Any, log: io.StringIO
) -> None:
    _, url = secured(make_nats_server)
    async with proxies.Proxy("socks5", password=True) as proxy:
        runs = [start(serve, url, proxy.url()) for serve in (database_service.serve, bot_service.serve)]
        await until(lambda: all(run.health.ready for run in runs), what=str([run.health.reason for run in runs]))
        mod: Person = await enter("Mod")
        for text in (f"add {ACCOUNT}", f"{DOOR}", "stats"):
            await mod.send("pm", {"to": "Keeper", "msg": text, "meta": {}})
        await until(lambda: len(mod.of("pm")) >= 3)
        # Whatever a library should log of it, from anywhere.
        told = [secret for secret in SECRETS if secret != TOKEN]
        for secret in told:
            logging.getLogger("library").error("connecting with %s", {"password": secret})
        await until(lambda: "127.0.0.1:9" in log.getvalue())
        assert log.getvalue().count(f"'password': '{logs.MASK}'") == len(told)
        assert "joined" in log.getvalue()
        assert leaks(log.getvalue(), *(run.said() for run in runs)) == set()
        for run in runs:
            await run.stop()


async def test_with_wrong_ones(
    start: Any, make_nats_server: Any, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_service, "CHECK_TIMEOUT_S", 0.3)
    server, _ = secured(make_nats_server)
    async with proxies.Proxy("http", password=True) as proxy:
        bot = start(
            bot_service.serve, server.url.replace("://", f"://{TOKEN}@"), proxy.url(), password=DOOR, door=TOKEN
        )
        database = start(
            database_service.serve, server.url.replace("://", f"://rosey:{EXPORT}@"), proxy.url(PROXY[::-1])
        )
        await until(lambda: "Authorization Violation" in database.health.reason)
        await until(lambda: log.getvalue().lower().count("password") >= 2, what=log.getvalue())
        problems = [*await bot_service.check(bot.config), *await database_service.check(database.config)]
        assert problems
        assert leaks(log.getvalue(), bot.said(), database.said(), *problems) == set()
        for run in (bot, database):
            await run.stop()


@pytest.mark.parametrize(
    "wrong",
    [
        {"nats": {"url": f"ftp://rosey:{TOKEN}@host"}},
        {"nats": {"url": f"nats://rosey:{TOKEN}@host:port"}},
        {"platforms": [{"channel": "a b", "password": TOKEN}]},
        {"platforms": [{"channel": "lobby", "password": [TOKEN, TOKEN]}]},
        {"platforms": [{"channel": "lobby", "proxy": f"gopher://u:{TOKEN}@host"}]},
        {"platforms": [{"channel": "lobby", "passwort": TOKEN}]},
        {"database": {"url": f"mysql://u:{TOKEN}@host/x"}},
        {"telemetry": {"endpoint": f"http://u:{TOKEN}@host"}},
    ],
)
def test_a_configuration_that_is_refused_is_refused_without_them(wrong: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"version": 2, **wrong}))
    try:
        said = repr(load(file))
    except ConfigError as error:
        said = str(error)
    assert leaks(said) == set()
