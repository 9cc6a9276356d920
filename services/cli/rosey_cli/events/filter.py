"""Which events a person wants to see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rosey_cli.events.line import Received
from rosey_core import events
from rosey_core.identity import user_key


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What is wanted; empty means everything.

    Attributes:
        channels: keys of channels, ``""`` for the default channel.
        subjects: events' subjects in the channel-less form.
        users: names, in any case; an event is wanted if it names one of them.
    """

    channels: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()

    def wants(self, received: Received) -> bool:
        """Whether this is to be shown; a message that is no event names nobody."""
        if self.subjects and received.subject not in self.subjects:
            return False
        if self.channels and (received.channel or "") not in self.channels:
            return False
        if not self.users:
            return True
        wanted = set(map(user_key, self.users))
        return received.event is not None and any(user_key(name) in wanted for name in names(received.event))


def names(event: events.Event) -> Iterator[str]:
    """The users that an event names."""
    if isinstance(event, events.UsersPresent):
        yield from (user.username for user in event.users)
    for attribute in ("username", "queued_by", "by"):
        name = getattr(event, attribute, None)
        if isinstance(name, str):
            yield name
