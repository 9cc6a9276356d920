"""Reads a recording as a person would who has CyTube's protocol at hand, and writes down what should be stored.

Nothing of the bot or the database is used here, only the frames as they came and these rules (PROTOCOL.md):

- The room is in sight from the first ``userlist`` of a connection until the connection is gone. Whoever is missing
  from the first list of the next connection left when the former one ended.
- A user comes with ``addUser`` or by being listed, and goes with ``userLeave``; who comes while they are there has not
  come anew. The spelling shown last is the name.
- ``chatMsg`` is a line of chat unless a voice in brackets speaks or the user is shadow-muted. Before the first
  ``userlist`` of a connection it is a replay: history at the first join of all, else known already or said meanwhile.
- A play begins where its position says, the lead-in left out. The same item with a start within 2.5 s is the same play,
  and so is one that a shuffle gave a new number, or that goes on after a gap where it was, or further on.
- The first ``playlist`` of a connection, and the same one again, are no changes; an empty one clears, and one with none
  of the former numbers is a shuffle.
- A private message of somebody with rank 2 or more is a command.
- How many users there are is seen at each list and each arrival, how many connections from the first ``usercount`` of
  a connection on; they are at least as many as the users.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from tests.integration.recordings.recording import Frame, Recording

Row = dict[str, Any]
Tables = dict[str, list[Row]]

MODERATOR = 2
SAME_START_SECONDS = 2.5
CUT_SHORT_SECONDS = 1.0


def read(recording: Recording) -> Tables:
    """What should be stored of it: the rows of each table, times in whole Unix seconds."""
    witness = _Witness()
    for connection in recording.connections:
        witness.connected()
        for frame in connection.frames:
            witness.see(frame, recording.began + frame.time)
        witness.disconnected(recording.began + connection.ended)
    return witness.tables()


class _Text(HTMLParser):
    """What a browser shows of a line."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.shown = ""

    def handle_data(self, data: str) -> None:
        self.shown += data


def read_text(markup: str) -> str:
    """A line as a reader sees it."""
    parser = _Text()
    parser.feed(markup)
    parser.close()
    return parser.shown


@dataclass
class _Play:
    """What plays; ``row`` is its row."""

    media: Row
    started: float
    position: float
    row: Row


class _Witness:
    """Sees frames, and keeps what they show."""

    def __init__(self) -> None:
        self._users: dict[str, Row] = {}
        self._lines: list[Row] = []
        self._plays: list[Row] = []
        self._changes: list[Row] = []
        self._commands: list[Row] = []
        self._most_users: tuple[int, int | None] = (0, None)
        self._most_connections: tuple[int, int | None] = (0, None)
        self._known_lines: set[tuple[Any, ...]] = set()
        self._was_here = False
        self._lost_at = 0.0
        self._playing: _Play | None = None
        self.connected()

    def connected(self) -> None:
        self._in_sight = False
        self._own_name = ""
        self._ranks: dict[str, float] = {}
        self._connections: int | None = None
        self._equal_lines: Counter[tuple[Any, ...]] = Counter()
        self._items: dict[int, Row] = {}
        self._current: int | None = None
        self._is_shuffled = False

    def disconnected(self, at: float) -> None:
        self._lost_at = at

    def see(self, frame: Frame, at: float) -> None:
        follow = getattr(self, f"_{frame.event}", None)
        if follow is not None:
            follow(frame.args[0], at)

    def tables(self) -> Tables:
        return {
            "user_stats": [self._users[key] for key in sorted(self._users)],
            "recent_chat": self._lines,
            "media_played": self._plays,
            "playlist_changes": self._changes,
            "user_actions": self._commands,
            "channel_stats": [
                {
                    "max_users": self._most_users[0],
                    "max_users_timestamp": self._most_users[1],
                    "max_connected": self._most_connections[0],
                    "max_connected_timestamp": self._most_connections[1],
                }
            ],
        }

    # Users.

    def _login(self, answer: Row, _at: float) -> None:
        if answer["success"]:
            self._own_name = answer["name"]

    def _userlist(self, users: list[Row], at: float) -> None:
        self._ranks = {user["name"].lower(): user["rank"] for user in users}
        for key, user in self._users.items():
            if key not in self._ranks:
                self._end_session(user, at if self._in_sight else self._lost_at)
        for user in users:
            self._begin_session(user["name"], at)
        if not self._in_sight and self._current is None:
            self._end_play(at)
        self._in_sight = self._was_here = True
        self._count(at)

    def _addUser(self, user: Row, at: float) -> None:  # noqa: N802 - CyTube's spelling, as all below
        self._ranks[user["name"].lower()] = user["rank"]
        self._begin_session(user["name"], at)
        self._count(at)

    def _userLeave(self, user: Row, at: float) -> None:  # noqa: N802
        self._ranks.pop(user["name"].lower(), None)
        self._end_session(self._sight(user["name"], at), at)

    def _setUserRank(self, user: Row, _at: float) -> None:  # noqa: N802
        if user["name"].lower() in self._ranks:
            self._ranks[user["name"].lower()] = user["rank"]

    def _usercount(self, connections: int, at: float) -> None:
        self._connections = connections
        self._count(at)

    def _sight(self, name: str, at: float) -> Row:
        fresh = {
            "first_seen": int(at),
            "last_seen": int(at),
            "total_chat_lines": 0,
            "total_time_connected": 0,
            "current_session_start": None,
        }
        user = self._users.setdefault(name.lower(), {"username": name, **fresh})
        user["username"] = name
        user["first_seen"] = min(user["first_seen"], int(at))
        user["last_seen"] = max(user["last_seen"], int(at))
        return user

    def _begin_session(self, name: str, at: float) -> None:
        user = self._sight(name, at)
        if user["current_session_start"] is None:
            user["current_session_start"] = int(at)

    @staticmethod
    def _end_session(user: Row, at: float) -> None:
        if user["current_session_start"] is not None:
            user["total_time_connected"] += int(at) - user["current_session_start"]
            user["last_seen"] = max(user["last_seen"], int(at))
            user["current_session_start"] = None

    def _count(self, at: float) -> None:
        users = len(self._ranks)
        if users > self._most_users[0]:
            self._most_users = users, int(at)
        if self._connections is not None and max(users, self._connections) > self._most_connections[0]:
            self._most_connections = max(users, self._connections), int(at)

    # Chat.

    def _chatMsg(self, line: Row, _at: float) -> None:  # noqa: N802
        if "[" in line["username"] or line["meta"].get("shadow"):
            return
        said = line["time"], line["username"].lower(), line["msg"]
        identity = *said, self._equal_lines[said]
        self._equal_lines[said] += 1
        if identity in self._known_lines:
            return
        self._known_lines.add(identity)
        self._lines.append(
            {"timestamp": line["time"] // 1000, "username": line["username"], "message": read_text(line["msg"])}
        )
        if self._was_here:
            self._sight(line["username"], line["time"] / 1000)["total_chat_lines"] += 1

    def _pm(self, message: Row, at: float) -> None:
        sender = message["username"]
        if sender == self._own_name or self._ranks.get(sender.lower(), 0) < MODERATOR:
            return
        command, *rest = read_text(message["msg"]).split(maxsplit=1)
        # Nobody asked the recorded client for anything that a bot of ours can do.
        details = f"cmd={command}, args: {''.join(rest)}, result: error, error: unknown command"
        self._commands.append({"timestamp": int(at), "username": sender, "details": details})

    # The playlist.

    def _playlist(self, items: list[Row], at: float) -> None:
        before = self._items
        self._items = {item["uid"]: dict(item) for item in items}
        if not self._in_sight:
            return
        if not items:
            if before or self._playing is not None:
                self._change("cleared", at)
            self._end_play(at)
        elif before and not before.keys() & self._items.keys():
            self._is_shuffled = True
            self._change("shuffled", at)

    def _queue(self, frame: Row, at: float) -> None:
        item = frame["item"]
        self._items[item["uid"]] = dict(item)
        self._change("queued", at, item, by=item["queueby"] or None, after=frame["after"])

    def _delete(self, frame: Row, at: float) -> None:
        self._change("removed", at, self._items.pop(frame["uid"]))
        if not self._items:
            self._end_play(at)

    def _moveVideo(self, frame: Row, at: float) -> None:  # noqa: N802
        self._change("moved", at, self._items[frame["from"]], after=frame["after"])

    def _setTemp(self, frame: Row, at: float) -> None:  # noqa: N802
        item = self._items[frame["uid"]]
        item["temp"] = frame["temp"]
        self._change("temp", at, item)

    def _change(self, action: str, at: float, item: Row | None = None, *, by: str | None = None, **more: Any) -> None:
        shown = None
        if item is not None:
            media = item["media"]
            shown = {key: media[key] for key in ("id", "title", "type")} | more
            shown |= {"uid": item["uid"], "temp": item["temp"], "duration": media["seconds"]}
        self._changes.append({"timestamp": int(at), "action": action, "item": shown, "changed_by": by})

    # What plays.

    def _setCurrent(self, uid: int, _at: float) -> None:  # noqa: N802
        self._current = uid

    def _changeMedia(self, media: Row, at: float) -> None:  # noqa: N802
        started = at - media["currentTime"]
        if not self._goes_on(media, started):
            self._end_play(min(at, started))
            item = self._items.get(-1 if self._current is None else self._current, {})
            row = {
                "started": int(started),
                "ended": None,
                "skipped": False,
                "title": media["title"],
                "type": media["type"],
                "media_id": media["id"],
                "duration": media["seconds"],
                "queued_by": item.get("queueby") or None,
            }
            self._plays.append(row)
            self._playing = _Play(media, started, media["currentTime"], row)
        self._is_shuffled = False

    def _mediaUpdate(self, update: Row, _at: float) -> None:  # noqa: N802
        if self._playing is not None:
            self._playing.position = update["currentTime"]

    def _goes_on(self, media: Row, started: float) -> bool:
        play = self._playing
        if play is None or (play.media["type"], play.media["id"]) != (media["type"], media["id"]):
            return False
        later = started - play.started
        if abs(later) <= SAME_START_SECONDS or self._is_shuffled:
            return True
        return not self._in_sight and later > 0 and media["currentTime"] >= play.position

    def _end_play(self, at: float) -> None:
        play, self._playing = self._playing, None
        if play is not None:
            seconds = play.media["seconds"]
            play.row["ended"] = max(int(at), play.row["started"])
            play.row["skipped"] = seconds > 0 and at < play.started + seconds - CUT_SHORT_SECONDS
