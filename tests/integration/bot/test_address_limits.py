"""Many channels from one address, at a server with CyTube's limits: nobody is refused, everybody gets in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from rosey_bot.cytube.backoff import Cause
from rosey_bot.cytube.budget import AddressBudget
from rosey_simulator.limits import Limits
from rosey_simulator.server import SimulatorServer
from tests.integration.bot.harness import ClientHarness
from tests.support.clock import MovableClock
from tests.support.waiting import until

ACCOUNTS = 7
GUESTS = 4
LIMITS = Limits.cytube()

Come = Callable[[AddressBudget | None], list[ClientHarness]]


@pytest.fixture
async def server(clock: MovableClock) -> AsyncIterator[SimulatorServer]:
    """CyTube's limits by a clock that moves when somebody waits for a turn."""
    server = SimulatorServer(clock=clock, limits=LIMITS)
    for number in range(ACCOUNTS):
        server.add_account(f"Rosey{number}", "pw")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def come(server: SimulatorServer) -> AsyncIterator[Come]:
    """Let more come at once than may stay: accounts, then guests, each to a channel of its own."""
    clients: list[ClientHarness] = []

    def come(budget: AddressBudget | None) -> list[ClientHarness]:
        for number in range(ACCOUNTS + GUESTS):
            client = ClientHarness(server)
            is_guest = number >= ACCOUNTS
            name, password = (f"Guest{number}", None) if is_guest else (f"Rosey{number}", "pw")
            options = {} if budget is None else {"budget": budget}
            client.start(name, password, channel=f"room{number}", **options)
            clients.append(client)
        return clients

    # The server's database takes its time, by a clock that stands still between two turns.
    ticking = asyncio.create_task(_tick(server))
    yield come
    ticking.cancel()
    for client in clients:
        await client.stop()


async def _tick(server: SimulatorServer) -> None:
    while True:
        clock = server.site.scheduler.clock
        assert isinstance(clock, MovableClock)
        clock.move(0.001)
        await asyncio.sleep(0.001)


async def test_with_cytubes_limits_nobody_is_refused(server: SimulatorServer, clock: MovableClock, come: Come) -> None:
    async def sleep(seconds: float) -> None:
        # Time passes only when those who have had their turn have arrived.
        await until(lambda: len(server.connections) >= budget.in_use)
        clock.move(seconds)

    began = clock.now
    budget = AddressBudget("the server", monotonic=clock, sleep=sleep)
    clients = come(budget)
    await until(lambda: sum(bool(client.client and not client.client.state.problem) for client in clients) == 10)
    assert [client.causes for client in clients] == [[]] * len(clients)
    assert all(client.logins == 1 for client in clients[:10])
    made = [client.client.state.connections for client in clients if client.client]
    assert sorted(made) == [0, *[1] * (ACCOUNTS + 1), *[2] * (GUESTS - 2)], "guests come in anew, into their own places"
    [late] = [client.client for client in clients if client.client and client.client.state.problem]
    assert late.state.waits_for is not None
    assert late.state.waits_for.text == "a place: the server allows an address 10"
    assert clock.now - began > 120, "guests log in one a minute"
    await clients[0].stop()
    await until(lambda: not late.state.problem)
    assert clients[-1].causes == []


async def test_broken_variant_with_a_budget_for_each_somebody_is_refused(come: Come) -> None:
    clients = come(None)
    await until(lambda: any(Cause.RATE_LIMITED in client.causes for client in clients))
