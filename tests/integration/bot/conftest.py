"""A simulated CyTube on a real socket, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from rosey_simulator.server import SimulatorServer
from tests.integration.bot.harness import CHANNEL, ClientHarness


@pytest.fixture
async def cytube() -> AsyncIterator[SimulatorServer]:
    """A server with a channel, the bot's account (rank 3 there) and two people's."""
    server = SimulatorServer()
    for name in ("Rosey", "Mod", "Alice"):
        server.add_account(name, f"pw-{name}")
    server.add_channel(CHANNEL, owner="Mod")
    server.set_channel_rank(CHANNEL, "Rosey", 3)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def client(cytube: SimulatorServer) -> AsyncIterator[ClientHarness]:
    """The bot's client, not started; it waits a hundredth of the usual times."""
    harness = ClientHarness(cytube)
    yield harness
    await harness.stop()
