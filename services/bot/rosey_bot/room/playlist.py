"""The playlist: items in order, known by their numbers.

Numbers (uids) begin at 0 and are all new after a shuffle (PROTOCOL.md 8). Whatever a frame says of an item that is
not on the list is ignored: the list follows the server, it does not judge it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class PlaylistItem:
    """One item of the playlist.

    Attributes:
        duration: seconds; 0 for live media.
        queued_by: who queued it; empty where nobody by name did.
        temp: whether it is deleted when it has played.
    """

    uid: int
    id: str
    title: str
    type: str
    duration: float
    temp: bool
    queued_by: str

    def describe(self, **more: Any) -> dict[str, Any]:
        """The item as events carry it."""
        return {
            "uid": self.uid,
            "title": self.title,
            "type": self.type,
            "id": self.id,
            "duration": self.duration,
            "temp": self.temp,
            **more,
        }


class Playlist:
    """A channel's playlist.

    Attributes:
        current: the number of the item that plays, or played last; ``None`` where CyTube has not told.
        locked: whether only those with the right may add; ``None`` where CyTube has not told.
    """

    current: int | None
    locked: bool | None

    def __init__(self) -> None:
        self._items: list[PlaylistItem] = []
        self.current = None
        self.locked = None

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[PlaylistItem]:
        return iter(self._items)

    @property
    def duration(self) -> float:
        """Seconds of all items together; live ones count nothing."""
        return sum(item.duration for item in self._items)

    def get(self, uid: int | None) -> PlaylistItem | None:
        """The item of this number."""
        position = self.position(uid)
        return None if position is None else self._items[position]

    def position(self, uid: int | None) -> int | None:
        """Where the item of this number stands, from 0."""
        for position, item in enumerate(self._items):
            if item.uid == uid:
                return position
        return None

    def clear(self) -> None:
        """Nothing is on the list."""
        self._items.clear()
        self.current = None

    def replace(self, items: Iterable[PlaylistItem]) -> None:
        """Take a complete list."""
        self._items = list(items)

    def insert(self, item: PlaylistItem, after: int | str) -> None:
        """Put an item behind the one of the number ``after``, first for ``prepend``, else at the end."""
        self._items.insert(self._place(after), item)

    def remove(self, uid: int) -> PlaylistItem | None:
        """Take an item off; returns it, ``None`` where it was not there."""
        position = self.position(uid)
        return None if position is None else self._items.pop(position)

    def move(self, uid: int, after: int | str) -> PlaylistItem | None:
        """Put an item behind another one; returns it, ``None`` where it was not there."""
        item = self.remove(uid)
        if item is not None:
            self.insert(item, after)
        return item

    def set_temp(self, uid: int, temp: bool) -> PlaylistItem | None:
        """Make an item temporary or permanent; returns it as it is now, ``None`` where it was not there."""
        position = self.position(uid)
        if position is None:
            return None
        item = self._items[position] = replace(self._items[position], temp=temp)
        return item

    def _place(self, after: int | str) -> int:
        if after == "prepend":
            return 0
        position = self.position(after) if isinstance(after, int) else None
        return len(self._items) if position is None else position + 1
