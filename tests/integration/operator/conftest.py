"""The operator in this process, with an API server to be faulty and a real NATS."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from nats.aio.client import Client
from prometheus_client import CollectorRegistry

from rosey_core import bucket_watch, channel_entries, channel_status, streams
from rosey_core.channel_status import ChannelStatus
from rosey_core.config import Config, Telemetry
from rosey_core.config.reload import Reload
from rosey_core.health import Health, HealthServer
from rosey_core.service import ServiceContext
from rosey_core.streams import StreamLimits
from rosey_core.telemetry.tracing import open_tracing
from rosey_operator import handlers, service
from rosey_operator.controllers import channels, controller
from rosey_operator.kubernetes import leader
from tests.support.kubernetes_api import KubernetesApi, Object
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

BOT = {"app.kubernetes.io/name": "rosey", "app.kubernetes.io/component": "bot"}


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Operator:
    """The service, run in this process."""

    def __init__(self, config: Config, tracing: Telemetry | None = None) -> None:
        self.registry = CollectorRegistry()
        health = Health()
        reload = Reload(config, lambda: config, self.registry)
        server = HealthServer(health, self.registry)
        spans = None if tracing is None else open_tracing(tracing, self.registry, service=service.NAME, version="1")
        self.context = ServiceContext(asyncio.Event(), health, self.registry, server, reload, spans)
        self._config = config
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> Operator:
        self._task = asyncio.create_task(service.serve(self._config, self.context))
        return self

    async def stop(self) -> None:
        self.context.stop.set()
        if self._task is not None:
            await asyncio.wait_for(self._task, 15)

    async def kill(self) -> None:
        """End it as SIGKILL does: nothing is given up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._task = None

    @property
    def health(self) -> Health:
        return self.context.health

    def metric(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0


class Bucket:
    """What stands in NATS, as people and bots see it."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def entries(self) -> dict[str, dict[str, Any]]:
        # What a key holds and whether it is there come in one reading.
        async with bucket_watch.watch(self.client, streams.ADDED_CHANNELS) as found:
            standing = [entry for entry in found.entries.values() if entry.operation is None]
        return {entry.key: channel_entries.decode(entry.value or b"") for entry in standing}

    async def add(self, key: str, entry: dict[str, Any]) -> None:
        bucket = await self.client.jetstream().key_value(streams.ADDED_CHANNELS)
        await bucket.put(key, channel_entries.encode(entry))

    async def beat(self, key: str) -> int:
        bucket = await self.client.jetstream().key_value(streams.CHANNEL_STATUS)
        return await bucket.put(key, b"")

    async def tell(self, key: str, **told: Any) -> None:
        bucket = await self.client.jetstream().key_value(streams.CHANNEL_STATUS)
        status = ChannelStatus(
            **{"key": key, "origin": "added", "state": "joined", "updated": 0.0, "worker": "bot-0", **told}
        )
        await bucket.put(key, channel_status.encode(status))


@pytest.fixture(autouse=True)
def sessions(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[aiohttp.ClientSession]]:
    """The HTTP sessions that were opened; in the end each is closed."""
    opened: list[aiohttp.ClientSession] = []
    right = aiohttp.ClientSession.__init__

    def init(self: aiohttp.ClientSession, *arguments: Any, **options: Any) -> None:
        right(self, *arguments, **options)
        opened.append(self)

    monkeypatch.setattr(aiohttp.ClientSession, "__init__", init)
    yield opened
    assert [session for session in opened if not session.closed] == []


@pytest.fixture
async def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[KubernetesApi]:
    """The API server, with a bot's pod and the Secret that the chart makes; it is that of the KUBECONFIG."""
    server = await KubernetesApi().start()
    monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "kubeconfig")))
    server.put("pods", "bot-0", {"metadata": {"labels": BOT}})
    server.put("pods", "other", {"metadata": {"labels": {"app.kubernetes.io/name": "other"}}})
    server.put("secrets", "rosey-channel-secrets", {})
    yield server
    await server.stop()


@pytest.fixture
async def bucket(nats_client: Client) -> Bucket:
    """The buckets, as the database service makes them."""
    await streams.ensure_buckets(nats_client, StreamLimits())
    return Bucket(nats_client)


MakeOperator = Callable[..., Awaitable[Operator]]


@pytest.fixture
async def make_operator(
    nats_server: NatsServer, api: KubernetesApi, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[MakeOperator]:
    """Start operators, which wait a tenth of the usual times."""
    for module, name, value in (
        (controller, "LOOK_INTERVAL", 0.3),
        (controller, "SHORTEST_INTERVAL", 0.02),
        (controller, "GATHER", 0.01),
        (channels, "SECRET_AGE", 0.2),
        (channels, "NATS_GRACE", 0.3),
        (channels, "AGAIN", 0.1),
        (bucket_watch, "RETRY_WAIT", 0.2),
        (bucket_watch, "LOOK_INTERVAL", 0.05),
        (leader, "RENEW_INTERVAL", 0.1),
        (service, "REPORT_INTERVAL", 0.05),
        (handlers, "RESTART_WAIT", 0.2),
        (handlers, "BACKOFFS", (0.1, 0.1, 0.2, 0.3, 0.5)),
    ):
        monkeypatch.setattr(module, name, value)
    started: list[Operator] = []

    async def make(identity: str = "operator-0", tracing: Telemetry | None = None, **options: Any) -> Operator:
        monkeypatch.setattr(service.socket, "gethostname", lambda: identity)
        config = {"nats": {"url": nats_server.url}, "operator": {"namespace": "chat", **options}}
        started.append(Operator(Config.model_validate(config), tracing))
        return await started[-1].start()

    yield make
    for one in started:
        await one.stop()


@pytest.fixture
async def operator(make_operator: MakeOperator, bucket: Bucket) -> Operator:
    """An operator that is ready."""
    found = await make_operator()
    await until(lambda: found.health.ready, what="ready")
    return found


def conditions(found: Object) -> dict[str, tuple[str, str, str]]:
    """The conditions of an object by type: status, reason, message."""
    told = found.get("status", {}).get("conditions", [])
    return {one["type"]: (one["status"], one["reason"], one["message"]) for one in told}
