"""What the parts of a room have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from rosey_simulator.member import Member

if TYPE_CHECKING:
    from rosey_simulator.room import Room

Acknowledge = Callable[[dict[str, Any]], None]
Handler = Callable[[Member, Any], None]


class Feature:
    """One part of a room: the frames it answers, and what it does when people come and go.

    `handlers` names the frames it answers; a handler gets the member and the first argument of the frame (None
    without one). `welcome` sends a joining member its share of the join frames; `depart` runs after somebody left;
    `load` and `unload` when the room gets its first member and loses its last.
    """

    def __init__(self, room: Room) -> None:
        self.room = room

    def handlers(self) -> Mapping[str, Handler]:
        return {}

    def welcome(self, member: Member) -> None:
        """Send what a joining member gets from this feature."""

    def depart(self, member: Member) -> None:
        """Somebody has left the room."""

    def media_changed(self) -> None:
        """Another item starts to play."""

    def load(self) -> None:
        """The room gets its first member."""

    def unload(self) -> None:
        """The room has lost its last member."""
