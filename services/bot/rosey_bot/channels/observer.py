"""What a channel tells of its work to whoever measures it; the channel knows nothing of metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class ChannelObserver(Protocol):
    """Told what happens, as it happens; every call is cheap."""

    def frame(self, channel: str, name: str) -> Callable[[], None] | None:
        """A frame came; what this returns, if anything, is called when it has been dealt with."""

    def connected(self, channel: str, is_connected: bool) -> None:
        """The bot entered the room, or is in it no more."""

    def connection_ended(self, channel: str, cause: str) -> None:
        """A connection ended, or could not be made."""

    def command_begins(self, name: str) -> None:
        """A command is about to be carried out: its name or ``unknown``; what follows is told in the same task."""

    def command(self, name: str, outcome: str, seconds: float) -> None:
        """A command was carried out: its name or ``unknown``, ``success`` or ``error``, and how long it took."""

    def answered(self) -> None:
        """The command's answer is with CyTube, or with what sends it in its turn."""

    def throttled(self, seconds: float) -> None:
        """A message waited so long for CyTube's rate limit."""
