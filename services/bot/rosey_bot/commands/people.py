"""Users as people name them."""

from __future__ import annotations

from rosey_bot.commands.answers import CommandError
from rosey_bot.commands.arguments import nearest
from rosey_bot.room.room import Room
from rosey_bot.room.users import RoomUser


def bare_name(name: str) -> str:
    """A name without what chat puts around it: ``@Alice``, ``Alice:``."""
    return name.removeprefix("@").rstrip(":,")


def present(room: Room, name: str) -> RoomUser:
    """The user of this name, in whatever case, with or without an ``@``.

    Raises:
        CommandError: nobody of this name is in the room; the text tells whose name is near.
    """
    name = bare_name(name)
    user = room.users.get(name)
    if user is None:
        close = nearest(name, (each.name for each in room.users))
        hint = f": did you mean {close}?" if close else ": send users for who is"
        raise CommandError(f"{name[:40]} is not in the room{hint}")
    return user
