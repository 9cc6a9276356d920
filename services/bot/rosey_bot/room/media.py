"""The medium that plays now, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

TOLERANCE: Final = 2.0
"""Seconds by which two positions of one play may differ: the server's clock goes by seconds, and networks are late."""


@dataclass(frozen=True, slots=True)
class NowPlaying:
    """A medium that plays.

    Attributes:
        seconds: its length; 0 for live media.
        queued_by: who put it on the playlist, where known.
        started: Unix seconds; the start of this play as it was first seen, the lead-in left out.
        position: seconds into the medium at the time ``at`` (Unix seconds); negative in the lead-in.
        uid: the playlist item's number, where CyTube told it.
    """

    id: str
    title: str
    type: str
    seconds: float
    queued_by: str | None
    started: float
    position: float
    at: float
    paused: bool
    uid: int | None

    def position_at(self, now: float) -> float:
        """Seconds into the medium at the Unix time ``now``; the lead-in runs although CyTube calls it paused."""
        if self.paused and self.position >= 0:
            return self.position
        return self.position + (now - self.at)

    def updated(self, position: float, paused: bool, now: float) -> NowPlaying:
        """The same play at another position."""
        return replace(self, position=position, paused=paused, at=now)

    def is_same_item(self, other: NowPlaying) -> bool:
        """Whether it is the same medium, whatever its number on the playlist, which a shuffle changes."""
        return self.id == other.id and self.type == other.type

    def agrees_with(self, later: NowPlaying) -> bool:
        """Whether ``later`` is where this play would be by now if it went on without a break."""
        return abs(self.position_at(later.at) - later.position) <= TOLERANCE

    def resumed_as(self, later: NowPlaying, *, seen_until: float) -> bool:
        """Whether ``later`` is this play, after a time in which the bot did not see the room.

        A server that restarts resumes where it stopped (PROTOCOL.md 10), so any part of that time may be missing from
        the position; a position before the last one seen is a new play of the same medium. Live media have no
        position: the same medium is the same play.

        Args:
            later: the medium as told now.
            seen_until: Unix seconds; until when the bot saw the room.
        """
        if not self.is_same_item(later):
            return False
        if self.seconds == 0 and later.seconds == 0:
            return True
        stopped = self.position_at(seen_until)
        gone_on = self.position_at(later.at)
        is_over = gone_on > self.seconds + 2 * TOLERANCE
        return not is_over and stopped - TOLERANCE <= later.position <= gone_on + TOLERANCE
