"""Commands by private message and in chat, from the frame to the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from rosey_bot.audit import Audit
from rosey_bot.commands import router as routing
from rosey_bot.commands.answers import Answer
from rosey_bot.commands.cooldowns import Cooldowns
from rosey_bot.commands.registry import Command, Registry, Request
from rosey_bot.commands.router import CommandRouter, default_registry
from rosey_bot.commands.statistics import (
    StatisticsError,
    StatisticsFailure,
    StatisticsTimeout,
    StatisticsUnavailable,
)
from rosey_bot.cytube.sending import SendQueue
from rosey_core.events import PmCommand
from rosey_core.queries import ChannelStatistics, Chatter, HighWaterMark, UserStatistics
from tests.support.waiting import until
from tests.unit.bot.harness import NOON, RoomHarness, chat, item, media, user

DAY = 86400.0
STATS = ChannelStatistics(
    high_water_mark=HighWaterMark(users=12, timestamp=int(NOON - DAY)),
    high_water_connected=HighWaterMark(users=30, timestamp=int(NOON - 2 * DAY)),
    top_chatters=[Chatter(username=f"User{place}", chat_lines=100 - place) for place in range(1, 11)],
    total_users_seen=57,
)
NEW = ChannelStatistics(
    high_water_mark=HighWaterMark(users=0, timestamp=None),
    high_water_connected=HighWaterMark(users=0, timestamp=None),
    top_chatters=[],
    total_users_seen=0,
)
ALICE = UserStatistics(
    found=True,
    username="Alice",
    first_seen=int(NOON - 30 * DAY),
    last_seen=int(NOON - 60),
    total_chat_lines=1,
    total_time_connected=7200,
    current_session_start=int(NOON - 600),
)


class FakeStatistics:
    """A database that says what the test wants."""

    def __init__(self) -> None:
        self.channel: ChannelStatistics | StatisticsFailure = STATS
        self.user: UserStatistics | StatisticsFailure = ALICE
        self.asked: list[tuple[str, ...]] = []

    async def channel_stats(self, channel: str) -> ChannelStatistics:
        self.asked.append((channel,))
        if isinstance(self.channel, StatisticsFailure):
            raise self.channel
        return self.channel

    async def user_stats(self, channel: str, username: str) -> UserStatistics:
        self.asked.append((channel, username))
        if isinstance(self.user, StatisticsFailure):
            raise self.user
        return self.user


@dataclass
class Context:
    server: str = "https://cytu.be"
    started: float = NOON - 7500
    joined_since: float | None = NOON - 300


class Desk:
    """A room with a bot that obeys: messages go in, what the bot sends comes out."""

    def __init__(self, harness: RoomHarness, registry: Registry | None = None, *, secrets: list[str] | None = None):
        self.harness = harness
        self.statistics = FakeStatistics()
        self.context = Context()
        self.monotonic = 1000.0
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.begun: list[str] = []
        self.observed: list[tuple[str, str]] = []
        self.answers = 0
        self.sending = SendQueue(harness.room, monotonic=lambda: self.monotonic, sleep=self._sleep)
        self.router = CommandRouter(
            "lobby",
            room=harness.room,
            sending=self.sending,
            audit=Audit("lobby", harness.sink, harness.normaliser.timeline, secrets or []),
            statistics=self.statistics,
            context=self.context,
            cooldowns=Cooldowns(10, 2, monotonic=lambda: self.monotonic),
            registry=registry,
            clock=harness.clock,
            observer=self,
        )
        self.sending.follow(harness.dispatcher)
        self.router.follow(harness.dispatcher)

    def command_begins(self, name: str) -> None:
        self.begun.append(name)

    def command(self, name: str, outcome: str, seconds: float) -> None:
        self.observed.append((name, outcome))

    def answered(self) -> None:
        self.answers += 1

    async def _sleep(self, seconds: float) -> None:
        self.monotonic += seconds

    async def emit(self, event: str, arguments: dict[str, Any]) -> None:
        self.sent.append((event, arguments))
        line = chat("Rosey", arguments["msg"])
        self.harness.frame(event, line if event == "chatMsg" else {**line, "to": arguments["to"]})

    async def settle(self) -> None:
        await until(lambda: not self.router._running and not len(self.sending))

    async def pm(self, username: str, text: str) -> list[str]:
        """What the bot answers to a private message."""
        self.sent.clear()
        self.harness.frame("pm", {**chat(username, text), "to": "Rosey"})
        await self.settle()
        assert all(event == "pm" and arguments["to"] == username for event, arguments in self.sent)
        return [arguments["msg"] for _, arguments in self.sent]

    async def say(self, username: str, text: str, **meta: Any) -> list[str]:
        """What the bot answers in chat."""
        self.sent.clear()
        self.harness.frame("chatMsg", chat(username, text, **meta))
        await self.settle()
        assert all(event == "chatMsg" for event, _ in self.sent)
        return [arguments["msg"] for _, arguments in self.sent]

    @property
    def audit(self) -> list[PmCommand]:
        return self.harness.sink.of(PmCommand)


@pytest.fixture
async def desk(harness: RoomHarness) -> AsyncIterator[Desk]:
    desk = Desk(harness)
    harness.join(user("Alice", 1), user("Mod", 2), playing=media("abc", seconds=200, at=65), count=5)
    harness.log_in()
    desk.sending.open(desk.emit)
    yield desk
    await desk.router.close()
    await desk.sending.close()


async def test_stats_shows_peaks_with_dates_users_and_top_chatters(desk: Desk) -> None:
    peaks, connected, total, top = await desk.pm("Mod", "stats")
    assert peaks == "Peak chat users: 12 (14 Jan 08:00 UTC)"
    assert connected == "Peak connected: 30 (13 Jan 08:00 UTC)"
    assert total == "Total unique users: 57"
    assert top.startswith("Top chatters: 1. User1 (99), 2. User2 (98), ")
    assert "10. User10 (90)" in top
    assert desk.statistics.asked == [("lobby",)]


async def test_stats_of_a_new_channel(desk: Desk) -> None:
    desk.statistics.channel = NEW
    assert await desk.pm("Mod", "stats") == [
        "Peak chat users: none yet",
        "Peak connected: none yet",
        "Total unique users: 0",
        "Top chatters: nobody yet",
    ]


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (StatisticsTimeout(), "Stats unavailable (DatabaseService timeout - is it running?)"),
        (StatisticsUnavailable(), "Stats unavailable (NATS not connected)"),
        (StatisticsError("disk full"), "Stats error: disk full"),
    ],
)
async def test_without_the_database_the_answer_says_so(desk: Desk, failure: StatisticsFailure, sentence: str) -> None:
    desk.statistics.channel = desk.statistics.user = failure
    assert await desk.pm("Mod", "stats") == [sentence]
    present, stored = await desk.pm("Mod", "user Alice")
    assert present == "Alice: registered, rank 1; in the room since before the bot came"
    assert stored == sentence
    assert [event.result for event in desk.audit] == ["pending", "error", "pending", "error"]
    assert desk.audit[1].error == sentence


async def test_user_shows_the_room_and_what_is_stored(desk: Desk) -> None:
    desk.harness.frame("addUser", user("Bob", 1.5, afk=True))
    desk.harness.frame("setUserMeta", {"name": "Bob", "meta": {"afk": True, "muted": True}})
    desk.harness.clock.advance(3700)
    present, stored = await desk.pm("Mod", "user bob")
    assert present == "Bob: leader, rank 1.5, AFK, muted; in the room for 1 h 1 min"
    assert stored == (
        "First seen 16 Dec 2026 08:00 UTC, last seen 1 hour ago; 1 chat line, 3 h 11 min in the room in all"
    )
    await desk.pm("Mod", "user @bob,")
    assert desk.statistics.asked == [("lobby", "bob"), ("lobby", "bob")]


async def test_a_shadow_mute_is_told_to_moderators_alone(desk: Desk) -> None:
    meta = {"afk": False, "muted": True, "smuted": True}
    desk.harness.frame("setUserMeta", {"name": "Alice", "meta": meta})
    assert (await desk.pm("Mod", "user Alice"))[0].startswith("Alice: registered, rank 1, shadow-muted; in the room")
    [answer] = await desk.say("Alice", "!user Alice")
    assert answer.startswith("Alice: registered, rank 1; in the room")
    desk.harness.frame("userlist", [{**user("Alice"), "meta": meta}, user("Mod", 2), user("Rosey", 3)])
    desk.monotonic += 60
    [answer] = await desk.say("Mod", "!user Alice")
    assert "muted" not in answer
    desk.harness.frame("setUserMeta", {"name": "Alice", "meta": {"afk": False, "muted": False, "smuted": False}})
    assert "muted" not in (await desk.pm("Mod", "user Alice"))[0]


async def test_a_user_whom_nobody_knows(desk: Desk) -> None:
    desk.statistics.user = UserStatistics(found=False, username="Ghost", message="never seen")
    assert await desk.pm("Mod", "user Ghost") == ["Ghost is not in the room", "Nothing is stored about Ghost"]
    assert await desk.pm("Mod", "user Alicia") == [
        "Alicia is not in the room",
        "Nothing is stored about Alicia: did you mean Alice?",
    ]
    assert [event.result for event in desk.audit] == ["pending", "success"] * 2


@pytest.mark.parametrize("name", ["[server]", "https://example.org/", "x" * 21, "a.b", "\u202eecilA"])
async def test_what_is_no_name_is_neither_looked_up_nor_said_again(desk: Desk, name: str) -> None:
    [answer] = await desk.pm("Mod", f"user {name}")
    assert "no user's name" in answer
    [answer] = await desk.say("Alice", f"!user {name}")
    assert name not in answer
    assert desk.statistics.asked == []


@pytest.mark.parametrize("name", ["Al-ice_9", "Zo\u00eb"])
async def test_what_may_be_a_name_is_looked_up(desk: Desk, name: str) -> None:
    await desk.pm("Mod", f"user {name}")
    assert desk.statistics.asked == [("lobby", name)]


async def test_help_is_made_of_the_commands(desk: Desk) -> None:
    commands, public = await desk.pm("Mod", "help")
    for usage in (
        "help [command]",
        "info",
        "status",
        "stats",
        "users",
        "user <name>",
        "playlist [n]",
        "current",
        "afk",
    ):
        assert usage in commands
    assert public == "In chat, for everybody: !help, !stats, !user"
    assert await desk.pm("Mod", "HELP user") == ["user <name>: what is known of a user"]
    [unknown] = await desk.pm("Mod", "help nonsense")
    assert "send help" in unknown


async def test_names_of_commands_do_not_differ_by_case(desk: Desk) -> None:
    assert await desk.pm("Mod", "StAtS") == await desk.pm("Mod", "stats")


@pytest.mark.parametrize(("typed", "hint"), [("stat", "Did you mean stats?"), ("qqqq", "Unknown command 'qqqq'. Send")])
async def test_an_unknown_command_points_to_help(desk: Desk, typed: str, hint: str) -> None:
    [answer] = await desk.pm("Mod", typed)
    assert hint in answer
    assert "Send help" in answer
    assert desk.audit[-1].error == "unknown command"
    assert desk.observed == [("unknown", "error")]
    assert (desk.begun, desk.answers) == (["unknown"], 1)


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("user", "Usage: user <name> (name is missing)"),
        ("user a b", "Usage: user <name> (that is more than it takes)"),
        ("playlist x", "Usage: playlist [n] (n should be a number from 1 on)"),
        ("playlist 0", "Usage: playlist [n] (n should be a number from 1 on)"),
    ],
)
async def test_wrong_arguments_show_the_usage(desk: Desk, typed: str, answer: str) -> None:
    assert await desk.pm("Mod", typed) == [answer]
    assert desk.audit[-1].result == "error"


async def test_those_below_moderator_are_ignored(desk: Desk) -> None:
    assert await desk.pm("Alice", "stats") == []
    assert desk.audit == []


async def test_those_who_are_not_in_the_room_are_refused(desk: Desk) -> None:
    desk.harness.frame("userLeave", {"name": "Mod"})
    assert await desk.pm("Mod", "stats") == []
    assert desk.audit == []


async def test_the_echo_of_the_bots_own_message_is_no_command(desk: Desk) -> None:
    assert await desk.pm("Rosey", "stats") == []
    assert desk.audit == []


async def test_an_empty_message_is_no_command(desk: Desk) -> None:
    assert await desk.pm("Mod", "  <b></b> ") == []
    assert desk.audit == []


async def test_a_rank_is_the_one_of_now(desk: Desk) -> None:
    desk.harness.frame("setUserRank", {"name": "Alice", "rank": 2})
    assert len(await desk.pm("Alice", "stats")) == 4
    desk.harness.frame("setUserRank", {"name": "Alice", "rank": 1})
    assert await desk.pm("Alice", "stats") == []


@pytest.mark.parametrize(
    ("frame", "loss", "error"),
    [
        ("setUserRank", {"name": "Mod", "rank": 1}, "rank too low"),
        ("userLeave", {"name": "Mod"}, "no longer in the room"),
    ],
    ids=["demoted", "gone"],
)
async def test_who_loses_their_rank_while_a_command_waits_is_not_obeyed_nor_answered(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, frame: str, loss: dict[str, Any], error: str
) -> None:
    released = asyncio.Event()

    async def slow(channel: str) -> ChannelStatistics:
        await released.wait()
        return STATS

    monkeypatch.setattr(desk.statistics, "channel_stats", slow)
    for text in ("stats", "say hello all"):
        desk.harness.frame("pm", {**chat("Mod", text), "to": "Rosey"})
    await until(lambda: desk.begun == ["stats"])
    desk.harness.frame(frame, loss)
    released.set()
    await desk.settle()
    assert desk.sent == []
    outcomes = {event.command: (event.result, event.error) for event in desk.audit}
    assert outcomes == {"stats": ("success", None), "say": ("error", error)}


async def test_each_command_is_on_record_before_and_after(desk: Desk) -> None:
    await desk.pm("Mod", "User  Alice")
    pending, outcome = desk.audit
    assert (pending.username, pending.command, pending.args, pending.result) == ("Mod", "User", "Alice", "pending")
    assert (outcome.command, outcome.args, outcome.result, outcome.error) == ("User", "Alice", "success", None)
    assert pending.id == outcome.id
    assert pending.channel == "lobby"
    assert pending.timestamp is not None
    assert outcome.timestamp is not None
    assert pending.timestamp < outcome.timestamp
    assert desk.observed == [("user", "success")]
    assert (desk.begun, desk.answers) == (["user"], 1)


async def test_long_arguments_are_on_record_in_full(desk: Desk) -> None:
    text = "word " * 50
    await desk.pm("Mod", f"nonsense {text}tail")
    assert desk.audit[0].args == f"{text}tail"
    await desk.pm("Mod", "x" * 300)
    assert desk.audit[2].command == "x" * 64


async def test_secrets_are_masked_on_record(harness: RoomHarness) -> None:
    desk = Desk(harness, secrets=["hunter2", "hunter22", "correct horse", ""])
    harness.join(user("Mod", 3))
    harness.log_in()
    desk.sending.open(desk.emit)
    await desk.pm("Mod", "login Rosey hunter2 hunter22 nothunter2 hunter2x")
    await desk.pm("Mod", "correct horse")
    await desk.pm("Mod", "hunter2")
    await desk.pm("Mod", "user 'hunter2' \"correct horse\" “hunter22”")
    first, _, second, _, third, _, quoted, _ = desk.audit
    assert first.args == "Rosey *** *** nothunter2 hunter2x"
    assert (second.command, second.args) == ("***", "")
    assert third.command == "***"
    assert quoted.args == "'***' \"***\" “***”"
    await desk.router.close()
    await desk.sending.close()


async def test_a_failing_command_answers_and_is_on_record(harness: RoomHarness) -> None:
    async def fail(request: Request) -> Answer:
        raise RuntimeError("bug")

    async def owner_only(request: Request) -> Answer:
        raise AssertionError("must not run")

    registry = Registry([Command("broken", "breaks", fail), Command("own", "for owners", owner_only, rank=4)])
    desk = Desk(harness, registry)
    harness.join(user("Mod", 3))
    harness.log_in()
    desk.sending.open(desk.emit)
    assert await desk.pm("Mod", "broken") == ["broken failed, and the failure is logged"]
    assert desk.audit[-1].error == "RuntimeError"
    assert await desk.pm("Mod", "own") == ["own needs rank 4 in this channel"]
    assert desk.audit[-1].result == "error"
    await desk.router.close()
    await desk.sending.close()


async def test_commands_at_once_are_bounded(harness: RoomHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "RUNNING", 4)
    gate = asyncio.Event()

    async def wait(request: Request) -> Answer:
        await gate.wait()
        return Answer(["done"])

    desk = Desk(harness, Registry([Command("wait", "waits", wait, is_public=True)]))
    mods = [f"Mod{number}" for number in range(6)]
    harness.join(*(user(mod, 3) for mod in mods))
    harness.log_in()
    desk.sending.open(desk.emit)
    for mod in mods:
        for _ in range(2):
            harness.frame("pm", {**chat(mod, "wait"), "to": "Rosey"})
    harness.frame("chatMsg", chat("Mod0", "!wait"))
    gate.set()
    await desk.settle()
    answered = [arguments.get("to", "everybody") for _, arguments in desk.sent if arguments["msg"] == "done"]
    refused = [arguments["to"] for _, arguments in desk.sent if arguments["msg"] == routing.TOO_MANY]
    # Two have filled the place with two commands each; everybody else has one all the same.
    assert sorted(answered) == ["Mod0", "Mod0", "Mod1", "Mod1", "Mod2", "Mod3", "Mod4", "Mod5", "everybody"]
    assert sorted(refused) == ["Mod2", "Mod3", "Mod4", "Mod5"]
    assert [event.result for event in desk.audit].count("error") == 4
    await desk.router.close()
    await desk.sending.close()


async def test_closing_ends_what_runs(harness: RoomHarness) -> None:
    async def wait(request: Request) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError("never")

    desk = Desk(harness, Registry([Command("wait", "waits", wait)]))
    harness.join(user("Mod", 3))
    harness.frame("pm", {**chat("Mod", "wait"), "to": "Rosey"})
    await desk.router.close()
    await until(lambda: not desk.router._running)
    assert [event.result for event in desk.audit] == ["pending"]
    assert desk.router._turns._lanes == {}


# In chat


async def test_public_commands_are_open_to_everybody(desk: Desk) -> None:
    [answer] = await desk.say("Alice", "!stats")
    assert answer.startswith("Peak chat users: 12 (14 Jan 08:00 UTC) | Peak connected: 30")
    assert "3. User3" in answer
    assert "User4" not in answer
    assert desk.audit == []


async def test_public_user_and_help(desk: Desk) -> None:
    [answer] = await desk.say("Alice", "!user Alice")
    assert answer.startswith("Alice: registered, rank 1; ")
    desk.monotonic += 60
    [answer] = await desk.say("Alice", "!HELP")
    assert answer == "Commands: !help [command], !stats, !user <name>"
    desk.monotonic += 60
    [answer] = await desk.say("Alice", "!user")
    assert answer == "Usage: !user <name> (name is missing)"


@pytest.mark.parametrize("text", ["!", "! stats", "!!stats", "!info", "!nonsense", "stats", "well !stats", "hi!"])
async def test_other_chat_is_no_command(desk: Desk, text: str) -> None:
    assert await desk.say("Alice", text) == []


async def test_a_user_is_answered_now_and_then(desk: Desk) -> None:
    assert await desk.say("Alice", "!stats")
    desk.monotonic += 5
    assert await desk.say("ALICE", "!stats") == []
    assert await desk.say("Mod", "!stats")
    desk.monotonic += 1
    assert await desk.say("Bob", "!stats") == []
    desk.monotonic += 9
    assert await desk.say("Alice", "!stats")


async def test_cooldowns_take_bounded_memory() -> None:
    now = 0.0
    cooldowns = Cooldowns(10, 0, monotonic=lambda: now)
    for number in range(5000):
        now += 0.1
        assert cooldowns.allow(f"user{number}")
    assert len(cooldowns._users) <= 1001


async def test_replayed_lines_are_no_commands(harness: RoomHarness) -> None:
    desk = Desk(harness)
    harness.normaliser.connected()
    harness.frame("login", {"success": True, "name": "Rosey"})
    desk.sending.open(desk.emit)
    assert await desk.say("Alice", "!stats") == []
    assert await desk.pm("Mod", "stats") == []
    await desk.sending.close()


async def test_the_bots_own_the_servers_and_shadowed_lines_are_no_commands(desk: Desk) -> None:
    assert await desk.say("Rosey", "!stats") == []
    assert await desk.say("[server]", "!stats") == []
    assert await desk.say("Alice", "!stats", shadow=True) == []
    assert await desk.say("Alice", "!stats")


# What the bot knows of itself


async def test_info(desk: Desk) -> None:
    assert await desk.pm("Mod", "info") == [
        "Bot: Rosey, admin, rank 3, not AFK",
        "Room: lobby, 3 users in chat, 5 connected",
        "Playlist: 1 item, 3:20 in all",
        "Now playing: Title of abc (1:05 of 3:20, queued by Alice)",
    ]


async def test_status(desk: Desk) -> None:
    desk.harness.frame("setLeader", "Mod")
    desk.harness.frame("mediaUpdate", {"currentTime": 70, "paused": True})
    assert await desk.pm("Mod", "status") == [
        "Up for 2 h 5 min; connected for 5 min, since 15 Jan 07:55 UTC",
        "Server: https://cytu.be, room: lobby",
        "Leader: Mod, playback: paused",
    ]
    assert await desk.pm("Mod", "current") == ["Now playing: Title of abc (1:10 of 3:20, paused, queued by Alice)"]


async def test_information_where_little_is_known(harness: RoomHarness) -> None:
    desk = Desk(harness)
    desk.context.joined_since = None
    harness.join(user("Mod", 5))
    harness.frame("login", {"success": True, "name": "Rosey"})
    desk.sending.open(desk.emit)
    info = await desk.pm("Mod", "info")
    assert info[1] == "Room: lobby, 1 user in chat, an unknown number connected"
    assert info[3] == "Nothing is playing"
    assert (await desk.pm("Mod", "status"))[0].endswith("not connected")
    assert await desk.pm("Mod", "playlist") == ["The playlist is empty"]
    harness.frame("userlist", [user("Mod", 255)])
    assert await desk.pm("Mod", "users") == ["1 user: Mod (255)"]
    await desk.sending.close()


async def test_users_by_rank(desk: Desk) -> None:
    desk.harness.frame("setAFK", {"name": "Alice", "afk": True})
    assert await desk.pm("Mod", "users") == ["3 users: Rosey (3), Mod (2), Alice (1, AFK)"]


async def test_playlist_from_the_current_item_on(desk: Desk) -> None:
    for uid in range(1, 9):
        desk.harness.frame("queue", {"item": item(uid, by="" if uid == 3 else "Bob"), "after": uid - 1})
    desk.harness.frame("setCurrent", 2)
    assert await desk.pm("Mod", "playlist 2") == [
        "3. Title of v2 (1:40, Bob)",
        "4. Title of v3 (1:40)",
        "9 items, 16:40 in all",
    ]
    assert len(await desk.pm("Mod", "playlist")) == 6
    assert len(await desk.pm("Mod", "playlist 999")) == 8


async def test_live_media(desk: Desk) -> None:
    desk.harness.frame("queue", {"item": item(1, media("live", seconds=0)), "after": 0})
    desk.harness.frame("setCurrent", 1)
    desk.harness.frame("changeMedia", media("live", seconds=0, at=0))
    assert await desk.pm("Mod", "current") == ["Now playing: Title of live (live, queued by Alice)"]
    assert (await desk.pm("Mod", "playlist"))[0] == "2. Title of live (live, Alice)"


async def test_afk(desk: Desk) -> None:
    assert await desk.pm("Mod", "afk") == ["The bot is not AFK"]
    desk.harness.frame("setAFK", {"name": "Rosey", "afk": True})
    assert await desk.pm("Mod", "afk") == ["The bot is AFK"]


async def test_long_answers_are_split_at_words_and_in_order(desk: Desk) -> None:
    for number in range(60):
        desk.harness.frame("addUser", user(f"user_number_{number:02}", 0))
    messages = await desk.pm("Mod", "users")
    assert len(messages) > 3
    assert all(len(message) <= 320 for message in messages)
    text = " ".join(messages)
    assert [text.index(f"user_number_{number:02}") for number in range(60)] == sorted(
        text.index(f"user_number_{number:02}") for number in range(60)
    )


def test_every_command_explains_itself() -> None:
    registry = default_registry()
    for command in registry:
        assert command.name == command.name.lower()
        assert command.summary
        assert registry.get(command.name.upper()) is command
