"""Welcomes who comes into the room, and counts them: ``welcomed``."""

from rosey_bot.plugins import Answer, Command, Place, Plugin, Request
from rosey_core.events import Event, UserJoined

welcomed: dict[str, int] = {}


async def welcome(event: Event, place: Place) -> None:
    """Hear who joins."""
    if isinstance(event, UserJoined) and not place.room.is_me(event.username):
        welcomed[place.channel] = welcomed.get(place.channel, 0) + 1
        place.say(f"Welcome, {event.username}!")


async def tell(request: Request) -> Answer:
    """Say how many there were."""
    return Answer([f"{welcomed.get(request.channel, 0)} welcomed since the bot started"])


PLUGIN = Plugin(commands=(Command("welcomed", "how many came since the bot started", tell),), hear=welcome)
