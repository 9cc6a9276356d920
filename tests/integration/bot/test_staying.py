"""What keeps a bot out of its room: what it then does and tells, as the table in docs/channels.md says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from rosey_bot.cytube.backoff import Cause
from rosey_bot.cytube.budget import AddressBudget
from rosey_simulator.faults import Relay
from rosey_simulator.limits import Limits
from rosey_simulator.server import SimulatorServer
from tests.integration.bot.harness import CHANNEL, FAST, ClientHarness, Person
from tests.support.waiting import until


@pytest.fixture
async def mod(cytube: SimulatorServer) -> AsyncIterator[Person]:
    """The channel's owner, present."""
    person = await Person(cytube).enter("Mod", "pw-Mod")
    yield person
    await person.leave()


async def test_who_is_banned_waits_for_long(
    client: ClientHarness, mod: Person, caplog: pytest.LogCaptureFixture
) -> None:
    client.start()
    await client.until_ready()
    await mod.say("/ban Rosey enough")
    await until(lambda: len(client.causes) >= 2, what="a ban meets the bot again at the door")
    assert set(client.causes) == {Cause.REFUSED}
    assert "banned from the channel: ask its moderators" in caplog.text


async def test_a_password_that_was_changed_leaves_the_bot_watching(
    client: ClientHarness, caplog: pytest.LogCaptureFixture
) -> None:
    client.start()
    await client.until_ready()
    account = client.server.site.accounts.get("Rosey")
    assert account is not None
    account.password = "another"
    client.server.drop_connections("Rosey")
    await until(lambda: "the password of Rosey is wrong" in client.problem)
    assert client.client is not None
    assert client.client.state.joined_since
    account.password = "pw-Rosey"
    await client.until_ready()
    assert client.causes == [Cause.LOST]


async def test_a_channel_password_that_was_changed_keeps_the_bot_out(
    client: ClientHarness, caplog: pytest.LogCaptureFixture
) -> None:
    room = client.server.add_channel("den", password="sesame")
    client.start(channel="den", channel_password="sesame", user="SomeGuest", password=None)
    await client.until_ready()
    room.options.values["password"] = "mustard"
    client.server.drop_connections("SomeGuest")
    await until(lambda: "the channel password is wrong: check channel_password" in caplog.text)
    assert client.causes[:2] == [Cause.LOST, Cause.REFUSED]
    assert "mustard" not in caplog.text
    assert "sesame" not in caplog.text


async def test_a_slow_server_is_borne(cytube: SimulatorServer, client: ClientHarness) -> None:
    async with Relay("127.0.0.1", cytube.port) as relay:
        relay.delay_seconds = 0.03
        client.start(server=relay.url)
        await client.until_ready()
        assert client.causes == []
        await client.stop()


async def test_a_server_that_does_not_answer_is_left_alone_for_longer_and_longer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = SimulatorServer(limits=Limits(join_seconds=60))
    await server.start()
    client = ClientHarness(server, replace(FAST, answer_timeout=0.05, chance=lambda: 0.5))
    client.start(None, None)
    await until(lambda: len(client.causes) >= 4)
    assert set(client.causes) == {Cause.LOST}
    waits = [float(line.split("next attempt in ")[1].split()[0]) for line in caplog.text.splitlines() if "next" in line]
    assert "no answer to the join" in caplog.text
    assert waits == sorted(waits)
    await client.stop()
    await server.stop()


async def test_a_half_open_connection_is_given_up_and_still_counted(caplog: pytest.LogCaptureFixture) -> None:
    server = SimulatorServer(limits=Limits(ping_interval_seconds=0.1, ping_timeout_seconds=60))
    server.add_channel(CHANNEL)
    await server.start()
    budget = AddressBudget("the server")
    client = ClientHarness(server, replace(FAST, silence=1.5))
    async with Relay("127.0.0.1", server.port) as relay:
        client.start(None, None, server=relay.url, budget=budget)
        await client.until_ready()
        relay.silence()
        await until(lambda: client.causes)
        relay.speak()
        await client.until_ready()
        assert client.causes[0] is Cause.LOST
        assert "the server has fallen silent" in caplog.text
        assert budget.in_use == 2, "the server has not noticed the end of the first"
        await client.stop()
    await server.stop()


async def test_an_encryption_that_fails_is_told_from_a_server_that_is_away(
    cytube: SimulatorServer, client: ClientHarness, caplog: pytest.LogCaptureFixture
) -> None:
    client.start(server=cytube.url.replace("http:", "https:"))
    await until(lambda: client.causes)
    assert client.causes[0] is Cause.UNTRUSTED
    assert "no encrypted connection to https://127.0.0.1" in caplog.text


async def test_what_ended_the_last_connection_stays_known(client: ClientHarness, mod: Person) -> None:
    client.start()
    await client.until_ready()
    await mod.say("/kick Rosey shoo")
    await until(lambda: client.logins == 2)
    await client.until_ready()
    assert client.client is not None
    assert client.client.state.last_failure == "kicked: shoo"
    assert client.client.state.waits_for is None
