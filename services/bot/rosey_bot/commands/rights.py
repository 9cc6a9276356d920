"""What the bot may do in the channel, known before it asks: CyTube refuses most things by silence, and some by a kick.

The names of rights are CyTube's own (PROTOCOL.md 4).
"""

from __future__ import annotations

from typing import Final

from rosey_bot.commands.answers import CommandError, rank_title
from rosey_bot.room.room import Room

_HIGHEST: Final = 255
"""The rank of a site's administrators, the highest there is (PROTOCOL.md 4)."""


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
    if room.permissions.needed(right) is None:
        raise CommandError(f"CyTube has not told who is allowed {what}, and kicks who is not")
    require(room, right, what)


def _has(room: Room, right: str) -> bool:
    needed = _needed(room, right)
    return needed is None or room.own_rank >= needed


def _needed(room: Room, right: str) -> float | None:
    needed = room.permissions.needed(right)
    # While the playlist is unlocked, the rights of the same name with an "o" before it count as well.
    unlocked = room.permissions.needed(f"o{right}") if room.playlist.locked is False else None
    return needed if needed is None or unlocked is None else min(needed, unlocked)


def _lacking(room: Room, right: str, what: str) -> str:
    needed = _needed(room, right)
    who = "a right that nobody has" if needed is None or needed > _HIGHEST else rank_title(needed)
    return f"The bot's rank is too low {what}: that takes {who}, and it has rank {room.own_rank:g}"
