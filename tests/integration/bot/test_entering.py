"""Coming into a room in which a shadow-muted user talks: CyTube marks that for moderators, and shows it, unmarked, to
whoever is in the room without a name (PROTOCOL.md 5)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rosey_bot.cytube.budget import AddressBudget, AddressLimits
from rosey_bot.cytube.client import CytubeClient
from rosey_bot.cytube.login import LoginRefused
from rosey_bot.cytube.session import Session
from rosey_core.events import ChatMessage
from rosey_simulator.member import Member
from rosey_simulator.room import Room
from rosey_simulator.server import SimulatorServer
from rosey_simulator.witness import Witness
from tests.integration.bot.harness import CHANNEL, FAST, ClientHarness, Person
from tests.support.waiting import until

COMINGS = 4
"""As many connections as an address may make at once."""
GUESTS_AT_ONCE = AddressLimits(guest_login_interval=0.0)
ROLES = {"moderator": ("Rosey", "pw-Rosey"), "member": ("Alice", "pw-Alice"), "guest": ("SomeGuest", None)}


class Talkers(Witness):
    """Two in the room who say a line whenever the bot is shown who is there, and whenever it gets its name there.

    What Muted says is for moderators; what Bob says is for everybody.
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        self.said = 0
        moderator = self._enter(room, "Mod")
        self._talkers = [self._enter(room, name) for name in ("Muted", "Bob")]
        room.moderation.mute(moderator, "Muted", shadow=True)
        room.witnesses.append(self)

    @staticmethod
    def _enter(room: Room, name: str) -> Member:
        member = Member(f"10.0.0.{len(room.members) + 1}")
        member.become(name, registered=name == "Mod", global_rank=float(name == "Mod"))
        assert room.join(member)
        return member

    def listed(self, room: Room, member: Member) -> None:
        self.talk()

    def named(self, room: Room, member: Member) -> None:
        self.talk()

    def talk(self) -> None:
        """Say a line each."""
        for talker in self._talkers:
            self._room.say(talker, f"{talker.name} says {self.said}")
        self.said += 1

    @property
    def public(self) -> list[str]:
        """What Bob has said."""
        return [f"Bob says {number}" for number in range(self.said)]


@pytest.fixture
def talkers(cytube: SimulatorServer) -> Talkers:
    return Talkers(cytube.channel(CHANNEL))


def stored(client: ClientHarness) -> list[str]:
    """What would be stored of the chat: each line once."""
    return list({event.id: event.message for event in client.sink.of(ChatMessage)}.values())


async def come_again_and_again(client: ClientHarness, talkers: Talkers, name: str) -> None:
    for coming in range(1, COMINGS + 1):
        await until(lambda coming=coming: client.logins == coming)
        await until(lambda: talkers.public[-1] in stored(client))
        if coming < COMINGS:
            client.server.drop_connections(name)


@pytest.mark.parametrize("role", ROLES)
async def test_what_a_shadow_muted_user_says_meanwhile_is_no_chat_and_nothing_else_is_missing(
    client: ClientHarness, talkers: Talkers, role: str
) -> None:
    name, password = ROLES[role]
    client.start(name, password, budget=AddressBudget("the server", GUESTS_AT_ONCE))
    await come_again_and_again(client, talkers, name)
    assert talkers.said >= COMINGS
    assert stored(client) == talkers.public


async def join_first(self: CytubeClient, session: Session) -> LoginRefused | None:
    """As PROTOCOL.md 3 recommends for bots."""
    await self._join(session, None)
    return await self._log_in(session)


@pytest.mark.parametrize("role", ROLES)
async def test_broken_variant_who_joins_first_takes_it_for_chat(
    client: ClientHarness, talkers: Talkers, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    monkeypatch.setattr(CytubeClient, "_enter", join_first)
    name, password = ROLES[role]
    client.start(name, password, budget=AddressBudget("the server", GUESTS_AT_ONCE))
    await come_again_and_again(client, talkers, name)
    assert {line.split()[0] for line in stored(client)} == {"Bob", "Muted"}


async def test_who_is_refused_the_name_takes_nothing_for_chat_but_what_is_replayed(
    cytube: SimulatorServer, talkers: Talkers, caplog: pytest.LogCaptureFixture
) -> None:
    talkers.talk()
    client = ClientHarness(cytube, bot_name="Rosey")
    client.start("Rosey", "wrong")
    await until(lambda: "is wrong" in client.problem)
    assert "no chat is recorded until then" in caplog.text
    account = cytube.site.accounts.get("Rosey")
    assert account is not None
    account.password = "wrong"
    await client.until_ready()
    talkers.talk()
    await until(lambda: talkers.public[-1] in stored(client))
    said_meanwhile = talkers.public[1]
    assert set(talkers.public) - set(stored(client)) == {said_meanwhile}
    assert set(stored(client)) <= set(talkers.public)
    await client.stop()


async def test_a_guest_whose_turn_comes_later_watches_meanwhile(cytube: SimulatorServer, talkers: Talkers) -> None:
    budget = AddressBudget("the server")
    async with budget.guest_login(lambda wait: None) as turn:
        turn.is_used = True
    client = ClientHarness(cytube, bot_name="SomeGuest")
    client.start("SomeGuest", None, budget=budget)
    await until(lambda: client.client and client.client.state.waits_for)
    assert client.client is not None
    assert client.client.state.joined_since is not None
    assert "no chat is recorded" in client.problem
    talkers.talk()
    cytube.channel(CHANNEL).set_afk(cytube.channel(CHANNEL).members[0], True)
    await until(lambda: (mod := client.room.users.get("Mod")) is not None and mod.afk)
    assert stored(client) == []
    await client.stop()


async def test_a_guest_whose_turn_comes_later_is_let_in_by_it_where_the_nameless_are_not(
    cytube: SimulatorServer,
) -> None:
    cytube.channel(CHANNEL).options.values["block_anonymous_users"] = True
    budget = AddressBudget("the server", AddressLimits(guest_login_interval=0.5))
    async with budget.guest_login(lambda wait: None) as turn:
        turn.is_used = True
    client = ClientHarness(cytube, replace(FAST, answer_timeout=0.3))
    client.start("SomeGuest", None, budget=budget)
    await client.until_ready()
    assert client.room.own_name == "SomeGuest"
    assert client.causes == []
    await client.stop()


async def test_a_guest_takes_its_name_from_who_has_it(client: ClientHarness, cytube: SimulatorServer) -> None:
    """Such as its own last connection, whose end CyTube has not noticed yet."""
    other = await Person(cytube).enter("Visitor")
    client.start("visitor", None)
    await client.until_ready()
    assert other.of("kick") == [{"reason": "Duplicate login"}]
    assert client.room.own_name == "visitor"
    await other.leave()
