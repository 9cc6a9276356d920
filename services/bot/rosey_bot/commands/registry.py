"""The commands there are: each one small declaration, of which ``help`` is made."""

from __future__ import annotations

import difflib
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rosey_bot.commands.answers import Answer
from rosey_bot.commands.arguments import Parameter
from rosey_bot.room.room import Room
from rosey_bot.room.users import MODERATOR

if TYPE_CHECKING:
    from rosey_bot.commands.statistics import Statistics


@dataclass(frozen=True, slots=True)
class Request:
    """One use of a command.

    Attributes:
        username: who asks.
        arguments: by the parameters' names.
        is_public: asked in chat, for everybody to read.
        room: the channel now.
        channel: the channel's key.
        server: the CyTube site.
        started: Unix seconds; when the bot started.
        joined_since: Unix seconds; since when the bot is in the room.
        statistics: what the database knows.
        registry: all commands.
        clock: Unix seconds.
    """

    username: str
    arguments: dict[str, Any]
    is_public: bool
    room: Room
    channel: str
    server: str
    started: float
    joined_since: float | None
    statistics: Statistics
    registry: Registry
    clock: Callable[[], float] = time.time


@dataclass(frozen=True, slots=True)
class Command:
    """A command.

    Attributes:
        name: in lower case.
        summary: what it does, in a few words.
        answer: does it.
        parameters: what it takes.
        rank: the least rank in the channel for it, by private message.
        is_public: whether anybody may use it in chat, with ``!`` before it.
    """

    name: str
    summary: str
    answer: Callable[[Request], Awaitable[Answer]]
    parameters: tuple[Parameter, ...] = field(default=())
    rank: float = MODERATOR
    is_public: bool = False

    @property
    def usage(self) -> str:
        """The name with its parameters."""
        return " ".join([self.name, *map(str, self.parameters)])


class Registry:
    """Commands by name, in whatever case."""

    def __init__(self, commands: Iterable[Command]) -> None:
        self._commands = {command.name: command for command in commands}

    def __iter__(self) -> Iterator[Command]:
        return iter(self._commands.values())

    def get(self, name: str) -> Command | None:
        """The command of this name."""
        return self._commands.get(name.lower())

    def nearest(self, name: str) -> Command | None:
        """The command that somebody may have meant who typed ``name``."""
        close = difflib.get_close_matches(name.lower()[:64], self._commands, n=1)
        return self._commands[close[0]] if close else None
