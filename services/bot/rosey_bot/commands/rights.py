"""What the bot may do in the channel, known before it asks: CyTube refuses most things by silence, and some by a kick.

The names of rights are CyTube's own (PROTOCOL.md 4).
"""

from __future__ import annotations

from typing import Final

from rosey_bot.commands.answers import CommandError, rank_title
from rosey_bot.room.room import Room

_RANKS: Final = (-1, 0, 1, 1.5, 2, 3, 4, 5, 255)
_NOBODY: Final = float("-inf")


def require(room: Room, right: str, what: str) -> None:
    """Go on only where the bot has the right, or CyTube has not told who has it.

    Args:
        room: the channel now.
        right: CyTube's name of it.
        what: what it is needed for, as in "to clear the chat".

    Raises:
        CommandError: it has not; the text says which rank has.
    """
    if not _has(room, right):
        raise CommandError(_lacking(room, right, what))


def require_told(room: Room, right: str, what: str) -> None:
    """As ``require``, and only where CyTube has told: it kicks whoever tries this without the right.

    Raises:
        CommandError: the bot has not the right, or does not know.
    """
    # Only of a right that nobody has told of does Permissions think that no rank at all is enough.
    if room.permissions.allow(right, _NOBODY):
        raise CommandError(f"CyTube has not told who is allowed {what}, and kicks who is not")
    require(room, right, what)


def _has(room: Room, right: str) -> bool:
    if room.permissions.allow(right, room.own_rank):
        return True
    # While the playlist is unlocked, the rights of the same name with an "o" before it count as well.
    return _is_open(room, right) and room.permissions.allow(f"o{right}", room.own_rank)


def _is_open(room: Room, right: str) -> bool:
    # Of "o" rights there are only some: one that nobody has told of would allow everything.
    return room.playlist.locked is False and not room.permissions.allow(f"o{right}", _NOBODY)


def _lacking(room: Room, right: str, what: str) -> str:
    rights = [right, f"o{right}"] if _is_open(room, right) else [right]
    least = next((rank for rank in _RANKS if any(room.permissions.allow(each, rank) for each in rights)), None)
    needed = "a right that nobody has" if least is None else rank_title(least)
    return f"The bot's rank is too low {what}: that takes {needed}, and it has rank {room.own_rank:g}"
