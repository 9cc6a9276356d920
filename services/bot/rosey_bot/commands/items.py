"""Items of the playlist as people name them: ``3``, ``#3``, or words of the title."""

from __future__ import annotations

from typing import Final

from rosey_bot.commands.answers import CommandError, counted, position
from rosey_bot.commands.arguments import ItemReference, nearest
from rosey_bot.commands.rights import require
from rosey_bot.room.playlist import PlaylistItem
from rosey_bot.room.room import Room

SHOWN_TITLES: Final = 5


def item_line(place: int, item: PlaylistItem) -> str:
    """An item with its position, from 1."""
    length = position(item.duration) if item.duration else "live"
    by = f", {item.queued_by}" if item.queued_by else ""
    return f"{place}. {item.title} ({length}{by})"


def listed(room: Room) -> list[PlaylistItem]:
    """The playlist.

    Raises:
        CommandError: it is empty, or the bot may not see it.
    """
    require(room, "seeplaylist", "to see the playlist")
    items = list(room.playlist)
    if not items:
        raise CommandError("The playlist is empty")
    return items


def place_of(room: Room, item: PlaylistItem) -> int:
    """Where an item stands now, from 1; 0 where it is gone."""
    place = room.playlist.position(item.uid)
    return 0 if place is None else place + 1


def check_position(room: Room, place: int) -> None:
    """Go on only where the playlist reaches as far as ``place``, from 1.

    Raises:
        CommandError: it does not.
    """
    count = len(listed(room))
    if place > count:
        raise CommandError(f"There is no #{place}: the playlist has {counted(count, 'item')}")


def find_item(room: Room, reference: ItemReference) -> PlaylistItem:
    """The item that is meant.

    Raises:
        CommandError: none, or several.
    """
    items = listed(room)
    if reference.position is not None:
        check_position(room, reference.position)
        return items[reference.position - 1]
    wanted = reference.title.casefold()
    found = [item for item in items if item.title.casefold() == wanted]
    found = found or [item for item in items if wanted in item.title.casefold()]
    if len(found) == 1:
        return found[0]
    if found:
        places = ", ".join(f"#{place_of(room, item)} {item.title}" for item in found[:SHOWN_TITLES])
        raise CommandError(f"Several items are called that: {places}. Give the number")
    close = nearest(reference.title, (item.title for item in items))
    hint = f"did you mean {close}?" if close else "send playlist for the list"
    raise CommandError(f"No item's title has '{reference.title[:60]}' in it: {hint}")
