"""The API on a real socket, over a started service, and a program that holds a token."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from rosey_core.telemetry.metrics_database import DatabaseMetrics
from rosey_database import BotDatabase, DatabaseService
from rosey_database.api.posting_rate import PostingRate
from rosey_database.api.server import ApiServer
from rosey_database.observation import ApiObserver
from tests.support.clock import MovableClock


class Answered:
    """What came back."""

    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


class Program:
    """An external program; without a token it shows none."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str | None) -> None:
        self._session = session
        self.url = url
        self.token = token

    async def ask(self, method: str, path: str, headers: dict[str, str] | None = None, **options: Any) -> Answered:
        """Send a request; ``headers`` come to, or take the place of, the one that shows the token."""
        shown = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        async with self._session.request(
            method, f"{self.url}{path}", headers={**shown, **(headers or {})}, **options
        ) as response:
            return Answered(response.status, response.headers, await response.read())

    async def get(self, path: str, **options: Any) -> Answered:
        return await self.ask("GET", path, **options)

    async def post(self, message: str, **fields: Any) -> Answered:
        return await self.ask("POST", "/v1/messages", json={"message": message, **fields})


@pytest.fixture
def registry() -> CollectorRegistry:
    """Where the API's metrics are."""
    return CollectorRegistry()


@pytest.fixture
async def api(
    temp_database: BotDatabase, database_service: DatabaseService, clock: MovableClock, registry: CollectorRegistry
) -> AsyncIterator[ApiServer]:
    """The API of ``database_service``; how fast it lets a token post goes by ``clock``."""
    server = ApiServer(
        temp_database,
        database_service.answer,
        observer=ApiObserver(DatabaseMetrics(registry)),
        rate=PostingRate(clock=clock),
    )
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as one:
        yield one


@pytest.fixture
async def program(api: ApiServer, temp_database: BotDatabase, session: aiohttp.ClientSession) -> Program:
    """A program that holds a token."""
    return Program(session, api.url, await temp_database.generate_api_token("a program"))
