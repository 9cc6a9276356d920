"""A pool, its rooms, and a CyTube that lets it connect as often as it likes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.aio.client import Client

from rosey_core import streams
from rosey_core.streams import StreamLimits
from rosey_simulator.server import SimulatorServer
from tests.integration.pool.harness import BOT, Pool
from tests.support.nats_server import NatsServer


@pytest.fixture
async def pool(nats_server: NatsServer, nats_client: Client, tmp_path: Path) -> AsyncIterator[Pool]:
    """Nothing started yet; the buckets are there."""
    await streams.ensure_buckets(nats_client, StreamLimits())
    cytube = SimulatorServer()
    for name in (BOT, "Mod"):
        cytube.add_account(name, f"pw-{name}")
    await cytube.start()
    pool = Pool(cytube, nats_server, tmp_path)
    yield pool
    await pool.close()
    await cytube.stop()
