"""Whether the bot is the one that acts for a channel: of several that could, one does."""

from __future__ import annotations

import enum
from collections import deque
from typing import Final, Protocol

from rosey_bot.sink import EventSink
from rosey_core.events import Event, OutboundFailed, OutboundSent, PmCommand

CAPACITY: Final = 10_000
"""Events that are held back at most; what comes beyond is delivered."""


class Telling(enum.Enum):
    """What is to become of events."""

    DELIVER = "deliver"
    HOLD = "hold"
    """It is not known whether another bot has told of the same for a while."""
    DROP = "drop"
    """Another bot tells of the room."""


class Lease(Protocol):
    """A bot's hold on a channel."""

    def acts(self) -> bool:
        """Whether the bot may answer, post and connect now; cheap."""

    async def wait(self) -> None:
        """Wait until it may."""

    def telling(self) -> Telling:
        """What is to become of an event that happens now."""


class Owned:
    """The hold of a bot that shares its channels with nobody."""

    def acts(self) -> bool:
        """It always may."""
        return True

    async def wait(self) -> None:
        """It always may."""

    def telling(self) -> Telling:
        """Every event is delivered."""
        return Telling.DELIVER


class NotHeld(Exception):
    """Nothing is sent to CyTube now: another bot may be about to take the channel, or has."""

    def __init__(self) -> None:
        super().__init__("the bot has lost sight of the others of its pool, one of which may have the channel now")


_OWN_DOINGS: Final = (OutboundSent, OutboundFailed, PmCommand)
"""What the bot has done itself, and no other bot can tell of."""


class LeasedSink:
    """Delivers a channel's events as the lease has it, and what the bot has done itself in any case.

    Args:
        sink: takes what is delivered.
        lease: the hold on the channel.
    """

    def __init__(self, sink: EventSink, lease: Lease) -> None:
        self._sink: Final = sink
        self._lease: Final = lease
        self._held: Final[deque[Event]] = deque()

    def publish(self, event: Event) -> None:
        """Take an event; never blocks, never raises."""
        if isinstance(event, _OWN_DOINGS):
            self._sink.publish(event)
            return
        telling = self._lease.telling()
        if telling is Telling.DROP:
            return
        self._held.append(event)
        if telling is Telling.DELIVER or len(self._held) > CAPACITY:
            self._deliver()

    def settle(self) -> None:
        """Look again what is to become of the events that were held back."""
        if self._held and (telling := self._lease.telling()) is not Telling.HOLD:
            if telling is Telling.DROP:
                self._held.clear()
            self._deliver()

    def _deliver(self) -> None:
        while self._held:
            self._sink.publish(self._held.popleft())
