"""A whole Rosey around a crowd."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client

from tests.integration.crowd.harness import World, world
from tests.support.nats_server import NatsServer


@pytest.fixture
async def make_world(tmp_path: Path, nats_server: NatsServer, nats_client: Client) -> AsyncIterator[Callable[..., Any]]:
    """Make a running world: ``await make_world(seed=2)``."""
    async with AsyncExitStack() as stack:

        async def make(**options: Any) -> World:
            return await stack.enter_async_context(world(tmp_path, nats_server.url, nats_client, **options))

        yield make
