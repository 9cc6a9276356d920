"""``!dice [sides]`` in chat, ``dice [sides]`` by private message."""

import random

from rosey_bot.plugins import Answer, Command, Kind, Parameter, Request


async def roll(request: Request) -> Answer:
    """Roll a die of six sides, or of as many as wanted."""
    sides = request.arguments.get("sides", 6)
    return Answer([f"{request.username} rolls {random.randint(1, sides)} of {sides}"])


DICE = Command(
    "dice", "rolls a die", roll, parameters=(Parameter("sides", Kind.COUNT, is_optional=True),), is_public=True
)
