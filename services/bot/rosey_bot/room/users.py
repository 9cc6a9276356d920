"""The named users of a room: rank, away, muted, leader. Names do not differ by case (PROTOCOL.md 12.7)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from rosey_core.identity import user_key

_NAME: Final = re.compile(r"[^\x00-\x20\x7f\[\]\ud800-\udfff]{1,64}")

MODERATOR: Final = 2
"""The least rank of a channel's moderator (PROTOCOL.md 4)."""
ADMIN: Final = 3
"""The least rank of a channel's admin (PROTOCOL.md 4)."""


def is_username(name: str) -> bool:
    """Whether a user can have this name: the server speaks as ``[server]``, anonymous sockets have an empty one."""
    return _NAME.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class RoomUser:
    """One user who is in the room.

    Attributes:
        muted: they cannot chat, and know it.
        shadow_muted: what they say is for moderators, and they are not to know it.
        since: Unix seconds; when they came, or when the bot first saw them.
        was_present: they were in the room before the bot saw it, so that ``since`` is the bot's first sight.
    """

    name: str
    rank: float
    afk: bool = False
    muted: bool = False
    shadow_muted: bool = False
    since: float = 0.0
    was_present: bool = False


class Users:
    """Who is in the room now.

    Attributes:
        leader: the name of the user who leads playback, empty where nobody does.
    """

    leader: str

    def __init__(self) -> None:
        self._users: dict[str, RoomUser] = {}
        self.leader = ""

    def __len__(self) -> int:
        return len(self._users)

    def __iter__(self) -> Iterator[RoomUser]:
        return iter(self._users.values())

    def get(self, name: str) -> RoomUser | None:
        """The user of this name in whatever case; ``None`` where there is none."""
        return self._users.get(user_key(name))

    def clear(self) -> None:
        """Know nothing: the connection is new."""
        self._users.clear()
        self.leader = ""

    def replace(self, users: Iterable[RoomUser]) -> None:
        """Take a complete list; who was in the room before keeps the time of their coming."""
        before = self._users
        self._users = {}
        for user in users:
            key = user_key(user.name)
            known = before.get(key)
            self._users[key] = (
                user if known is None else replace(user, since=known.since, was_present=known.was_present)
            )

    def add(self, user: RoomUser) -> None:
        """A user came, or came again."""
        self._users[user_key(user.name)] = user

    def remove(self, name: str) -> RoomUser | None:
        """A user left; returns who that was, ``None`` where nobody of this name was in the room."""
        return self._users.pop(user_key(name), None)

    def set_rank(self, name: str, rank: float) -> None:
        """A user's rank changed; CyTube also tells it of users who are not in the room (PROTOCOL.md 7)."""
        user = self.get(name)
        if user is not None:
            self._users[user_key(name)] = replace(user, rank=rank)

    def set_state(
        self, name: str, *, afk: bool | None = None, muted: bool | None = None, shadow_muted: bool | None = None
    ) -> None:
        """A user went away or came back, was muted or unmuted; what is ``None`` stays."""
        user = self.get(name)
        if user is not None:
            self._users[user_key(name)] = replace(
                user,
                afk=user.afk if afk is None else afk,
                muted=user.muted if muted is None else muted,
                shadow_muted=user.shadow_muted if shadow_muted is None else shadow_muted,
            )
