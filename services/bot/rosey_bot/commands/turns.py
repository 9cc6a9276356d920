"""Whose turn it is: one user's commands act and answer in the order in which they came, without waiting for ever.

What tells something starts at once. What changes the room waits until the user's command before it is done, since it
may name positions that the one before it moves. Both hold their answer back until the one before has answered. But
a command whose answer CyTube is long in giving is overtaken after ``PATIENCE``: so whoever waits never waits longer.
"""

from __future__ import annotations

import asyncio
from typing import Final

from rosey_core.identity import user_key

PATIENCE: Final = 0.8
"""Seconds that a command waits for those before it, from its own coming on."""
UNDER_WAY: Final = 8
"""Commands of one user that may be under way at once, their answers included."""


class Turn:
    """One command's place among those of its user."""

    def __init__(self, previous: asyncio.Future[None] | None) -> None:
        loop = asyncio.get_running_loop()
        self._previous: Final = previous
        self._deadline: Final = loop.time() + PATIENCE
        self.answered: Final[asyncio.Future[None]] = loop.create_future()

    async def wait(self) -> None:
        """Wait until the command before has answered, or patience ends."""
        if self._previous is not None and not self._previous.done():
            patience = max(self._deadline - asyncio.get_running_loop().time(), 0)
            await asyncio.wait([self._previous], timeout=patience)

    def end(self) -> None:
        """It has answered, or never will."""
        if not self.answered.done():
            self.answered.set_result(None)


class _Lane:
    def __init__(self) -> None:
        self.under_way = 0
        self.last: asyncio.Future[None] | None = None


class Turns:
    """The turns of all users of a channel."""

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}
        self._refused: set[str] = set()

    def has(self, username: str) -> bool:
        """Whether this user has a command under way."""
        return user_key(username) in self._lanes

    def begin(self, username: str) -> Turn | None:
        """The turn of a command that has come; ``None`` where too many of its user are under way."""
        key = user_key(username)
        if key not in self._lanes:
            self._refused.discard(key)
        lane = self._lanes.setdefault(key, _Lane())
        if lane.under_way >= UNDER_WAY:
            return None
        turn = Turn(lane.last)
        lane.under_way += 1
        lane.last = turn.answered
        return turn

    def end(self, username: str, turn: Turn) -> None:
        """The command and its answer are through."""
        turn.end()
        lane = self._lanes[user_key(username)]
        lane.under_way -= 1
        if not lane.under_way:
            del self._lanes[user_key(username)]

    def is_first_refusal(self, username: str) -> bool:
        """Whether this user is to be told that there are too many commands: once, until theirs are done."""
        key = user_key(username)
        is_first = key not in self._refused
        self._refused.add(key)
        return is_first
