"""Coming into a room in which a shadow-muted user talks: CyTube marks that for moderators, and shows it, unmarked, to
whoever is in the room without a name (PROTOCOL.md 5)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from rosey_bot.cytube.budget import AddressBudget, AddressLimits, Place
from rosey_bot.cytube.client import CytubeClient
from rosey_bot.cytube.login import LoginRefused
from rosey_bot.cytube.session import Session
from rosey_core.events import ChatMessage, UserLeft, UsersPresent
from rosey_simulator.limits import Limits
from rosey_simulator.member import Member
from rosey_simulator.room import Room
from rosey_simulator.server import SimulatorServer
from rosey_simulator.witness import Witness
from tests.integration.bot.harness import CHANNEL, FAST, ClientHarness, Person
from tests.support.clock import MovableClock
from tests.support.waiting import until

COMINGS = 4
"""As many connections as an address may make at once."""
GUESTS_AT_ONCE = AddressLimits(guest_login_interval=0.0)
MEANWHILE = 5
"""Lines that are said while the bot has no name: fewer than CyTube replays."""
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
async def rosey(cytube: SimulatorServer) -> AsyncIterator[ClientHarness]:
    """A client that is to have a name, and takes nothing for public without it."""
    harness = ClientHarness(cytube, bot_name="Rosey")
    yield harness
    await harness.stop()


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


async def stay_in_place(
    self: CytubeClient, session: Session, place: Place, refusal: LoginRefused | None, *, is_anew: bool
) -> None:
    """Log in as soon as that works, on the connection that was nameless until then."""
    while not session.is_logged_in:
        await session.until(self._sleep(0.05))
        await self._log_in(session)
    await STAY(self, session, place, refusal, is_anew=is_anew)


STAY = CytubeClient._stay


async def watch_nameless(client: ClientHarness, talkers: Talkers) -> None:
    """Hear what is said without a name, of which nothing may be stored."""
    await until(lambda: client.client and client.client.state.joined_since)
    assert client.room.own_name is None
    for _ in range(MEANWHILE):
        talkers.talk()
    room = client.server.channel(CHANNEL)
    room.set_afk(room.members[0], True)
    await until(lambda: (mod := client.room.users.get("Mod")) is not None and mod.afk)
    assert stored(client) == []


async def have_the_password_mended(client: ClientHarness, talkers: Talkers) -> None:
    """An account that was refused at first hears a line under its name."""
    client.start("Rosey", "wrong")
    await watch_nameless(client, talkers)
    account = client.server.site.accounts.get("Rosey")
    assert account is not None
    account.password = "wrong"
    await client.until_ready()
    talkers.talk()
    await until(lambda: talkers.public[-1] in stored(client))


async def test_who_was_refused_the_name_comes_in_anew_for_what_was_said_meanwhile(
    rosey: ClientHarness, talkers: Talkers, caplog: pytest.LogCaptureFixture
) -> None:
    await have_the_password_mended(rosey, talkers)
    assert stored(rosey) == talkers.public
    assert "no chat is recorded until then" in caplog.text
    assert rosey.client is not None
    assert rosey.client.state.connections == 2
    assert rosey.client.state.last_failure is None
    assert rosey.causes == []
    assert rosey.logins == 1
    assert "Bob" not in {event.username for event in rosey.sink.of(UserLeft)}
    assert [event.unseen_since is not None for event in rosey.sink.of(UsersPresent)][-1]


async def test_broken_variant_who_logs_in_on_the_same_connection_misses_that(
    rosey: ClientHarness, talkers: Talkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CytubeClient, "_stay", stay_in_place)
    await have_the_password_mended(rosey, talkers)
    assert len(stored(rosey)) < len(talkers.public) - MEANWHILE


async def test_whose_logins_fail_only_before_the_join_comes_in_anew_once(
    client: ClientHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def enter_refused(self: CytubeClient, session: Session) -> LoginRefused | None:
        refusal = LoginRefused("not now")
        await self._join(session, refusal)
        return refusal

    monkeypatch.setattr(CytubeClient, "_enter", enter_refused)
    client.start()
    await client.until_ready()
    assert client.client is not None
    assert client.client.state.connections == 2
    assert client.causes == []


class Minutes:
    """A server, and a bot, for which the minute between two guests' logins passes when the test says so."""

    def __init__(self, clock: MovableClock) -> None:
        self.server = SimulatorServer(clock=clock, limits=Limits(guest_login_seconds=60))
        self.server.add_channel(CHANNEL, owner="Mod")
        self.turns: list[str] = []
        self.passes = asyncio.Event()
        self._clock = clock

    def budget(self) -> AddressBudget:
        """A new process's."""
        return AddressBudget("the server", turn=self._turn, monotonic=self._clock, sleep=self._sleep)

    async def _turn(self, kind: str) -> None:
        self.turns.append(kind)

    async def _sleep(self, seconds: float) -> None:
        await self.passes.wait()
        self._clock.move(seconds)


@pytest.fixture
async def minutes(clock: MovableClock) -> AsyncIterator[Minutes]:
    minutes = Minutes(clock)
    await minutes.server.start()
    yield minutes
    await minutes.server.stop()


async def restart_a_guest(minutes: Minutes, *, is_new: bool) -> tuple[ClientHarness, Talkers]:
    """A guest comes whose turn is over, and hears a line under its name; a new process does not know of the turn."""
    budget = minutes.budget()
    before = ClientHarness(minutes.server)
    before.start("SomeGuest", None, budget=budget)
    await before.until_ready()
    await before.stop()
    minutes.turns.clear()
    talkers = Talkers(minutes.server.channel(CHANNEL))
    client = ClientHarness(minutes.server, bot_name="SomeGuest")
    client.start("SomeGuest", None, budget=minutes.budget() if is_new else budget)
    await watch_nameless(client, talkers)
    minutes.passes.set()
    await client.until_ready()
    talkers.talk()
    await until(lambda: talkers.public[-1] in stored(client))
    return client, talkers


@pytest.mark.parametrize("is_new", [True, False], ids=["refused", "waiting"])
async def test_a_guest_that_waits_for_its_turn_comes_in_anew_for_what_was_said_meanwhile(
    minutes: Minutes, is_new: bool
) -> None:
    client, talkers = await restart_a_guest(minutes, is_new=is_new)
    assert stored(client) == talkers.public
    refused = ["guest"] if is_new else []
    assert minutes.turns == ["connect", *refused, "guest", "connect"], "the turn is used on the second connection"
    assert client.causes == []
    assert client.logins == 1
    assert "Bob" not in {event.username for event in client.sink.of(UserLeft)}
    await client.stop()


@pytest.mark.parametrize("is_new", [True, False], ids=["refused", "waiting"])
async def test_broken_variant_a_guest_that_logs_in_on_the_same_connection_misses_that(
    minutes: Minutes, monkeypatch: pytest.MonkeyPatch, is_new: bool
) -> None:
    monkeypatch.setattr(CytubeClient, "_stay", stay_in_place)
    client, talkers = await restart_a_guest(minutes, is_new=is_new)
    assert len(stored(client)) < len(talkers.public) - MEANWHILE
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


@pytest.mark.parametrize("patience", [0.01, 3600.0], ids=["", "broken_variant_waits_outside"])
async def test_a_guest_watches_while_another_bot_of_its_address_has_the_turn(
    client: ClientHarness, monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    monkeypatch.setattr("rosey_bot.cytube.client.AT_THE_DOOR", patience)
    comes = asyncio.Event()

    async def turn(kind: str) -> None:
        if kind == "guest":
            await comes.wait()

    client.start("SomeGuest", None, budget=AddressBudget("the server", GUESTS_AT_ONCE, turn=turn))
    assert client.client is not None
    state = client.client.state
    await until(lambda: state.waits_for and state.waits_for.kind == "guest_login")
    if patience > 1:
        assert state.joined_since is None
    else:
        await until(lambda: state.joined_since)
        assert client.room.own_name is None
    comes.set()
    await client.until_ready()
    assert client.room.own_name == "SomeGuest"
    assert client.causes == []


async def test_a_guest_takes_its_name_from_who_has_it(client: ClientHarness, cytube: SimulatorServer) -> None:
    """Such as its own last connection, whose end CyTube has not noticed yet."""
    other = await Person(cytube).enter("Visitor")
    client.start("visitor", None)
    await client.until_ready()
    assert other.of("kick") == [{"reason": "Duplicate login"}]
    assert client.room.own_name == "visitor"
    await other.leave()
