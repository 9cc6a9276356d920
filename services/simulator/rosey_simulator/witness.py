"""Somebody who writes down what happens in a room, without being in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rosey_simulator.frames import Frame
    from rosey_simulator.member import Member
    from rosey_simulator.room import Room


class Witness:
    """What a room tells those who watch it from outside, at the moment at which those inside hear of it."""

    def arrived(self, room: Room, member: Member) -> None:
        """A client was let in; it has a name already if it logged in before."""

    def named(self, room: Room, member: Member) -> None:
        """A client that was in without a name has logged in."""

    def listed(self, room: Room, member: Member) -> None:
        """A client was sent the list of users; before the first one it was sent the last lines and what plays."""

    def left(self, room: Room, member: Member) -> None:
        """A client is gone, whoever ended it."""

    def heard(self, room: Room, frame: Frame) -> None:
        """A frame went to everybody who may hear it."""

    def unloaded(self, room: Room) -> None:
        """The room is empty, or its server went down: whoever was still in is forgotten."""
