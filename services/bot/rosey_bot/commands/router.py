"""Hears commands, by private message and in chat, has them carried out, and sends their answers.

By private message the bot obeys those who are in the room with a command's rank; nobody else gets an answer, not even
a refusal. In chat everybody may use the public commands now and then. What CyTube replays, what the server or the bot
itself says and what a shadow-muted user says is never a command.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import UTC, tzinfo
from typing import Any, Final, Protocol

from rosey_bot.audit import Attempt, Audit
from rosey_bot.commands import chat, information, manners, moderation, playback, playlist, statistics
from rosey_bot.commands.answers import Answer, CommandError, rank_title
from rosey_bot.commands.arguments import UsageError, parse_arguments, split_command
from rosey_bot.commands.cooldowns import Cooldowns
from rosey_bot.commands.pages import Pages
from rosey_bot.commands.registry import Command, Registry, Request
from rosey_bot.commands.steering import Steering
from rosey_bot.commands.turns import Turn, Turns
from rosey_bot.cytube import frames
from rosey_bot.cytube.dispatch import Dispatcher
from rosey_bot.cytube.sending import Receipt, SendQueue
from rosey_bot.cytube.text import plain_text, split_message
from rosey_bot.manners import Manners
from rosey_bot.room.room import ANONYMOUS_RANK, Room
from rosey_bot.room.users import ADMIN, MODERATOR, RoomUser, is_username

log = logging.getLogger(__name__)

PUBLIC_PREFIX: Final = "!"
RUNNING: Final = 32
"""Commands of a channel that may run at once; a flood of them must not fill the memory. Those of moderators do not
count for the public ones, and who has none under way may always have one."""
TOO_MANY: Final = "Too many commands at once: wait for the answers before you send more"
UNKNOWN: Final = "unknown"
LONGEST_REPLY: Final = 5
"""Messages of an answer in chat, whose rate limit all answers share."""


class CommandContext(Protocol):
    """What commands are told of the bot itself."""

    @property
    def server(self) -> str:
        """The CyTube site's address."""

    @property
    def started(self) -> float:
        """Unix seconds; when the bot started."""

    @property
    def joined_since(self) -> float | None:
        """Unix seconds; since when the bot is in the room."""


class Observer(Protocol):
    """Told of each command, in the task that carries it out."""

    def command_begins(self, name: str) -> None:
        """It is about to be carried out: its name, or ``unknown``."""

    def command(self, name: str, outcome: str, seconds: float) -> None:
        """Its answer is ready: ``success`` or ``error``, and how long it took."""

    def answered(self) -> None:
        """Its answer is with CyTube, or, of an answer in chat, with what sends it in its turn."""


def default_registry(added: Iterable[Command] = ()) -> Registry:
    """All commands of the bot's own, and ``added``."""
    return Registry(
        (
            *information.COMMANDS,
            *statistics.COMMANDS,
            *chat.COMMANDS,
            *playlist.COMMANDS,
            *playback.COMMANDS,
            *moderation.COMMANDS,
            *manners.COMMANDS,
            *added,
        )
    )


class CommandRouter:
    """One channel's commands.

    Args:
        channel: the channel's key.
        room: the channel now.
        sending: takes the answers.
        audit: is told of each command by private message.
        statistics: what the database knows.
        context: what commands are told of the bot.
        cooldowns: how often public commands are answered.
        registry: the commands.
        manners: how the bot is to behave.
        zone: the time zone of times in answers.
        clock: Unix seconds.
        observer: told of each command that is carried out.
        acts: whether this bot is the one that obeys here now.

    Attributes:
        zone: as given; another one counts from the next answer on.
    """

    def __init__(
        self,
        channel: str,
        *,
        room: Room,
        sending: SendQueue,
        audit: Audit,
        statistics: statistics.Statistics,
        context: CommandContext,
        cooldowns: Cooldowns,
        registry: Registry | None = None,
        manners: Manners | None = None,
        zone: tzinfo = UTC,
        clock: Callable[[], float] = time.time,
        observer: Observer | None = None,
        acts: Callable[[], bool] = lambda: True,
    ) -> None:
        self._channel: Final = channel
        self._room: Final = room
        self._sending: Final = sending
        self._audit: Final = audit
        self._statistics: Final = statistics
        self._context: Final = context
        self._cooldowns: Final = cooldowns
        self._registry: Final = registry or default_registry()
        self._manners: Final = manners or Manners(clock=clock)
        self.zone = zone
        self._clock: Final = clock
        self._observer: Final = observer
        self._acts: Final = acts
        self._steering: Final = Steering(room, sending)
        self._pages: Final = Pages()
        self._turns: Final = Turns()
        self._running: Final[set[asyncio.Task[None]]] = set()
        self._replying: Final[set[asyncio.Task[None]]] = set()

    def follow(self, dispatcher: Dispatcher) -> None:
        """Hear commands in this channel's frames."""
        self._steering.follow(dispatcher)
        dispatcher.on(frames.PM, self._pm)
        dispatcher.on(frames.CHAT_MSG, self._chat)

    async def close(self) -> None:
        """Stop what is being carried out."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._steering.close()

    def _pm(self, frame: frames.Pm) -> None:
        if not self._room.is_joined or self._room.is_me(frame.username) or not self._acts():
            return
        user = self._room.users.get(frame.username)
        if user is None:
            log.warning("%s: refused a private message of %.64r, who is not in the room", self._channel, frame.username)
            return
        if user.rank < MODERATOR:
            return
        text = plain_text(frame.msg).strip()
        if not text:
            return
        name, rest = split_command(text)
        attempt = self._audit.attempt(user.name, name, rest)
        is_free = len(self._running) - len(self._replying) < RUNNING or not self._turns.has(user.name)
        turn = self._turns.begin(user.name) if is_free else None
        if turn is None:
            attempt.failed("too many commands at once")
            if self._turns.is_first_refusal(user.name):
                self._whisper(user.name, [TOO_MANY])
            return
        work = self._start(self._obey(user, name, rest, attempt, turn))
        # Not in the work itself: one that is cancelled before it begins would keep its turn for ever.
        work.add_done_callback(lambda _: self._turns.end(user.name, turn))

    def _chat(self, frame: frames.ChatMsg) -> None:
        if not self._room.is_joined or frame.meta.shadow or PUBLIC_PREFIX not in frame.msg[:64]:
            return
        if not is_username(frame.username) or self._room.is_me(frame.username) or not self._acts():
            return
        text = plain_text(frame.msg)
        if not text.startswith(PUBLIC_PREFIX) or not text[1:].strip() or text[1].isspace():
            return
        name, rest = split_command(text[1:])
        command = self._registry.get(name)
        if command is None or not command.is_public or len(self._replying) >= RUNNING or self._manners.is_quiet:
            return
        if self._cooldowns.allow(frame.username):
            reply = self._start(self._reply(frame.username, command, rest))
            self._replying.add(reply)
            reply.add_done_callback(self._replying.discard)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=f"command-{self._channel}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _obey(self, user: RoomUser, name: str, rest: str, attempt: Attempt, turn: Turn) -> None:
        answer = await self._answer(user, name, rest, turn)
        if answer.error is None:
            attempt.succeeded()
        else:
            attempt.failed(answer.error)
        await turn.wait()
        # Nobody below is answered, not even who was above when they asked.
        lines = answer.lines if self._rank_of(user.name) >= MODERATOR else []
        sent = self._whisper(user.name, self._pages.first(user.name, lines))
        turn.end()
        await asyncio.gather(*sent)
        if self._observer is not None:
            self._observer.answered()

    async def _answer(self, user: RoomUser, name: str, rest: str, turn: Turn) -> Answer:
        command = self._registry.get(name)
        if command is None:
            return self._unknown(name)
        if command.is_act:
            await turn.wait()
        # Only now: the rank may have been taken while the command waited.
        if self._room.users.get(user.name) is None:
            return Answer([], error="no longer in the room")
        if self._rank_of(user.name) < command.rank:
            return Answer([f"{command.name} needs rank {command.rank:g} in this channel"], error="rank too low")
        return await self._carry_out(user.name, command, rest, is_public=False)

    async def _reply(self, username: str, command: Command, rest: str) -> None:
        answer = await self._carry_out(username, command, rest, is_public=True)
        messages = split_message(" | ".join(answer.lines))
        if len(messages) > LONGEST_REPLY:
            messages = [*messages[: LONGEST_REPLY - 1], "(the rest is too long for chat)"]
        for message in messages:
            self._sending.say(message, urgent=True, answers=username)
        if self._observer is not None:
            self._observer.answered()

    async def _carry_out(self, username: str, command: Command, rest: str, *, is_public: bool) -> Answer:
        began = time.monotonic()
        self._begins(command.name)
        try:
            self._check_maintenance(username, command)
            arguments = parse_arguments(rest, command.parameters)
            answer = await command.answer(self._request(username, arguments, is_public=is_public))
        except UsageError as error:
            usage = f"{PUBLIC_PREFIX if is_public else ''}{command.usage}"
            answer = Answer([f"Usage: {usage} ({error})"], error=f"usage: {error}")
        except CommandError as error:
            answer = Answer([str(error)], error=str(error))
        except Exception as error:
            log.exception("%s: command %s failed", self._channel, command.name)
            answer = Answer([f"{command.name} failed, and the failure is logged"], error=type(error).__name__)
        self._observed(command.name, answer, time.monotonic() - began)
        return answer

    def _rank_of(self, username: str) -> float:
        user = self._room.users.get(username)
        return ANONYMOUS_RANK if user is None else user.rank

    def _check_maintenance(self, username: str, command: Command) -> None:
        if command.is_act and self._manners.is_maintained and self._rank_of(username) < ADMIN:
            raise CommandError(
                f"Not done: the channel is under maintenance, and till it ends {command.name} takes {rank_title(ADMIN)}"
            )

    def _request(self, username: str, arguments: dict[str, Any], *, is_public: bool) -> Request:
        return Request(
            username=username,
            arguments=arguments,
            is_public=is_public,
            room=self._room,
            channel=self._channel,
            server=self._context.server,
            started=self._context.started,
            joined_since=self._context.joined_since,
            statistics=self._statistics,
            registry=self._registry,
            sending=self._sending,
            steering=self._steering,
            pages=self._pages,
            manners=self._manners,
            clock=self._clock,
            zone=self.zone,
        )

    def _unknown(self, name: str) -> Answer:
        self._begins(UNKNOWN)
        nearest = self._registry.nearest(name)
        hint = f"Did you mean {nearest.name}? " if nearest is not None else ""
        answer = Answer([f"Unknown command '{name[:40]}'. {hint}Send help for a list."], error="unknown command")
        self._observed(UNKNOWN, answer, 0.0)
        return answer

    def _begins(self, name: str) -> None:
        if self._observer is not None:
            self._observer.command_begins(name)

    def _observed(self, name: str, answer: Answer, seconds: float) -> None:
        if self._observer is not None:
            self._observer.command(name, "success" if answer.error is None else "error", seconds)

    def _whisper(self, to: str, messages: Sequence[str]) -> list[asyncio.Future[Receipt]]:
        return [self._sending.whisper(to, message, urgent=True) for message in messages]
