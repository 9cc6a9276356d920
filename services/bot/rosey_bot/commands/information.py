"""Commands that only tell what the bot knows of itself and the room."""

from __future__ import annotations

from rosey_bot.commands.answers import Answer, CommandError, counted, duration, position, rank_title
from rosey_bot.commands.arguments import Parameter
from rosey_bot.commands.playback import is_paused, now_playing
from rosey_bot.commands.registry import Command, Request
from rosey_bot.room.users import RoomUser


async def _answer_help(request: Request) -> Answer:
    if request.is_public:
        usages = ", ".join(f"!{command.usage}" for command in request.registry if command.is_public)
        return Answer([f"Commands: {usages}"])
    name = request.arguments.get("command")
    if name is None:
        usages = ", ".join(command.usage for command in request.registry)
        public = ", ".join(f"!{command.name}" for command in request.registry if command.is_public)
        return Answer([f"Commands: {usages}", f"In chat, for everybody: {public}"])
    command = request.registry.get(name.lstrip("!"))
    if command is None:
        close = request.registry.nearest(name)
        hint = "send help for a list" if close is None else f"did you mean {close.name}?"
        raise CommandError(f"There is no command '{name[:40]}': {hint}")
    return Answer([f"{command.usage}: {command.summary}"])


async def _answer_info(request: Request) -> Answer:
    room = request.room
    me = room.me
    name = room.own_name or "not logged in"
    connections = room.connected_count
    connected = "an unknown number" if connections is None else str(connections)
    return Answer(
        [
            f"Bot: {name}, {rank_title(room.own_rank)}, {'AFK' if me is not None and me.afk else 'not AFK'}",
            f"Room: {room.name}, {counted(room.chat_count, 'user')} in chat, {connected} connected",
            f"Playlist: {counted(len(room.playlist), 'item')}, {position(room.playlist.duration)} in all",
            now_playing(room, request.clock()),
        ]
    )


async def _answer_status(request: Request) -> Answer:
    room, now = request.room, request.clock()
    since = request.joined_since
    connected = (
        f"connected for {duration(now - since)}, since {request.moment(since)}"
        if since is not None
        else "not connected"
    )
    media = room.media
    playback = "nothing" if media is None else "paused" if is_paused(media) else "playing"
    return Answer(
        [
            f"Up for {duration(now - request.started)}; {connected}",
            f"Server: {request.server}, room: {room.name}",
            f"Leader: {room.users.leader or 'nobody'}, playback: {playback}",
        ]
    )


def _user(user: RoomUser) -> str:
    return f"{user.name} ({user.rank:g}{', AFK' if user.afk else ''})"


async def _answer_users(request: Request) -> Answer:
    users = sorted(request.room.users, key=lambda user: (-user.rank, user.name.lower()))
    return Answer([f"{counted(len(users), 'user')}: {', '.join(map(_user, users))}" if users else "Nobody is here"])


async def _answer_more(request: Request) -> Answer:
    messages = request.pages.more(request.username)
    if not messages:
        raise CommandError("There is nothing more to show")
    return Answer(messages)


COMMANDS = (
    Command(
        "help",
        "lists the commands, or explains one",
        _answer_help,
        parameters=(Parameter("command", is_optional=True),),
        is_public=True,
    ),
    Command("info", "bot, room, playlist and what plays", _answer_info),
    Command("status", "the bot's connection and the room's playback", _answer_status),
    Command("users", "who is here, with rank and AFK", _answer_users),
    Command("more", "the next page of a long answer", _answer_more),
)
