"""The commands there are: each one small declaration, of which ``help`` is made."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any

from rosey_bot.commands.answers import Answer, CommandError, ago, moment
from rosey_bot.commands.arguments import Parameter, nearest
from rosey_bot.commands.pages import Pages
from rosey_bot.commands.steering import Steering
from rosey_bot.cytube.acts import Act
from rosey_bot.cytube.sending import Outcome, Receipt, SendQueue
from rosey_bot.manners import Manners
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
        sending: asks CyTube.
        steering: what the bot has in hand in the channel.
        pages: what of long answers is still to be shown.
        manners: how the bot is to behave in the channel.
        clock: Unix seconds.
        zone: the time zone of times in answers.
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
    sending: SendQueue
    steering: Steering
    pages: Pages
    manners: Manners
    clock: Callable[[], float] = time.time
    zone: tzinfo = UTC

    def moment(self, timestamp: float | None) -> str:
        """A time (Unix seconds) as answers show it: ``12 Nov 20:15 UTC``."""
        return moment(timestamp, self.clock(), self.zone)

    def ago(self, timestamp: float | None) -> str:
        """How long ago a time (Unix seconds) is: ``3 days ago``."""
        return ago(timestamp, self.clock())

    async def ask(self, act: Act, *, silence: str = "") -> Receipt:
        """Ask something of CyTube, and return how it showed that it did it.

        Args:
            act: what.
            silence: what it may mean if CyTube does not answer.

        Raises:
            CommandError: it refused, or did not answer; the text says so.
        """
        receipt = await self.sending.ask(act)
        check(receipt, silence=silence)
        return receipt


def check(receipt: Receipt, *, silence: str = "") -> None:
    """Go on only where CyTube has shown that it did what the receipt is of.

    Raises:
        CommandError: it has not; the text says why.
    """
    match receipt.outcome:
        case Outcome.REFUSED:
            raise CommandError(f"CyTube refused: {receipt.reason}")
        case Outcome.UNCONFIRMED:
            raise CommandError(f"No answer: {receipt.reason}{f' ({silence})' if silence else ''}")
        case Outcome.NOT_SENT | Outcome.PREVENTED:
            raise CommandError(f"Not done: {receipt.reason}")


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
        is_act: whether it changes the room, and so has to wait for its user's commands before it.
    """

    name: str
    summary: str
    answer: Callable[[Request], Awaitable[Answer]]
    parameters: tuple[Parameter, ...] = field(default=())
    rank: float = MODERATOR
    is_public: bool = False
    is_act: bool = False

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
        close = nearest(name, self._commands)
        return None if close is None else self._commands[close]
