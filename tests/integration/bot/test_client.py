"""The connection to CyTube over a real socket: joining, logging in, being thrown out, coming back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from rosey_bot.cytube.backoff import DELAYS, Cause
from rosey_bot.cytube.sending import Outcome
from rosey_core.events import ChatMessage, StatusUpdate, UserLeft, UsersPresent
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


async def test_an_account_joins_logs_in_and_learns_its_rank(client: ClientHarness) -> None:
    client.start()
    await client.until_ready()
    assert client.room.own_name == "Rosey"
    assert client.room.own_rank == 3
    assert client.logins == 1


async def test_the_name_is_taken_as_cytube_spells_it(client: ClientHarness) -> None:
    client.start("rOSEY", "pw-Rosey")
    await client.until_ready()
    assert client.room.own_name == "Rosey"


async def test_a_guest_joins_without_waiting_for_a_rank(client: ClientHarness) -> None:
    client.start("SomeGuest", None)
    await client.until_ready()
    assert (client.room.own_name, client.room.own_rank) == ("SomeGuest", 0)


async def test_without_a_name_the_bot_watches(client: ClientHarness) -> None:
    client.start(None, None)
    await client.until_ready()
    assert client.room.own_name is None
    assert (await client.sending.say("hello")).outcome is Outcome.PREVENTED


@pytest.mark.parametrize(
    ("user", "password", "problem", "cause"),
    [
        ("Rosey", "wrong", "the password of Rosey is wrong", "wrong_password"),
        ("Nobody", "pw", "there is no account Nobody", "no_account"),
        ("Alice", None, "give its password", "name_registered"),
        ("site-admin", None, "reserves the name", "name_invalid"),
        ("x" * 21, None, "is no name that CyTube allows", "name_invalid"),
    ],
)
async def test_a_refused_login_says_what_to_do_and_stays_in_the_room(
    client: ClientHarness, caplog: pytest.LogCaptureFixture, user: str, password: str | None, problem: str, cause: str
) -> None:
    client.start(user, password)
    await until(lambda: problem in client.problem)
    assert client.client is not None
    assert client.client.state.joined_since
    assert client.client.state.cause == cause
    assert problem in caplog.text
    assert client.causes == []


async def test_secrets_stay_out_of_the_log(client: ClientHarness, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client.start("Rosey", "hush-hush", channel_password="open-sesame")
    await until(lambda: "is wrong" in client.problem)
    assert "hush-hush" not in caplog.text
    assert "open-sesame" not in caplog.text
    assert "hush-hush" not in repr(vars(client.client))


async def test_the_channel_password_opens_the_door(client: ClientHarness) -> None:
    client.server.add_channel("secret", password="sesame")
    client.start("SomeGuest", None, channel="secret", channel_password="sesame")
    await client.until_ready()


@pytest.mark.parametrize(
    ("given", "problem"), [(None, "it asks for a password"), ("wrong", "the channel password is wrong")]
)
async def test_a_closed_door_is_explained(client: ClientHarness, given: str | None, problem: str) -> None:
    client.server.add_channel("secret", password="sesame")
    client.start("SomeGuest", None, channel="secret", channel_password=given)
    await until(lambda: problem in client.problem)
    assert client.client is not None
    assert client.client.state.cause == "channel_password"
    assert client.causes[0] is Cause.REFUSED


async def test_a_moderator_needs_no_channel_password(client: ClientHarness) -> None:
    client.server.add_channel("secret", password="sesame")
    client.server.set_channel_rank("secret", "Rosey", 2)
    client.start(channel="secret")
    await client.until_ready()
    assert client.room.own_rank == 2


async def test_a_member_below_moderator_needs_the_channel_password(client: ClientHarness) -> None:
    client.server.add_channel("secret", password="sesame")
    client.policy = replace(FAST, answer_timeout=0.3)
    client.start(channel="secret")
    await until(lambda: "it asks for a password" in client.problem)


async def test_a_wrong_login_at_a_closed_door_is_explained(client: ClientHarness) -> None:
    client.server.add_channel("secret", password="sesame")
    client.start("Rosey", "wrong", channel="secret")
    await until(lambda: "the password of Rosey is wrong" in client.problem)
    assert client.causes[0] is Cause.REFUSED


async def test_a_channel_closed_to_anonymous_users_is_joined_by_the_login(client: ClientHarness) -> None:
    client.server.channel(CHANNEL).options.values["block_anonymous_users"] = True
    client.policy = replace(FAST, answer_timeout=0.3)
    client.start()
    await client.until_ready()
    assert client.room.own_name == "Rosey"


async def test_a_kick_is_waited_out(client: ClientHarness, mod: Person, caplog: pytest.LogCaptureFixture) -> None:
    client.start()
    await client.until_ready()
    await mod.say("/kick Rosey out you go")
    await until(lambda: client.causes)
    assert client.causes == [Cause.KICKED]
    await until(lambda: "kicked: out you go" in caplog.text)
    await client.until_ready()
    assert client.logins == 2


async def test_a_duplicate_login_is_not_answered_in_kind(cytube: SimulatorServer, client: ClientHarness) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.Event().wait()

    client.policy = replace(FAST, delays=DELAYS)
    client.start(sleep=sleep)
    await client.until_ready()
    other = await Person(cytube).enter("Rosey", "pw-Rosey")
    await until(lambda: waits)
    assert client.causes == [Cause.DUPLICATE_LOGIN]
    assert waits[0] >= 60
    await other.leave()


async def test_a_lost_connection_is_made_again_and_no_one_has_left(client: ClientHarness, mod: Person) -> None:
    client.start()
    await client.until_ready()
    await mod.say("said before")
    await until(lambda: client.sink.of(ChatMessage))
    client.server.drop_connections("Rosey")
    await until(lambda: client.logins == 2)
    assert client.causes == [Cause.LOST]
    assert client.sink.of(UserLeft) == []
    joins = [event for event in client.sink.of(UsersPresent) if event.unseen_since is not None]
    assert len(joins) == 1
    live, replay = client.sink.of(ChatMessage)
    assert live.id == replay.id
    assert (live.replayed, replay.replayed) == (False, True)
    assert [status.status_data.bot_connected for status in client.sink.of(StatusUpdate)][:3] == [True, False, True]


async def test_a_restarted_server_is_joined_again(client: ClientHarness) -> None:
    client.start()
    await client.until_ready()
    await client.server.restart(down_seconds=0.1)
    await until(lambda: client.logins == 2)
    assert client.causes[0] is Cause.LOST
    assert set(client.causes[1:]) <= {Cause.UNREACHABLE}


async def test_a_server_that_is_away_is_waited_for(client: ClientHarness) -> None:
    await client.server.stop()
    client.start()
    await until(lambda: len(client.causes) >= 2)
    assert set(client.causes) == {Cause.UNREACHABLE}
    assert "cannot reach" in client.problem
    await client.server.start()
    await client.until_ready()


async def test_a_refused_connection_is_told_from_others() -> None:
    server = SimulatorServer(limits=Limits(connection_bucket=1))
    server.add_channel(CHANNEL)
    await server.start()
    first, second = ClientHarness(server), ClientHarness(server)
    first.start("GuestOne", None)
    await first.until_ready()
    second.start("GuestTwo", None)
    await until(lambda: second.causes)
    assert second.causes[0] is Cause.RATE_LIMITED
    await first.stop()
    await second.stop()
    await server.stop()


async def test_too_many_connections_of_an_address_are_told_from_other_kicks() -> None:
    server = SimulatorServer(limits=Limits(connections_per_address=1))
    server.add_channel(CHANNEL)
    await server.start()
    first, second = ClientHarness(server), ClientHarness(server)
    first.start("GuestOne", None)
    await first.until_ready()
    second.start("GuestTwo", None)
    await until(lambda: second.causes)
    assert second.causes[0] is Cause.RATE_LIMITED
    await first.stop()
    await second.stop()
    await server.stop()


async def test_a_channel_that_nobody_has_registered_is_told_once(
    client: ClientHarness, caplog: pytest.LogCaptureFixture
) -> None:
    client.start(channel="loby")
    await client.until_ready()
    client.server.drop_connections("Rosey")
    await until(lambda: client.logins == 2)
    assert caplog.text.count("no such channel registered: is the name right?") == 1
    note = f"{client.server.url} has no such channel registered: is the name right?"
    await until(lambda: client.client.state.note == note)
    await client.stop()
    assert client.client.state.note is None


async def test_a_channel_that_cannot_be_is_refused(client: ClientHarness) -> None:
    client.start(channel="no such channel")
    await until(lambda: client.causes)
    assert client.causes[0] is Cause.REFUSED


async def test_leaving_leaves_the_room_at_once(client: ClientHarness, mod: Person) -> None:
    client.start()
    await client.until_ready()
    await client.stop()
    await until(lambda: {"name": "Rosey"} in mod.of("userLeave"))


async def test_what_the_bot_says_is_confirmed_by_its_echo(client: ClientHarness, mod: Person) -> None:
    client.start()
    await client.until_ready()
    said, whispered = client.sending.say("hello all"), client.sending.whisper("mod", "hello you")
    assert (await said).outcome is Outcome.SENT
    assert (await whispered).outcome is Outcome.SENT
    assert mod.heard("Rosey") == ["hello all"]
    assert mod.whispers("Rosey") == ["hello you"]


async def test_a_whisper_to_nobody_is_refused(client: ClientHarness) -> None:
    client.start()
    await client.until_ready()
    receipt = await client.sending.whisper("Nobody", "hello?")
    assert receipt.outcome is Outcome.REFUSED
    assert "isn't connected" in receipt.reason


async def test_a_muted_bot_learns_that_it_is_muted(client: ClientHarness, mod: Person) -> None:
    client.start()
    await client.until_ready()
    await mod.say("/mute Rosey")
    await until(lambda: client.room.me is not None and client.room.me.muted)
    receipt = await client.sending.say("can you hear me?")
    assert receipt.outcome is Outcome.REFUSED
    assert "muted" in receipt.reason
