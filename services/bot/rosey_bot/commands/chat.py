"""``afk``, ``say``, ``pm``, ``clear``: what the bot does in chat."""

from __future__ import annotations

from typing import Final

from rosey_bot.commands.answers import Answer, CommandError, counted
from rosey_bot.commands.arguments import Kind, Parameter
from rosey_bot.commands.people import present
from rosey_bot.commands.registry import Command, Request, check
from rosey_bot.commands.rights import require
from rosey_bot.cytube.acts import ClearTheChat, Say, ToggleAfk, Whisper
from rosey_bot.cytube.text import LONGEST_MESSAGE, is_blank, split_message

LONGEST_SPEECH: Final = 5
"""Messages that one command may send: CyTube's limit on chat is shared by all answers."""


def _is_afk(request: Request) -> bool:
    me = request.room.me
    return me is not None and me.afk


def _afk_state(afk: bool) -> str:
    return "AFK" if afk else "not AFK"


async def _answer_afk(request: Request) -> Answer:
    wanted = request.arguments.get("state")
    if wanted is None:
        return Answer([f"The bot is {_afk_state(_is_afk(request))}"])
    require(request.room, "chat", "to go AFK by a line of chat")
    async with request.steering.afk:
        if _is_afk(request) == wanted:
            return Answer([f"The bot is {_afk_state(wanted)} already"])
        await request.ask(ToggleAfk(wanted))
    return Answer([f"The bot is {_afk_state(wanted)} now"])


def _speech(text: str) -> list[str]:
    messages = split_message(text)
    if is_blank("".join(messages)):
        raise CommandError("There is nothing to say in that")
    if len(messages) > LONGEST_SPEECH:
        raise CommandError(
            f"That is too long: {len(messages)} messages of {LONGEST_MESSAGE} characters, and at most "
            f"{LONGEST_SPEECH} may be sent at once"
        )
    return messages


async def _send(request: Request, acts: list[Say] | list[Whisper]) -> str:
    """Send the messages one after the other, up to the first that does not get through; says how many, if several."""
    for sent, act in enumerate(acts):
        try:
            check(await request.sending.ask(act))
        except CommandError as error:
            raise CommandError(f"{error} (after {sent} of {len(acts)} messages)" if sent else str(error)) from None
    return f" in {counted(len(acts), 'message')}" if len(acts) > 1 else ""


async def _answer_say(request: Request) -> Answer:
    require(request.room, "chat", "to speak in chat")
    count = await _send(request, [Say(message) for message in _speech(request.arguments["msg"])])
    return Answer([f"Said{count}"])


async def _answer_pm(request: Request) -> Answer:
    user = present(request.room, request.arguments["user"])
    if request.room.is_me(user.name):
        raise CommandError("The bot cannot send a private message to itself")
    count = await _send(request, [Whisper(user.name, message) for message in _speech(request.arguments["msg"])])
    return Answer([f"Sent to {user.name}{count}"])


async def _answer_clear(request: Request) -> Answer:
    require(request.room, "chat", "to speak in chat")
    require(request.room, "chatclear", "to clear the chat")
    await request.ask(ClearTheChat())
    return Answer(["The chat is cleared"])


COMMANDS = (
    Command(
        "afk",
        "makes the bot AFK or not, or tells",
        _answer_afk,
        parameters=(Parameter("state", Kind.ON_OFF, is_optional=True, shown="on|off"),),
        is_act=True,
    ),
    Command(
        "say",
        "says something in chat",
        _answer_say,
        parameters=(Parameter("msg", Kind.TEXT),),
        is_act=True,
    ),
    Command(
        "pm",
        "sends a user a private message",
        _answer_pm,
        parameters=(Parameter("user", Kind.USER), Parameter("msg", Kind.TEXT)),
        is_act=True,
    ),
    Command("clear", "clears the room's chat", _answer_clear, is_act=True),
)
