"""What a channel looks like from its events: who is there, what plays, what was said last."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from rosey_core import events, subjects
from rosey_core.identity import user_key

CHAT_LINES: Final = 30
SUBJECTS: Final = (
    subjects.MESSAGE_LOG,
    subjects.USER_JOINED,
    subjects.USER_LEFT,
    subjects.USER_PRESENT,
    subjects.STATUS_UPDATE,
    subjects.MEDIA_PLAYED,
    subjects.MEDIA_ENDED,
)


class ChatLine(NamedTuple):
    """A line of chat; ``time`` in Unix seconds."""

    channel: str
    time: float
    username: str
    message: str


class Playing(NamedTuple):
    """What plays; ``started`` in Unix seconds, ``duration`` in seconds, 0 for live media."""

    title: str
    started: float
    duration: float
    queued_by: str | None


class Channel:
    """One channel.

    Attributes:
        users: who is there, by the key of the name.
        connected: connections, ``None`` until it is known.
        playing: what plays, ``None`` where nothing does.
        chat: the last lines.
        is_away: whether the bot has said that it is not in the room.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self.users: dict[str, str] = {}
        self.connected: int | None = None
        self.playing: Playing | None = None
        self.chat: deque[ChatLine] = deque(maxlen=CHAT_LINES)
        self.is_away = False

    @property
    def attendance(self) -> str:
        """How many are there, as a part of a line."""
        where = f"{self.key or 'default channel'}: "
        return where + ("the bot is not there" if self.is_away else f"{len(self.users)} users")

    def apply(self, event: events.Event, now: float) -> None:
        """Take an event; others than those on ``SUBJECTS`` tell nothing here.

        Args:
            now: Unix seconds, for an event without a time of its own.
        """
        time = now if event.timestamp is None else event.timestamp
        if isinstance(event, events.ChatMessage):
            self.chat.append(ChatLine(self.key, time, event.username, event.message))
        elif isinstance(event, events.UserJoined):
            self.users[user_key(event.username)] = event.username
        elif isinstance(event, events.UserLeft):
            self.users.pop(user_key(event.username), None)
        elif isinstance(event, events.UsersPresent):
            self.users = {user_key(user.username): user.username for user in event.users}
        elif isinstance(event, events.StatusUpdate):
            connected = event.status_data.current_connected_users
            self.is_away = event.status_data.bot_connected in (False, 0)
            self.connected = connected if isinstance(connected, int) and not self.is_away else None
        elif isinstance(event, events.MediaPlayed):
            started = time if event.started is None else event.started
            self.playing = Playing(event.title, started, event.duration, event.queued_by)
        elif isinstance(event, events.MediaEnded):
            self.playing = None
