"""A channel without a socket: frames go in by hand, events come out in a list, time moves when told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from rosey_bot.channels.channel import Channel, ChannelSettings
from rosey_bot.commands.statistics import StatisticsTimeout
from rosey_bot.cytube.dispatch import Dispatcher
from rosey_bot.cytube.login import Credentials
from rosey_bot.normalise import Normaliser
from rosey_bot.outbound import OutboundUnavailable
from rosey_bot.room.room import Room
from rosey_core import events
from rosey_core.events import Event
from rosey_core.queries import ChannelStatistics, ClaimedMessage, UserStatistics

RECORDINGS = Path(__file__).parents[2] / "fixtures" / "cytube"
NOON = 1_800_000_000.0

E = TypeVar("E", bound=Event)


class Clock:
    """Unix seconds that move when told."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class ListSink:
    """Keeps what is published; each event must survive its way over the wire."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def publish(self, event: Event) -> None:
        decoded, _ = events.decode(event.SUBJECT, events.encode(event))
        assert type(decoded) is type(event)
        self.events.append(event)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def take(self) -> list[Event]:
        taken, self.events = self.events, []
        return taken


class Nobody:
    """A database that is away, and somebody who does not care what is observed."""

    async def channel_stats(self, channel: str) -> ChannelStatistics:
        raise StatisticsTimeout

    async def user_stats(self, channel: str, username: str) -> UserStatistics:
        raise StatisticsTimeout

    async def claim(self, channel: str, limit: int, seconds: float) -> list[ClaimedMessage]:
        raise OutboundUnavailable("away")

    async def watch(self, channel: str, arrived: Callable[[], None]) -> None: ...

    async def unwatch(self, channel: str) -> None: ...

    def frame(self, channel: str, name: str) -> None: ...

    def connected(self, channel: str, is_connected: bool) -> None: ...

    def connection_ended(self, channel: str, cause: str) -> None: ...

    def command(self, name: str, outcome: str, seconds: float) -> None: ...

    def command_begins(self, name: str) -> None: ...

    def answered(self) -> None: ...

    def throttled(self, seconds: float) -> None: ...


class RoomHarness:
    """A room, its normaliser and its dispatcher, fed by hand; without ``bot_name`` the bot is to be nameless."""

    def __init__(self, bot_name: str | None = None) -> None:
        self.clock = Clock()
        self.sink = ListSink()
        self.room = Room("lobby")
        self.normaliser = Normaliser("lobby", self.room, self.sink, bot_name=bot_name, clock=self.clock)
        self.dispatcher = Dispatcher("lobby")
        self.normaliser.follow(self.dispatcher)

    def frame(self, name: str, *arguments: Any) -> None:
        self.dispatcher.dispatch(name, arguments)

    def join(self, *users: dict[str, Any], playing: dict[str, Any] | None = None, count: int | None = None) -> None:
        """A whole join as CyTube sends it; ``playing`` is the one item of the playlist."""
        self.normaliser.connected()
        self.frame("rank", -1)
        self.frame("setPermissions", {"chat": 0, "seeplaylist": -1})
        self.frame("setPlaylistLocked", True)
        self.frame("playlist", [] if playing is None else [item(0, playing)])
        if playing is not None:
            self.frame("setCurrent", 0)
            self.frame("setCurrent", 0)
            self.frame("changeMedia", playing)
        self.frame("userlist", list(users))
        if count is not None:
            self.frame("usercount", count)

    def log_in(self, name: str = "Rosey", rank: float = 3) -> None:
        """What an account's login brings."""
        self.frame("rank", 1)
        self.frame("login", {"success": True, "name": name})
        self.frame("addUser", user(name, 1))
        self.frame("rank", rank)
        self.frame("setUserRank", {"name": name, "rank": rank})

    def play(self, recording: str) -> None:
        """Feed what a bot received in a recording, the clock at each frame's time."""
        begin = self.clock.now
        for entry in read_recording(recording):
            self.clock.now = begin + entry["t"]
            if entry["event"] == "@connect":
                self.normaliser.connected()
            elif entry["event"] in ("@close", "@disconnect"):
                self.normaliser.disconnected()
            else:
                self.dispatcher.dispatch(entry["event"], entry["args"])


def read_recording(name: str) -> Iterator[dict[str, Any]]:
    for line in (RECORDINGS / f"{name}.jsonl").read_text().splitlines():
        yield json.loads(line)


def user(name: str, rank: float = 1, *, afk: bool = False) -> dict[str, Any]:
    return {"name": name, "rank": rank, "profile": {"image": "", "text": ""}, "meta": {"afk": afk, "muted": False}}


def media(id: str = "abc", *, seconds: float = 100, at: float = -3, paused: bool = False) -> dict[str, Any]:
    return {
        "id": id,
        "title": f"Title of {id}",
        "seconds": seconds,
        "duration": "01:40",
        "type": "yt",
        "meta": {},
        "currentTime": at,
        "paused": paused,
    }


def item(uid: int, what: dict[str, Any] | None = None, *, by: str = "Alice", temp: bool = True) -> dict[str, Any]:
    what = media(f"v{uid}") if what is None else what
    inner = {key: value for key, value in what.items() if key not in ("currentTime", "paused")}
    return {"media": inner, "uid": uid, "temp": temp, "queueby": by}


def chat(username: str, msg: str, time: int = int(NOON * 1000), **meta: Any) -> dict[str, Any]:
    return {"username": username, "msg": msg, "meta": meta, "time": time}


def unconnected_channel(sink: ListSink) -> Channel:
    """A whole channel that nothing connects: its frames are given to its dispatcher."""
    nobody = Nobody()
    return Channel(
        ChannelSettings(key="lobby", server="http://127.0.0.1:1", name="lobby", credentials=Credentials("Rosey")),
        sink=sink,
        statistics=nobody,
        outbound=nobody,
        observer=nobody,
        clock=Clock(),
    )
