"""Events as fifty busy channels make them, the same for the same seed but for their times."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from rosey_core import events, identity
from rosey_core.events import ChatMessage, Event

USERS: Final = 20
"""Who says the lines of ``line``."""


def line(number: int, *, channel: str, prefix: str, moment: float) -> ChatMessage:
    """A line whose text begins with a prefix and its number, said by one of ``USERS``.

    Args:
        moment: Unix seconds at which it is said.
    """
    user = f"bench{number % USERS}"
    text = f"{prefix} {number} ".ljust(20 + number * 7 % 50, "x")
    own_id = identity.chat_id(channel=channel, milliseconds=int(moment * 1000), username=user, text=text)
    return ChatMessage(id=own_id, channel=channel, timestamp=moment, platform="cytube", username=user, message=text)


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Mixed events: 80 % chat, 8 % joins, 8 % leaves, 2 % playlist changes, 1 % counts, 1 % plays.

    Attributes:
        users: users of each channel.
        text: the length of a chat line is 10 to so many characters.
    """

    seed: int = 1
    channels: int = 50
    users: int = 40
    text: int = 70

    def events(self, count: int) -> Iterator[Event]:
        """So many events, a millisecond apart up to now; each has an id of its own."""
        chance = random.Random(self.seed)
        # Who is in the room is told by event time, and what is dated far ahead of the stream is not believed.
        begun = int(time.time() * 1000) - count
        for number in range(count):
            milliseconds = begun + number
            channel = f"room{chance.randrange(self.channels)}"
            user = f"user{chance.randrange(self.users)}"
            text = f"{number} ".ljust(chance.randint(10, self.text), "x")
            yield self._event(chance.random(), number, milliseconds, channel, user, text)

    @staticmethod
    def _event(share: float, number: int, milliseconds: int, channel: str, user: str, text: str) -> Event:
        common: dict[str, Any] = {"channel": channel, "timestamp": milliseconds / 1000, "platform": "cytube"}
        if share < 0.80:
            chat_id = identity.chat_id(channel=channel, milliseconds=milliseconds, username=user, text=text)
            return events.ChatMessage(id=chat_id, username=user, message=text, **common)
        own_id = identity.uuid7(milliseconds)
        if share < 0.88:
            return events.UserJoined(id=own_id, username=user, **common)
        if share < 0.96:
            return events.UserLeft(id=own_id, username=user, **common)
        if share < 0.98:
            item = {"uid": number, "title": text, "seconds": 200}
            return events.PlaylistChanged(id=own_id, action="queued", item=item, by=user, **common)
        if share < 0.99:
            return events.UserCount(id=own_id, chat_count=number % 40, connected_count=number % 60, **common)
        return events.MediaPlayed(
            event=own_id, title=text, type="yt", id=f"video{number}", duration=200, queued_by=user, **common
        )
