"""What a channel tells of its work to whoever measures it; the channel knows nothing of metrics."""

from __future__ import annotations

from typing import Protocol


class ChannelObserver(Protocol):
    """Told what happens, as it happens; every call is cheap."""

    def frame(self, channel: str, name: str) -> None:
        """A frame came."""

    def connected(self, channel: str, is_connected: bool) -> None:
        """The bot entered the room, or is in it no more."""

    def connection_ended(self, channel: str, cause: str) -> None:
        """A connection ended, or could not be made."""

    def command(self, name: str, outcome: str, seconds: float) -> None:
        """A command was carried out: its name or ``unknown``, ``success`` or ``error``, and how long it took."""

    def throttled(self, seconds: float) -> None:
        """A message waited so long for CyTube's rate limit."""
