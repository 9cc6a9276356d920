"""A room: everything the bot knows about a channel through one connection."""

from __future__ import annotations

from rosey_bot.room.media import NowPlaying
from rosey_bot.room.options import Permissions
from rosey_bot.room.playlist import Playlist
from rosey_bot.room.users import RoomUser, Users
from rosey_core.identity import user_key

ANONYMOUS_RANK = -1.0


class Room:
    """What a channel looks like now.

    Attributes:
        name: the channel's name as configured.
        is_joined: whether the bot is in the room and has its user list.
        own_name: the bot's name as CyTube spells it; ``None`` while it is not logged in.
        own_rank: the bot's rank; -1 while it is not logged in.
        connections: sockets in the room as CyTube last told, anonymous ones too; ``None`` where it has not yet.
        media: what plays; ``None`` where nothing does or nothing is known.
        title: the channel's page title.
        allows_voteskip: whether the channel's options let users vote for skipping.
    """

    name: str
    is_joined: bool
    own_name: str | None
    own_rank: float
    connections: int | None
    users: Users
    playlist: Playlist
    permissions: Permissions
    media: NowPlaying | None
    title: str
    allows_voteskip: bool

    def __init__(self, name: str) -> None:
        self.name = name
        self.users = Users()
        self.playlist = Playlist()
        self.permissions = Permissions()
        self.title = name
        self.allows_voteskip = True
        self.forget()

    def forget(self) -> None:
        """Know nothing any more: whatever a new connection shows, it shows from the beginning."""
        self.is_joined = False
        self.own_name = None
        self.own_rank = ANONYMOUS_RANK
        self.connections = None
        self.media = None
        self.users.clear()
        self.playlist.clear()
        self.playlist.locked = None
        self.permissions.clear()

    @property
    def chat_count(self) -> int:
        """Users with a name."""
        return len(self.users)

    @property
    def connected_count(self) -> int | None:
        """Sockets in the room, ``None`` where CyTube has not told; its count lags by up to 10 s (PROTOCOL.md 7)."""
        return None if self.connections is None else max(self.connections, len(self.users))

    @property
    def me(self) -> RoomUser | None:
        """The bot in the list of users."""
        return None if self.own_name is None else self.users.get(self.own_name)

    def is_me(self, name: str) -> bool:
        """Whether this is the bot's own name, in whatever case."""
        return self.own_name is not None and user_key(name) == user_key(self.own_name)
