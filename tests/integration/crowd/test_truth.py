"""What is stored is what happened: the tables against the crowd's own record."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from rosey_bot.sink import EventSink
from rosey_core import identity
from rosey_core.events import ChatMessage, Event
from rosey_database.tables import users
from rosey_database.tables.chat import Chat
from rosey_simulator.crowd.record import Event as Entry
from tests.integration.crowd.comparison import differences
from tests.integration.crowd.harness import ROOM, World

MakeWorld = Callable[..., Awaitable[World]]


def compared(world: World) -> list[str]:
    return differences(world.database_path, ROOM, world.summary(), world.outages)


async def test_ten_thousand_actions_are_stored_as_they_happened(make_world: MakeWorld) -> None:
    """Joins, leaves, chat, media, playlist changes and commands; the bot loses its connection, CyTube restarts."""
    world = await make_world()
    await world.driver.run(300)
    await world.start_bot()
    for absence in (1, 8, 40, 500):
        await world.driver.run(1200)
        await world.cut_bot_off()
        await world.without_bot(absence)
        await world.bot_is_back()
        await world.driver.run(1000)
        if absence in (8, 500):
            await world.restart_cytube(60)
    await world.driver.run(300)
    await world.stored()
    summary = world.summary()
    assert sum(1 for entry in world.record.entries if entry["event"] == Entry.DID) >= 10_000
    assert sum(1 for line in summary.lines if not line["counted"]) == 15
    assert len(summary.users) == 31
    assert len(summary.lines) > 4000
    assert len(summary.plays) > 50
    assert len(summary.commands) > 30
    assert compared(world) == []


async def test_a_restart_of_the_database_changes_nothing(make_world: MakeWorld) -> None:
    world = await make_world(seed=2)
    await world.start_bot()
    await world.driver.run(700)
    for missed in (30, 700):
        await world.stop_database()
        await world.driver.run(missed)
        await world.start_database()
        await world.driver.run(200)
    await world.stored()
    assert compared(world) == []


async def test_the_bot_may_lose_its_connection_while_the_database_is_away(make_world: MakeWorld) -> None:
    world = await make_world(seed=3)
    await world.start_bot()
    await world.driver.run(300)
    await world.stop_database()
    await world.driver.run(100)
    await world.cut_bot_off()
    await world.without_bot(30)
    await world.bot_is_back()
    await world.driver.run(100)
    await world.start_database()
    await world.stored()
    assert compared(world) == []


async def test_a_restart_of_the_bot_changes_nothing_but_what_nobody_is_shown(make_world: MakeWorld) -> None:
    world = await make_world(seed=4)
    await world.start_bot()
    for missed in (10, 300):
        await world.driver.run(600)
        await world.stop_bot()
        await world.driver.run(missed)
        await world.start_bot()
    await world.driver.run(200)
    await world.stored()
    assert compared(world) == []


async def test_a_guest_without_rights_stores_the_same(make_world: MakeWorld) -> None:
    world = await make_world(seed=7, bot_is_guest=True)
    await world.driver.run(50)
    await world.start_bot()
    await world.driver.run(500)
    await world.cut_bot_off()
    await world.without_bot(30)
    await world.bot_is_back()
    await world.driver.run(100)
    await world.stored()
    assert compared(world) == []


class RepublishesReplays:
    """The original's mistake: what CyTube replays at a join is taken for said just now."""

    def __init__(self, sink: EventSink) -> None:
        self._sink = sink

    def publish(self, event: Event) -> None:
        if isinstance(event, ChatMessage) and event.replayed:
            event = msgspec.structs.replace(event, replayed=False, id=identity.uuid7())
        self._sink.publish(event)


def lose_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The original's mistake: who comes, or is told to be there, while they are there begins a new session."""
    present = users.Users.present

    def broken(self: users.Users, channel_id: int, usernames: Any, time: float, **options: Any) -> None:
        names = list(usernames)
        present(self, channel_id, names, time, **options)
        self.flush()
        self._connection.executemany(
            "UPDATE user_stats SET current_session_start = ? WHERE channel_id = ? AND user_key = ?",
            [(int(time), channel_id, identity.user_key(name)) for name in names],
        )

    monkeypatch.setattr(users.Users, "present", broken)


def count_without_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """A counter that moves with each arrival of a line, and not with each line."""
    add = Chat.add

    def broken(self: Chat, *, channel_id: int, username: str, time: float, **options: Any) -> None:
        state = self._channels[channel_id]
        if options["replayed"] and state.live:
            self._users.said(channel_id, username, time)
        add(self, channel_id=channel_id, username=username, time=time, **options)

    monkeypatch.setattr(Chat, "add", broken)


@pytest.mark.parametrize(
    ("mistake", "symptom"),
    [
        (None, None),
        ("replays counted", "total_chat_lines"),
        ("a join counted twice", "current_session_start"),
        ("a counter without ids", "total_chat_lines"),
    ],
)
async def test_the_comparison_finds_mistakes(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch, mistake: str | None, symptom: str | None
) -> None:
    """One course of events, with and without a deliberate mistake in the bot or the database."""
    if mistake == "a join counted twice":
        lose_sessions(monkeypatch)
    elif mistake == "a counter without ids":
        count_without_ids(monkeypatch)
    world = await make_world(seed=6, wrap=RepublishesReplays if mistake == "replays counted" else None)
    await world.driver.run(30)
    await world.start_bot()
    await world.driver.run(120)
    await world.cut_bot_off()
    assert len(world.room.conversation.buffer) > 6, "no line would be replayed that was seen before"
    await world.without_bot(6)
    await world.bot_is_back()
    await world.stored()
    found = [sentence for sentence in compared(world) if sentence.startswith("user_stats")]
    if symptom is None:
        assert found == []
    else:
        assert any(symptom in sentence for sentence in found), compared(world)
