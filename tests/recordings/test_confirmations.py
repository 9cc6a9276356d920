"""The table of confirmations and refusals, judged by recordings: every request in them is told granted from refused."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

import pytest

from rosey_bot.cytube.acts import (
    Act,
    AssignLeader,
    ClearTheChat,
    Delete,
    Enqueue,
    Jump,
    KickUser,
    LeadPlayback,
    Move,
    PlayNext,
    Say,
    ToggleAfk,
    VoteSkip,
    Whisper,
)
from rosey_bot.cytube.confirmations import Confirmations, Expectation
from rosey_bot.cytube.dispatch import Dispatcher
from rosey_bot.cytube.signs import SIGNS, Done, Dropped, Refused
from rosey_bot.normalise import Normaliser
from rosey_bot.room.room import Room
from tests.recordings import transcript
from tests.recordings.transcript import Row
from tests.unit.bot.harness import Clock, ListSink

WINDOW = 0.2
"""Seconds within which the recorded server answered whatever it answered."""


DONE = "done"
SILENCE = "silence"


class Client:
    """One recorded connection as the bot would see it: its room, and what it asked."""

    def __init__(self) -> None:
        self.room = Room("testchan")
        self.dispatcher = Dispatcher("testchan")
        self.normaliser = Normaliser("testchan", self.room, ListSink(), clock=Clock())
        self.normaliser.follow(self.dispatcher)
        self.confirmations = Confirmations(self.room)
        self.confirmations.follow(self.dispatcher)
        self._pending: list[tuple[float, Expectation]] = []

    def ask(self, act: Act, time: float) -> Expectation:
        expectation = self.confirmations.expect(act)
        self._pending.append((time, expectation))
        return expectation

    def forget_older_than(self, time: float) -> None:
        """What the server has not answered by now it never answered."""
        while self._pending and self._pending[0][0] < time:
            self.confirmations.forget(self._pending.pop(0)[1])


def act_of(row: Row, room: Room) -> Act | None:
    """The request that a recorded frame makes, if it is one that the bot makes."""
    argument: Any = row.args[0] if row.args else None
    if row.event == "chatMsg":
        return _spoken(argument, room)
    if isinstance(argument, dict):
        return _with_object(row.event, argument)
    if isinstance(argument, int) and row.event in ("delete", "jumpTo"):
        return Delete(argument) if row.event == "delete" else Jump(argument)
    if row.event == "playNext":
        return PlayNext(room.playlist.current)
    return VoteSkip() if row.event == "voteskip" else None


def _spoken(argument: Any, room: Room) -> Act | None:
    if not _is_well_formed(argument, {"msg"}):
        return None
    text = argument["msg"]
    if text.startswith("/kick "):
        name, _, reason = text.removeprefix("/kick ").partition(" ")
        return KickUser(name, reason)
    if text == "/afk":
        return ToggleAfk(not (room.me is not None and room.me.afk))
    if text == "/clear":
        return ClearTheChat()
    return None if text.startswith("/") else Say(text)


def _is_well_formed(argument: Any, keys: set[str]) -> bool:
    """Whether it is a message as the bot sends it; the recordings also have some that it never would."""
    return (
        isinstance(argument, dict)
        and all(isinstance(argument.get(key), str) for key in keys)
        and argument.keys() <= {*keys, "meta"}
        and isinstance(argument.get("meta", {}), dict)
    )


def _with_object(event: str, argument: dict[str, Any]) -> Act | None:
    match event:
        case "pm" if _is_well_formed(argument, {"to", "msg"}):
            return Whisper(argument["to"], argument["msg"])
        case "queue" if argument.get("pos") in ("next", "end") and "src" not in argument:
            return Enqueue(argument["type"], argument["id"], argument.get("temp", False), argument.get("duration"))
        case "moveMedia":
            return Move(argument["from"], argument["after"])
        case "assignLeader":
            return AssignLeader(argument["name"])
        case "mediaUpdate":
            return LeadPlayback(argument["id"], argument.get("type", ""), argument["currentTime"], argument["paused"])
    return None


def is_about_a_malformed_frame(row: Row) -> bool:
    """The bot sends none, so that the table knows whose it is; in the recordings several went out at once."""
    return row.event == "errorMsg" and str(row.args[0]["msg"]).startswith("Unexpected error for message")


async def judged(name: str) -> list[tuple[str, str, str]]:
    """Each request of a recording, in order: who made it, its kind, and what became of it by the table."""
    clients: dict[str, Client] = {}
    asked: list[tuple[str, Expectation]] = []
    for row in transcript.load(name).rows:
        if (not row.sent and row.event in ("@open", "@connect")) or row.client not in clients:
            clients[row.client] = Client()
        client = clients[row.client]
        client.forget_older_than(row.time - WINDOW)
        if row.sent:
            act = act_of(row, client.room)
            if act is not None:
                asked.append((row.client, client.ask(act, row.time)))
        elif not row.event.startswith("@") and not is_about_a_malformed_frame(row):
            client.dispatcher.dispatch(row.event, row.args)
    return [(label, type(expectation.act).__name__, told(expectation)) for label, expectation in asked]


def told(expectation: Expectation) -> str:
    match expectation.verdict.result() if expectation.verdict.done() else None:
        case Done():
            return DONE
        case Refused(reason):
            return reason
        case Dropped(seconds):
            return f"dropped for {seconds:g} s"
    return SILENCE


NO_KEY = (
    "The YouTube API now requires an API key. Please see the documentation for youtube-v3-key in config.template.yaml"
)
SOUNDCLOUD = "Soundcloud is not supported anymore due to requiring OAuth but not accepting new API key registrations."
NOT_SECURE = "HLS links must start with HTTPS due to browser security policy. See https://git.io/vpDLK for details."

# What the recorded server did, read by eye: how many requests it granted, and what it did with the others.
RECORDED: dict[str, tuple[int, list[tuple[str, str, str]]]] = {
    "channel_admin": (
        6,
        [
            ("alice", "Say", SILENCE),
            ("alice", "Say", "CyTube thinks the account too new: NEW_USER_CHAT"),
            ("alice", "Whisper", "CyTube thinks the account too new: NEW_USER_CHAT"),
            ("alice", "Say", "CyTube thinks the account too new: NEW_USER_CHAT_LINK"),
        ],
    ),
    "chat_and_html": (
        45,
        [
            ("alice", "Say", SILENCE),
            ("alice", "Say", SILENCE),
            ("alice", "Say", SILENCE),
            ("alice", "Say", SILENCE),
            ("alice", "ClearTheChat", SILENCE),
            ("alice", "KickUser", SILENCE),
        ],
    ),
    "chat_buffer_replay": (23, []),
    "connection_limits": (
        0,
        [
            ("big", "Say", SILENCE),
        ],
    ),
    "duplicate_login": (1, []),
    "guest_login": (
        1,
        [
            ("guest", "Say", SILENCE),
            ("guest", "Whisper", "You must be signed in to send PMs"),
        ],
    ),
    "kick_and_ban": (
        3,
        [
            ("alice", "Say", SILENCE),
            ("bot", "KickUser", SILENCE),
            ("bot", "KickUser", "You do not have permission to kick ModUser"),
            ("alice", "KickUser", SILENCE),
        ],
    ),
    "leader_sync": (
        4,
        [
            ("alice", "LeadPlayback", SILENCE),
            ("bot", "LeadPlayback", SILENCE),
            ("alice", "AssignLeader", SILENCE),
        ],
    ),
    "password_channel": (
        0,
        [
            ("guest", "Say", SILENCE),
        ],
    ),
    "playlist": (
        21,
        [
            ("mod", "Enqueue", "This item is already on the playlist"),
            ("mod", "Enqueue", "Unknown media type 'zz'"),
            (
                "mod",
                "Enqueue",
                NO_KEY,
            ),
            ("mod", "Enqueue", "Raw file playback is not enabled on this server"),
            (
                "mod",
                "Enqueue",
                SOUNDCLOUD,
            ),
            ("mod", "Enqueue", "Invalid embed. Input must be an <iframe> tag"),
            (
                "mod",
                "Enqueue",
                NOT_SECURE,
            ),
            ("mod", "Enqueue", "Invalid ID"),
            ("mod", "Move", SILENCE),
            ("mod", "Move", SILENCE),
            ("mod", "Delete", SILENCE),
            ("mod", "PlayNext", SILENCE),
        ],
    ),
    "playlist_permissions": (
        16,
        [
            ("alice", "Enqueue", SILENCE),
            ("alice", "Enqueue", "You don't have permission to add live media"),
            (
                "alice",
                "Enqueue",
                NO_KEY,
            ),
            ("alice", "Enqueue", SILENCE),
            ("alice", "Enqueue", "You don't have permission to add live media"),
            ("alice", "Enqueue", "You don't have permission to add raw video files"),
            ("alice", "Enqueue", "You don't have permission to add playlists"),
            ("anon", "Enqueue", SILENCE),
            ("alice", "Enqueue", "You are adding videos too quickly"),
            ("alice", "Enqueue", "You are adding videos too quickly"),
            ("mod", "Enqueue", "You are adding videos too quickly"),
            ("mod", "Enqueue", "You are adding videos too quickly"),
            ("mod", "Enqueue", "You are adding videos too quickly"),
            ("alice", "Delete", SILENCE),
            ("alice", "Move", SILENCE),
            ("alice", "Jump", SILENCE),
            ("alice", "PlayNext", SILENCE),
            ("alice", "Enqueue", "Video exceeds the maximum length set by the channel admin: 20 seconds"),
            ("alice", "Enqueue", "Channel limit exceeded: maximum number of videos per user"),
        ],
    ),
    "pm": (
        26,
        [
            ("alice", "Whisper", "PM failed: nobodyhere isn't connected to this channel."),
            ("alice", "Whisper", "You can't PM yourself!"),
            ("alice", "Whisper", "PM failed: bad name! isn't a valid username."),
            ("alice", "Whisper", "PM failed: isn't a valid username."),
            ("alice", "Say", "You have been muted on this channel."),
        ],
    ),
    "pysocketio_client": (1, []),
    "server_restart": (5, []),
    "unregistered_channel": (
        3,
        [
            ("alice", "KickUser", SILENCE),
        ],
    ),
    "users": (
        11,
        [
            ("alice", "Say", "You have been muted on this channel."),
            ("mod", "AssignLeader", "Unable to assign leader: could not find user alice"),
        ],
    ),
    "voteskip": (
        8,
        [
            ("alice", "VoteSkip", SILENCE),
            ("alice", "VoteSkip", SILENCE),
            ("alice", "VoteSkip", SILENCE),
            ("guest", "VoteSkip", SILENCE),
            ("guest", "VoteSkip", SILENCE),
            ("alice", "VoteSkip", SILENCE),
            ("guest", "VoteSkip", SILENCE),
            ("guest", "VoteSkip", SILENCE),
        ],
    ),
}


@pytest.mark.parametrize("name", RECORDED)
async def test_what_the_server_granted_and_refused_is_told(name: str) -> None:
    verdicts = await judged(name)
    done, others = RECORDED[name]
    assert [verdict for verdict in verdicts if verdict[2] != DONE] == others
    assert sum(verdict[2] == DONE for verdict in verdicts) == done


async def test_what_the_rate_limit_dropped_is_told() -> None:
    verdicts = Counter(verdict[1:] for verdict in await judged("rate_limit"))
    assert verdicts["Whisper", "PM failed: nobodyhere isn't connected to this channel."] == 19
    dropped = sum(count for (_, verdict), count in verdicts.items() if verdict.startswith("dropped for"))
    cooldowns = [row for row in transcript.load("rate_limit").rows if not row.sent and row.event == "cooldown"]
    # Two of them came for /me, which is no request of the bot's.
    assert dropped == len(cooldowns) - 2
    assert verdicts["Say", SILENCE] <= 5


async def test_every_kind_of_request_is_in_the_recordings() -> None:
    kinds = {kind for name in (*RECORDED, "rate_limit") for _, kind, _ in await judged(name)}
    assert kinds == {act.__name__ for act in SIGNS}


# Tables with one thing wrong. Each must be found out.


def _broken(monkeypatch: pytest.MonkeyPatch, act: type[Act], *frames: str) -> None:
    """A table that does not look for these frames."""
    kept = tuple(sign for sign in SIGNS[act] if sign.frame.name not in frames)
    monkeypatch.setitem(cast("dict[Any, Any]", SIGNS), act, kept)


@pytest.mark.parametrize(
    ("act", "frame", "recording"),
    [
        (Enqueue, "queueFail", "playlist"),
        (Enqueue, "queue", "playlist"),
        (Delete, "delete", "playlist"),
        (Move, "moveVideo", "playlist"),
        (Jump, "changeMedia", "playlist"),
        (PlayNext, "changeMedia", "playlist"),
        (PlayNext, "delete", "playlist"),
        (AssignLeader, "setLeader", "leader_sync"),
        (AssignLeader, "errorMsg", "users"),
        (KickUser, "chatMsg", "kick_and_ban"),
        (KickUser, "errorMsg", "kick_and_ban"),
        (ToggleAfk, "setAFK", "users"),
        (ClearTheChat, "clearchat", "chat_and_html"),
        (Say, "noflood", "pm"),
        (Say, "spamFiltered", "channel_admin"),
        (Whisper, "errorMsg", "pm"),
        (VoteSkip, "chatMsg", "voteskip"),
    ],
)
async def test_a_missing_sign_is_found_out(
    monkeypatch: pytest.MonkeyPatch, act: type[Act], frame: str, recording: str
) -> None:
    _broken(monkeypatch, act, frame)
    done, others = RECORDED[recording]
    verdicts = await judged(recording)
    assert (
        sum(verdict[2] == DONE for verdict in verdicts),
        [verdict for verdict in verdicts if verdict[2] != DONE],
    ) != (done, others)


async def test_taking_any_update_for_the_leaders_own_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rosey_bot.cytube.signs.POSITION_TOLERANCE", 1000)
    monkeypatch.setattr("tests.recordings.test_confirmations.WINDOW", 3.0)
    assert ("bot", "LeadPlayback", SILENCE) not in await judged("leader_sync")
