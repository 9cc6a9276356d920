"""A channel without its lease: in the room, in silence; and events as long as nobody knows who is to tell of them."""

from __future__ import annotations

import asyncio
import time

import pytest

from rosey_bot.channels.channel import Channel, ChannelSettings
from rosey_bot.channels.lease import Lease, LeasedSink, Owned, Telling
from rosey_bot.cytube.login import Credentials
from rosey_core.events import ChatMessage, OutboundFailed, OutboundSent, PmCommand
from rosey_simulator.server import SimulatorServer
from tests.integration.bot.harness import CHANNEL, FAST, Person
from tests.support.waiting import until
from tests.unit.bot.harness import ListSink, Nobody


class Loan:
    """A lease that the test gives and takes."""

    def __init__(self) -> None:
        self.is_given = asyncio.Event()
        self.said = Telling.DELIVER

    def acts(self) -> bool:
        return self.is_given.is_set()

    async def wait(self) -> None:
        await self.is_given.wait()

    def telling(self) -> Telling:
        return self.said


class Forgetful(Loan):
    """A broken variant: the holder never looks at its clock."""

    def acts(self) -> bool:
        return True


def channel(cytube: SimulatorServer, sink: ListSink, lease: Lease) -> Channel:
    nobody = Nobody()
    return Channel(
        ChannelSettings(key=CHANNEL, server=cytube.url, name=CHANNEL, credentials=Credentials("Rosey", "pw-Rosey")),
        sink=LeasedSink(sink, lease),
        statistics=nobody,
        outbound=nobody,
        observer=nobody,
        lease=lease,
        policy=FAST,
    )


@pytest.mark.parametrize("make", [Loan, Forgetful])
async def test_without_its_lease_the_bot_answers_nobody_and_hears_everything(
    cytube: SimulatorServer, make: type[Loan]
) -> None:
    sink, lease = ListSink(), make()
    bot = channel(cytube, sink, lease)
    work = asyncio.create_task(bot.run())
    if make is Loan:
        # Not even a connection is made.
        began = time.monotonic()
        await until(lambda: time.monotonic() - began > 0.2)
        assert not cytube.connections
    lease.is_given.set()
    await until(lambda: bot.joined_since and not bot.problem)
    mod = await Person(cytube).enter("Mod", "pw-Mod")
    lease.is_given.clear()
    await mod.whisper("Rosey", "current")
    await mod.say("!help")
    await until(lambda: "!help" in [event.message for event in sink.of(ChatMessage)])
    if make is Forgetful:
        await until(lambda: mod.whispers("Rosey") and mod.heard("Rosey"))
    else:
        lease.is_given.set()
        await mod.whisper("Rosey", "users")
        await until(lambda: sink.of(PmCommand))
        await until(lambda: mod.whispers("Rosey"))
        assert {event.command for event in sink.of(PmCommand)} == {"users"}
        assert mod.heard("Rosey") == []
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    await mod.leave()


async def test_what_waits_for_its_turn_when_the_lease_ends_is_not_said(cytube: SimulatorServer) -> None:
    sink, lease = ListSink(), Loan()
    lease.is_given.set()
    bot = channel(cytube, sink, lease)
    work = asyncio.create_task(bot.run())
    await until(lambda: bot.joined_since and not bot.problem)
    mod = await Person(cytube).enter("Mod", "pw-Mod")
    for number in range(12):
        await mod.whisper("Rosey", f"say line {number}")
    await until(lambda: mod.heard("Rosey"))
    lease.is_given.clear()
    await until(lambda: any("may have the channel now" in (event.error or "") for event in sink.of(PmCommand)))
    heard = mod.heard("Rosey")
    assert 0 < len(heard) < 12
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    await mod.leave()


def line(text: str) -> ChatMessage:
    return ChatMessage(username="Alice", message=text, channel=CHANNEL)


def test_events_are_held_until_it_is_known_who_tells_of_them() -> None:
    sink, lease = ListSink(), Loan()
    leased = LeasedSink(sink, lease)
    lease.said = Telling.HOLD
    leased.publish(line("a"))
    leased.settle()
    assert sink.events == []
    lease.said = Telling.DELIVER
    leased.publish(line("b"))
    assert [event.message for event in sink.of(ChatMessage)] == ["a", "b"]
    lease.said = Telling.HOLD
    leased.publish(line("c"))
    lease.said = Telling.DROP
    leased.publish(line("d"))
    leased.settle()
    lease.said = Telling.DELIVER
    leased.settle()
    assert [event.message for event in sink.of(ChatMessage)] == ["a", "b"]


@pytest.mark.parametrize("said", Telling)
def test_what_the_bot_has_done_itself_is_told_whoever_tells_of_the_room(said: Telling) -> None:
    sink, lease = ListSink(), Loan()
    lease.said = said
    leased = LeasedSink(sink, lease)
    doings = [
        OutboundSent(message_id=1),
        OutboundFailed(message_id=2, attempted=False),
        PmCommand(username="Mod", command="next"),
    ]
    for event in doings:
        leased.publish(event)
    assert sink.events == doings


def test_no_more_is_held_than_memory_bears(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rosey_bot.channels.lease.CAPACITY", 3)
    sink, lease = ListSink(), Loan()
    lease.said = Telling.HOLD
    leased = LeasedSink(sink, lease)
    for number in range(4):
        leased.publish(line(str(number)))
    assert len(sink.events) == 4


async def test_who_shares_with_nobody_always_acts() -> None:
    owned = Owned()
    await owned.wait()
    assert owned.acts()
    assert owned.telling() is Telling.DELIVER
