"""``playlist``, ``add``, ``remove``, ``move``: the list of what plays."""

from __future__ import annotations

from rosey_bot.commands.answers import Answer, CommandError, counted, position
from rosey_bot.commands.arguments import Kind, Parameter
from rosey_bot.commands.items import check_position, find_item, item_line, listed, place_of
from rosey_bot.commands.media_urls import TYPES, MediaReference, MediaUrlError, parse_media_url
from rosey_bot.commands.registry import Command, Request, check
from rosey_bot.commands.rights import require
from rosey_bot.cytube.acts import Delete, Enqueue, Move
from rosey_bot.cytube.sending import Outcome, Receipt
from rosey_bot.room.room import Room

PLAYLIST_ITEMS = 5
_DUPLICATE = "This item is already on the playlist"


async def _answer_playlist(request: Request) -> Answer:
    playlist = request.room.playlist
    items = listed(request.room)
    first = playlist.position(playlist.current) or 0
    shown = list(enumerate(items, start=1))[first : first + request.arguments.get("n", PLAYLIST_ITEMS)]
    lines = [item_line(place, item) for place, item in shown]
    return Answer([*lines, f"{counted(len(items), 'item')}, {position(playlist.duration)} in all"])


def _require_type(room: Room, media: MediaReference) -> None:
    what = f"to add {TYPES[media.type]}"
    if media.is_live:
        require(room, "playlistaddlive", what)
    if media.type == "cu":
        require(room, "playlistaddcustom", what)
    elif media.type in ("fi", "cm"):
        require(room, "playlistaddrawfile", what)
    elif media.type == "yp":
        require(room, "playlistaddlist", what)


async def _answer_add(request: Request) -> Answer:
    room = request.room
    try:
        media = parse_media_url(request.arguments["url"])
    except MediaUrlError as error:
        raise CommandError(f"Not added: {error}") from None
    duration = request.arguments.get("duration")
    if duration is not None and not media.is_live:
        raise CommandError(f"Not added: CyTube itself knows how long a {TYPES[media.type]} is; leave out the duration")
    require(room, "seeplaylist", "to see the playlist")
    require(room, "playlistadd", "to add to the playlist")
    _require_type(room, media)
    temp = request.arguments.get("temp", True)
    receipt = await request.sending.ask(Enqueue(media.type, media.id, temp, duration))
    _check_duplicate(room, media, receipt)
    check(receipt, silence="the site may be slow: look at the playlist before you add it again")
    return Answer(_added(room, receipt, media, temp))


def _check_duplicate(room: Room, media: MediaReference, receipt: Receipt) -> None:
    if receipt.outcome is not Outcome.REFUSED or not receipt.reason.startswith(_DUPLICATE):
        return
    there = next((place for place, item in enumerate(room.playlist, start=1) if item.id == media.id), None)
    raise CommandError(f"CyTube refused: it is on the playlist already{f', as #{there}' if there else ''}")


def _added(room: Room, receipt: Receipt, media: MediaReference, temp: bool) -> list[str]:
    item = room.playlist.get(receipt.frame.item.uid)
    if item is None:
        return ["Added, and gone again"]
    kept = "temporary" if item.temp else "to stay"
    if item.temp and not temp:
        kept += ": the bot's rank may not add for good"
    lines = [f"Added {item_line(place_of(room, item), item)}, {kept}", *receipt.notes]
    return [*lines, "The list's other items follow one by one"] if media.type == "yp" else lines


async def _answer_remove(request: Request) -> Answer:
    require(request.room, "playlistdelete", "to remove from the playlist")
    item = find_item(request.room, request.arguments["#"])
    line = item_line(place_of(request.room, item), item)
    await request.ask(Delete(item.uid))
    return Answer([f"Removed {line}"])


async def _answer_move(request: Request) -> Answer:
    room = request.room
    require(room, "playlistmove", "to move items of the playlist")
    item = find_item(room, request.arguments["#"])
    wanted = request.arguments["position"]
    check_position(room, wanted)
    before = place_of(room, item)
    if before == wanted:
        return Answer([f"{item.title} is #{wanted} already"])
    others = [each for each in room.playlist if each.uid != item.uid]
    await request.ask(Move(item.uid, "prepend" if wanted == 1 else others[wanted - 2].uid))
    return Answer([f"Moved {item.title} from #{before} to #{place_of(room, item)}"])


_ITEM = Parameter("#", Kind.ITEM)

COMMANDS = (
    Command(
        "playlist",
        "the items from the current one on",
        _answer_playlist,
        parameters=(Parameter("n", Kind.COUNT, is_optional=True),),
    ),
    Command(
        "add",
        "adds a medium at the end, temporary unless you say no; a live stream's duration may be given, like 1h30m",
        _answer_add,
        parameters=(
            Parameter("url", Kind.LINK),
            Parameter("temp", Kind.YES_NO, is_optional=True, shown="temp yes|no"),
            Parameter("duration", Kind.DURATION, is_optional=True),
        ),
        is_act=True,
    ),
    Command(
        "remove",
        "removes an item, by number or title",
        _answer_remove,
        parameters=(_ITEM,),
        is_act=True,
    ),
    Command(
        "move",
        "puts an item, by number or title, at another position",
        _answer_move,
        parameters=(_ITEM, Parameter("position", Kind.POSITION, shown="#")),
        is_act=True,
    ),
)
