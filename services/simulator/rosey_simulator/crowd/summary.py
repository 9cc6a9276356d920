"""What an observer of a room can know, computed from the record.

An observer is a client with a name, such as a bot. The rules, in CyTube's terms:

- It sees the room from the first list of users that a connection of its gets until that connection is gone. Without
  an observer's name everything in the record is seen.
- A user comes by logging in or by being on a list, and goes by leaving. Who comes while they are there has not come
  anew. Whoever is missing from the first list after a gap left when the gap began: at the loss of the connection,
  or, where the observer's process ended too, at the last thing it saw.
- A line is known by its time, its user, its text, and its number among equal ones on one connection, replayed ones
  included: CyTube shows the last 15 at each join. Each counts once; those replayed at the first join of all are
  history and count for nobody.
- What plays has begun where its position says, the three seconds of CyTube's lead-in left out. A play goes on through
  a shuffle, through an unloading of the room (unless its lead-in begins again), and through gaps. One that the
  observer did not see end has ended when its successor began, or when it was found that nothing plays.
- How many named users there are is seen at each list and each arrival; how many connections from the first count
  on that a connection gets, and they are at least as many as the users.

Times are whole Unix seconds, cut off, not rounded, and a session lasts from one to the other.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from rosey_simulator.chat.conversation import BUFFER_LINES
from rosey_simulator.crowd.action import Kind
from rosey_simulator.crowd.record import Entry, Event
from rosey_simulator.member import MODERATOR_RANK

CUT_SHORT_SECONDS = 1.0


@dataclass
class Summary:
    """What is known in the end, as plain values.

    Attributes:
        users: by name in lower case: username (as last spelled), first_seen, last_seen, total_chat_lines,
            total_time_connected (s, finished sessions), current_session_start (None for who is not there).
        lines: the chat in the order in which it was learned: time (ms), username, text, counted.
        plays: started, ended (None while it plays), skipped, title, type, id, duration (s), queued_by (or None).
        changes: of the playlist: time, action, item (None, or uid, title, type, id, duration, temp), by (or None).
        commands: milliseconds, username, text: private messages of moderators to the observer.
        most_users, most_connections: (how many, when), None before the first.
    """

    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    plays: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    commands: list[dict[str, Any]] = field(default_factory=list)
    most_users: tuple[int, int] | None = None
    most_connections: tuple[int, int] | None = None

    @property
    def present(self) -> set[str]:
        """Who is there, in lower case."""
        return {key for key, user in self.users.items() if user["current_session_start"] is not None}


def summarize(entries: Iterable[Entry], room: str, observer: str | None = None) -> Summary:
    """What somebody of the name `observer` can know of `room`; all that happened where it is None."""
    own = [entry for entry in entries if entry["room"] == room]
    if observer is None:
        eyes = None
    else:
        named = (entry for entry in own if entry["event"] in (Event.ARRIVED, Event.NAMED))
        eyes = {entry["connection"] for entry in named if entry["name"].lower() == observer.lower()}
    observation = _Observation(eyes)
    for entry in own:
        observation.take(entry)
    return observation.summary


@dataclass
class _Play:
    """Something that plays; `row` is there once it was seen, and `started` is in Unix seconds."""

    media: Entry
    queued_by: str | None
    started: float = 0.0
    row: dict[str, Any] | None = None


class _Observation:
    """Follows a room entry by entry: the room as it is, and what an observer learns of it."""

    def __init__(self, eyes: set[int] | None) -> None:
        self.summary = Summary()
        self._eyes = eyes
        self._open_eyes: set[int] = set()
        self._sees = eyes is None
        self._saw_before = eyes is None
        self._forgot = False
        self._lost_at = 0
        self._seen_at = 0
        # The room.
        self._names: dict[int, str] = {}
        self._buffer: deque[Entry] = deque(maxlen=BUFFER_LINES)
        self._items: list[Entry] = []
        self._play: _Play | None = None
        self._uid: int | None = None
        self._goes_on = False
        self._locked: bool | None = None
        # The observer's connection.
        self._connections: int | None = None
        self._equal_lines: Counter[tuple[int, str, str]] = Counter()
        self._known_lines: set[tuple[int, str, str, int]] = set()
        self._seen_play: _Play | None = None
        self._takers = {
            Event.BEGAN: self._began,
            Event.DID: self._did,
            Event.ARRIVED: self._arrived,
            Event.NAMED: self._arrived,
            Event.LEFT: self._left,
            Event.UNLOADED: self._unloaded,
            Event.LISTED: self._listed,
            Event.SAID: self._said,
            Event.CLEARED: lambda _entry: self._buffer.clear(),
            Event.COUNTED: self._counted,
            Event.QUEUED: self._queued,
            Event.REMOVED: self._removed,
            Event.MOVED: self._moved,
            Event.KEPT: self._kept,
            Event.LOCKED: self._lock,
            Event.ARRANGED: self._arranged,
            Event.PLAYED: self._played,
            Event.ENDED: self._ended,
        }

    def take(self, entry: Entry) -> None:
        self._takers[Event(entry["event"])](entry)

    # Users.

    def _arrived(self, entry: Entry) -> None:
        name = entry["name"]
        self._names[entry["connection"]] = name
        if name and self._sees:
            self._join(name, entry["at"])
            self._count(entry["at"])

    def _left(self, entry: Entry) -> None:
        self._names.pop(entry["connection"], None)
        if entry["connection"] in self._open_eyes:
            self._open_eyes.discard(entry["connection"])
            if not self._open_eyes:
                self._lose_sight(entry["at"])
                return
        if entry["name"] and self._sees:
            self._leave(entry["name"], entry["at"])

    def _unloaded(self, entry: Entry) -> None:
        self._names.clear()
        self._goes_on = True
        if self._open_eyes:
            self._open_eyes.clear()
            self._lose_sight(entry["at"])

    def _ended(self, _entry: Entry) -> None:
        self._forgot = True
        if not self._sees:
            self._lost_at = self._seen_at

    def _listed(self, entry: Entry) -> None:
        connection, at = entry["connection"], entry["at"]
        if self._eyes is None or connection not in self._eyes:
            return
        is_first = connection not in self._open_eyes
        if is_first:
            self._gain_sight(connection)
        here = {name.lower(): name for name in self._names.values() if name}
        for key in self.summary.present - set(here):
            self._end_session(self.summary.users[key], self._lost_at if is_first else at)
        for name in here.values():
            self._join(name, at)
        if is_first:
            self._find_playing(entry)
        self._count(at)

    def _gain_sight(self, connection: int) -> None:
        self._open_eyes.add(connection)
        self._connections = None
        self._equal_lines.clear()
        for line in self._buffer:
            self._learn(line, counts=self._saw_before)
        self._sees = self._saw_before = True
        self._forgot = False

    def _lose_sight(self, at: int) -> None:
        self._sees = False
        self._lost_at = self._seen_at if self._forgot else at

    def _join(self, name: str, at: int) -> None:
        user = self._sight(name, at)
        if user["current_session_start"] is None:
            user["current_session_start"] = at // 1000

    def _leave(self, name: str, at: int) -> None:
        self._end_session(self._sight(name, at), at)

    def _end_session(self, user: dict[str, Any], at: int) -> None:
        started = user["current_session_start"]
        if started is not None:
            ended = max(at // 1000, started)
            user["total_time_connected"] += ended - started
            user["last_seen"] = max(user["last_seen"], ended)
            user["current_session_start"] = None

    def _sight(self, name: str, at: int) -> dict[str, Any]:
        self._seen_at = max(self._seen_at, at)
        seconds = at // 1000
        user = self.summary.users.setdefault(
            name.lower(),
            {
                "username": name,
                "first_seen": seconds,
                "last_seen": seconds,
                "total_chat_lines": 0,
                "total_time_connected": 0,
                "current_session_start": None,
            },
        )
        user["username"] = name
        user["first_seen"] = min(user["first_seen"], seconds)
        user["last_seen"] = max(user["last_seen"], seconds)
        return user

    def _counted(self, entry: Entry) -> None:
        if self._sees:
            self._connections = entry["connections"]
            self._count(entry["at"])

    def _count(self, at: int) -> None:
        summary, users = self.summary, len(self.summary.present)
        if summary.most_users is None or users > summary.most_users[0]:
            summary.most_users = users, at // 1000
        if self._connections is not None:
            connections = max(users, self._connections)
            if summary.most_connections is None or connections > summary.most_connections[0]:
                summary.most_connections = connections, at // 1000

    # Chat.

    def _said(self, entry: Entry) -> None:
        self._buffer.append(entry)
        if self._sees:
            self._learn(entry, counts=True)

    def _learn(self, entry: Entry, *, counts: bool) -> None:
        line = entry["time"], entry["name"].lower(), entry["text"]
        identity = *line, self._equal_lines[line]
        self._equal_lines[line] += 1
        if identity in self._known_lines:
            return
        self._known_lines.add(identity)
        self.summary.lines.append(
            {"time": entry["time"], "username": entry["name"], "text": entry["text"], "counted": counts}
        )
        if counts:
            self._sight(entry["name"], entry["time"])["total_chat_lines"] += 1

    def _did(self, entry: Entry) -> None:
        if self._sees and entry["what"] == Kind.COMMAND and entry["done"] and entry["rank"] >= MODERATOR_RANK:
            command = {"milliseconds": entry["at"], "username": entry["name"], "text": entry["detail"]["text"]}
            self.summary.commands.append(command)

    # The playlist.

    def _began(self, entry: Entry) -> None:
        self._items = list(entry["items"])

    def _queued(self, entry: Entry) -> None:
        self._items.insert(self._place(entry["after"]), entry["item"])
        self._change(entry, "queued", entry["item"], entry["item"]["by"] or None)

    def _removed(self, entry: Entry) -> None:
        item = self._take_off(entry["uid"])
        self._change(entry, "removed", item)
        if entry["uid"] == self._uid and not self._items:
            self._nothing_plays(entry["at"])

    def _moved(self, entry: Entry) -> None:
        item = self._take_off(entry["uid"])
        if item is not None:
            self._items.insert(self._place(entry["after"]), item)
            self._change(entry, "moved", item)

    def _kept(self, entry: Entry) -> None:
        for index, item in enumerate(self._items):
            if item["uid"] == entry["uid"]:
                self._items[index] = {**item, "temp": entry["temp"]}
                self._change(entry, "temp", self._items[index])

    def _lock(self, entry: Entry) -> None:
        self._change(entry, "locked" if entry["locked"] else "unlocked")

    def _arranged(self, entry: Entry) -> None:
        had_items = bool(self._items)
        self._items = list(entry["items"])
        if self._items:
            self._goes_on = True
            self._change(entry, "shuffled")
            return
        if had_items or self._play is not None:
            self._change(entry, "cleared")
        self._nothing_plays(entry["at"])

    def _change(self, entry: Entry, action: str, item: Entry | None = None, by: str | None = None) -> None:
        if not self._sees:
            return
        self._seen_at = entry["at"]
        shown = item and {
            "uid": item["uid"],
            "title": item["title"],
            "type": item["type"],
            "id": item["id"],
            "duration": item["seconds"],
            "temp": item["temp"],
        }
        self.summary.changes.append({"time": entry["at"] // 1000, "action": action, "item": shown, "by": by})

    def _place(self, after: int | str) -> int:
        if after == "prepend":
            return 0
        places = (place + 1 for place, item in enumerate(self._items) if item["uid"] == after)
        return next(places, len(self._items))

    def _take_off(self, uid: int) -> Entry | None:
        item = next((item for item in self._items if item["uid"] == uid), None)
        self._items = [each for each in self._items if each is not item]
        return item

    # What plays.

    def _played(self, entry: Entry) -> None:
        play, self._uid = self._play, entry["uid"]
        # A lead-in begins the play anew, also after a shuffle or an unloading.
        goes_on, self._goes_on = self._goes_on and entry["position"] >= 0, False
        is_same_item = play is not None and (play.media["type"], play.media["id"]) == (entry["type"], entry["id"])
        if goes_on and is_same_item:
            return
        by = next((item["by"] for item in self._items if item["uid"] == entry["uid"]), None)
        self._play = _Play(entry, by or None)
        if self._sees:
            self._begin_row(self._play, entry["at"], entry["position"])

    def _nothing_plays(self, at: int) -> None:
        self._play = self._uid = None
        if self._sees:
            self._end_row(at)

    def _find_playing(self, entry: Entry) -> None:
        play, shown = self._play, entry["playing"]
        if play is None or shown is None:
            self._end_row(entry["at"])
        elif play.row is None:
            self._begin_row(play, entry["at"], shown["position"])

    def _begin_row(self, play: _Play, at: int, position: float) -> None:
        play.started = at / 1000 - position
        self._end_row(min(at, round(play.started * 1000)))
        media, self._seen_play = play.media, play
        play.row = {
            "started": int(play.started),
            "ended": None,
            "skipped": None,
            "title": media["title"],
            "type": media["type"],
            "id": media["id"],
            "duration": media["seconds"],
            "queued_by": play.queued_by,
        }
        self.summary.plays.append(play.row)

    def _end_row(self, at: int) -> None:
        play, self._seen_play = self._seen_play, None
        if play is None or play.row is None:
            return
        length = play.media["seconds"]
        play.row["ended"] = max(at // 1000, play.row["started"])
        play.row["skipped"] = length > 0 and at / 1000 < play.started + length - CUT_SHORT_SECONDS
