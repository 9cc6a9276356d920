"""``kick``."""

from __future__ import annotations

from rosey_bot.commands.answers import Answer, CommandError, counted, rank_title
from rosey_bot.commands.arguments import Kind, Parameter
from rosey_bot.commands.people import present
from rosey_bot.commands.registry import Command, Request
from rosey_bot.commands.rights import require
from rosey_bot.cytube.acts import KickUser
from rosey_bot.cytube.text import LONGEST_MESSAGE, split_message, utf16_length


async def _answer_kick(request: Request) -> Answer:
    room = request.room
    require(room, "chat", "to speak in chat")
    require(room, "kick", "to kick")
    user = present(room, request.arguments["user"])
    if room.is_me(user.name):
        raise CommandError("The bot does not kick itself")
    rank = rank_title(user.rank)
    if user.rank >= room.own_rank:
        raise CommandError(f"{user.name} is {rank}: the bot, with rank {room.own_rank:g}, can kick only below")
    asker = room.users.get(request.username)
    # The bot must not lend anybody its rank.
    if asker is None or user.rank >= asker.rank:
        raise CommandError(f"{user.name} is {rank}: you can have kicked only who is below your own rank")
    reason = " ".join(split_message(request.arguments.get("reason", "")))
    kick = KickUser(user.name, reason)
    over = utf16_length(kick.arguments["msg"]) - LONGEST_MESSAGE
    if over > 0:
        raise CommandError(f"The reason is too long by {counted(over, 'character')}")
    await request.ask(kick)
    return Answer([f"Kicked {user.name}{f' ({reason})' if reason else ''}"])


COMMANDS = (
    Command(
        "kick",
        "kicks a user of a lower rank",
        _answer_kick,
        parameters=(Parameter("user", Kind.USER), Parameter("reason", Kind.TEXT, is_optional=True)),
        is_act=True,
    ),
)
