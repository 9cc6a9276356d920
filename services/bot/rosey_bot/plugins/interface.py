"""What an entry point of the group ``rosey.commands`` gives the bot."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from rosey_bot.commands.registry import Command
from rosey_bot.room.room import Room
from rosey_core.events import Event


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event happened.

    Attributes:
        channel: the channel's key.
        room: the channel now; to be read, not changed.
        say: says something in chat, within the rate limit; nothing while the bot is quiet or not in the room.
    """

    channel: str
    room: Room
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plugin:
    """What a plugin adds.

    Attributes:
        commands: commands beside the bot's own.
        hear: is given each event that the bot publishes, one after the other, and where it happened.
    """

    commands: tuple[Command, ...] = ()
    hear: Callable[[Event, Place], Awaitable[None]] | None = None
