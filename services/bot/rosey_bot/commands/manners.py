"""``quiet``, ``maintenance``: how the bot is to behave for the time being."""

from __future__ import annotations

from rosey_bot.commands.answers import Answer, CommandError
from rosey_bot.commands.arguments import Kind, Parameter
from rosey_bot.commands.registry import Command, Request
from rosey_bot.room.users import ADMIN


async def _answer_quiet(request: Request) -> Answer:
    manners = request.manners
    wanted, seconds = request.arguments.get("state"), request.arguments.get("duration")
    if wanted is None and seconds is None:
        return Answer([f"The bot is quiet {_until(request)}" if manners.is_quiet else "The bot speaks in chat"])
    if wanted is False:
        if seconds is not None:
            raise CommandError("The bot can be quiet for a time, not speak for one: quiet off, or quiet 1h30m")
        manners.speak()
        return Answer(["The bot speaks in chat again"])
    manners.be_quiet(None if seconds is None else request.clock() + seconds)
    return Answer([f"The bot says nothing in chat {_until(request)}"])


def _until(request: Request) -> str:
    until = request.manners.quiet_until
    return "until somebody sends quiet off" if until is None else f"until {request.moment(until)}"


async def _answer_maintenance(request: Request) -> Answer:
    wanted = request.arguments.get("state")
    if wanted is not None:
        request.manners.maintain(wanted)
    if request.manners.is_maintained:
        return Answer([f"Maintenance is on: nobody below rank {ADMIN} can have the bot change anything in the room"])
    return Answer(["Maintenance is off"])


COMMANDS = (
    Command(
        "quiet",
        "makes the bot say nothing in chat, for a time or until told otherwise, or tells",
        _answer_quiet,
        parameters=(
            Parameter("state", Kind.ON_OFF, is_optional=True, shown="on|off"),
            Parameter("duration", Kind.DURATION, is_optional=True),
        ),
    ),
    Command(
        "maintenance",
        "keeps moderators below admin from having the room changed, or tells",
        _answer_maintenance,
        parameters=(Parameter("state", Kind.ON_OFF, is_optional=True, shown="on|off"),),
        rank=ADMIN,
    ),
)
