"""What happened in the rooms, written down as it happens: one JSON object an event, one line each in a file.

Every entry has `at` (Unix milliseconds of the site's clock), `room` and `event`; the other keys are given with the
events below. Two kinds of entries stand side by side: what people of the crowd did (`did`), and what the room then
showed to whoever was in it, whoever caused it.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rosey_simulator.frames import Frame
from rosey_simulator.member import Member, wire_number
from rosey_simulator.playlist.playlist import Item
from rosey_simulator.room import Room
from rosey_simulator.witness import Witness

Entry = dict[str, Any]

_TAG = re.compile(r"<[^>]*>")


class Event(StrEnum):
    """What an entry tells, with its keys."""

    BEGAN = "began"  # items: the playlist, in order, when the record begins and whenever a room is loaded again
    DID = "did"  # after what came of it: what (a kind of action), detail, person, name (as logged in), rank, done
    ARRIVED = "arrived"  # connection (a number), name ("" for none)
    NAMED = "named"  # connection, name
    LEFT = "left"  # connection, name
    UNLOADED = "unloaded"  # everybody is gone without having left
    LISTED = "listed"  # connection; playing (uid and position in seconds, null if nothing plays): a socket was shown it
    SAID = "said"  # name, text (as a client reads it), time (ms, CyTube's)
    CLEARED = "chat cleared"
    COUNTED = "counted"  # connections
    QUEUED = "queued"  # item, after
    REMOVED = "removed"  # uid
    MOVED = "moved"  # uid, after
    KEPT = "temp"  # uid, temp
    LOCKED = "locked"  # locked
    ARRANGED = "arranged"  # items: the whole playlist anew, empty when it was cleared
    PLAYED = "played"  # uid, position (seconds; negative in the lead-in), id, title, type, seconds
    ENDED = "observer ended"  # the process behind an observer's connection ends, and forgets what it knew


class Record(Witness):
    """Watches rooms and keeps what it saw, in memory, in a file, or both.

    Each line is handed to the system as it is written, so that it survives the end of this process.
    """

    def __init__(self, path: Path | None = None, *, keep: bool = True) -> None:
        self.entries: list[Entry] = []
        self._keep = keep
        self._file = None if path is None else path.open("w", encoding="utf-8", buffering=1)
        self._numbers: dict[Member, int] = {}
        self._next_number = 0
        self._current: dict[str, int] = {}
        self._played_at: dict[str, int] = {}
        self._unloaded: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def watch(self, room: Room) -> None:
        """Begin to record a room; what it shows now comes first."""
        for member in room.members:
            self.arrived(room, member)
        self._begin(room)
        current = room.playlist.current
        if current is not None:
            self._play(room, current.uid, current.media.as_json(), room.playlist.playback.current_time)
        room.witnesses.append(self)

    def did(self, room: Room, what: str, detail: Mapping[str, Any], *, person: str, member: Member, done: bool) -> None:
        """Somebody of the crowd did something; `done` is false where nothing could come of it."""
        rank = wire_number(member.rank)
        self._write(
            room, Event.DID, what=what, detail=dict(detail), person=person, name=member.name, rank=rank, done=done
        )

    def observer_ended(self, room: Room) -> None:
        """Whatever process observed the room is gone; the next one knows only what is stored."""
        self._write(room, Event.ENDED)

    def seconds_since_change(self, room: Room) -> float:
        """How long what plays has been playing, or nothing has."""
        return room.now() - self._played_at.get(room.name, 0) / 1000

    # As a witness.

    def arrived(self, room: Room, member: Member) -> None:
        self._notice_loading(room)
        self._next_number += 1
        self._numbers[member] = self._next_number
        self._write(room, Event.ARRIVED, connection=self._next_number, name=member.name)

    def named(self, room: Room, member: Member) -> None:
        self._write(room, Event.NAMED, connection=self._numbers[member], name=member.name)

    def listed(self, room: Room, member: Member) -> None:
        if member.sink is None:
            return
        current = room.playlist.current
        playing = current and {"uid": current.uid, "position": room.playlist.playback.current_time}
        self._write(room, Event.LISTED, connection=self._numbers[member], playing=playing)

    def left(self, room: Room, member: Member) -> None:
        self._write(room, Event.LEFT, connection=self._numbers.pop(member), name=member.name)

    def unloaded(self, room: Room) -> None:
        self._numbers = {member: number for member, number in self._numbers.items() if member.room not in (None, room)}
        self._write(room, Event.UNLOADED)
        self._unloaded.add(room.name)

    def heard(self, room: Room, frame: Frame) -> None:
        data: Any = frame.args[0] if frame.args else None
        match frame.event:
            case "chatMsg":
                # Names in brackets are the server's own voices.
                if not data["username"].startswith("["):
                    text = plain_text(data["msg"])
                    self._write(room, Event.SAID, name=data["username"], text=text, time=data["time"])
            case "clearchat":
                self._write(room, Event.CLEARED)
            case "usercount":
                self._write(room, Event.COUNTED, connections=data)
            case "queue":
                self._write(room, Event.QUEUED, item=_flat(data["item"]), after=data["after"])
            case "delete":
                self._write(room, Event.REMOVED, uid=data["uid"])
            case "moveVideo":
                self._write(room, Event.MOVED, uid=data["from"], after=data["after"])
            case "setTemp":
                self._write(room, Event.KEPT, uid=data["uid"], temp=data["temp"])
            case "setPlaylistLocked":
                self._write(room, Event.LOCKED, locked=data)
            case "playlist":
                self._write(room, Event.ARRANGED, items=[_flat(item) for item in data])
            case "setCurrent":
                self._notice_loading(room)
                self._current[room.name] = data
            case "changeMedia":
                self._play(room, self._current[room.name], data, data["currentTime"])

    def _begin(self, room: Room) -> None:
        self._write(room, Event.BEGAN, items=[_item(item) for item in room.playlist.items])

    def _notice_loading(self, room: Room) -> None:
        # Loading gives every item a new uid, of which no frame tells; then what plays is shown, if anything does, and
        # the first client is in (PROTOCOL section 8).
        if room.name in self._unloaded:
            self._unloaded.remove(room.name)
            self._begin(room)

    def _play(self, room: Room, uid: int, media: Mapping[str, Any], position: float) -> None:
        self._played_at[room.name] = room.now_ms()
        shown = {key: media[key] for key in ("id", "title", "type", "seconds")}
        self._write(room, Event.PLAYED, uid=uid, position=position, **shown)

    def _write(self, room: Room, event: Event, **keys: Any) -> None:
        entry = {"at": room.now_ms(), "room": room.name, "event": event.value, **keys}
        if self._keep:
            self.entries.append(entry)
        if self._file is not None:
            self._file.write(json.dumps(entry) + "\n")


def read(path: Path) -> list[Entry]:
    """The entries of a file; a last line that its writer did not finish is left out."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1]]


def plain_text(markup: str) -> str:
    """Chat as a client reads it: without tags, then without entities (PROTOCOL section 5)."""
    return html.unescape(_TAG.sub("", markup))


def _item(item: Item) -> Entry:
    return _flat(item.as_json())


def _flat(item: Mapping[str, Any]) -> Entry:
    media = item["media"]
    shown = {key: media[key] for key in ("id", "title", "type", "seconds")}
    return {"uid": item["uid"], "temp": item["temp"], "by": item["queueby"], **shown}
