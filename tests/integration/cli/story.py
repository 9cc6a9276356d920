"""Events to publish, and the types of the fixtures that publish them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from rosey_core import events
from rosey_core.events import (
    Event,
    MediaPlayed,
    PlaylistChanged,
    PmCommand,
    PresentUser,
    UserCount,
    UserJoined,
    UserLeft,
    UsersPresent,
)

CHANNEL = "lobby"
TIME = 1_700_000_000.0

Publish = Callable[..., Awaitable[int]]
Stored = Callable[[int], Awaitable[None]]


def chat(number: int, **fields: object) -> events.ChatMessage:
    """A line of chat of its own, one second after the one before."""
    defaults = {
        "id": f"line-{number}",
        "channel": CHANNEL,
        "timestamp": TIME + number,
        "username": "Alice",
        "message": f"line {number}",
    }
    return events.ChatMessage(**{**defaults, **fields})  # type: ignore[arg-type]


def story() -> list[Event]:
    """A bit of everything: a bot comes, people talk, one goes and one comes, something plays, somebody commands."""
    envelope = {"channel": CHANNEL, "timestamp": TIME + 10}
    users = [PresentUser("Alice"), PresentUser("Bob")]
    return [
        chat(1, replayed=True),
        chat(2, replayed=True),
        UsersPresent(users=users, channel=CHANNEL, timestamp=TIME + 3, id="present"),
        chat(4),
        chat(5, username="bob"),
        chat(6, username="[server]"),
        UserJoined(username="Carol", channel=CHANNEL, timestamp=TIME + 7, id="joined"),
        UserLeft(username="ALICE", channel=CHANNEL, timestamp=TIME + 8, id="left"),
        chat(9, channel=None, username="Dave", id=None),
        UserCount(chat_count=2, connected_count=3, id="count", **envelope),
        PlaylistChanged(action="queued", item={"uid": 1}, by="Bob", id="queued", **envelope),
        MediaPlayed(title="Film", type="yt", id="abc", duration=60, started=TIME + 10, event="play", **envelope),
        PmCommand(username="Bob", command="stats", id="command", result="pending", **envelope),
    ]
