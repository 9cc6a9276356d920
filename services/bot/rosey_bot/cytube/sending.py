"""Everything that the bot says goes through one queue: in order, within the rate limit, and confirmed.

CyTube acknowledges no message: the only proof of delivery is the echo to the sender (PROTOCOL.md 5). So one message
is on its way at a time; its echo lets the next one go, ``cooldown`` says that it was dropped and is to be sent again,
other frames refuse it, and silence leaves it in doubt.
"""

from __future__ import annotations

import asyncio
import enum
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from rosey_bot.cytube import frames
from rosey_bot.cytube.dispatch import Dispatcher
from rosey_bot.cytube.throttle import Throttle
from rosey_bot.room.room import Room
from rosey_core.identity import user_key

log = logging.getLogger(__name__)

ECHO_TIMEOUT: Final = 3.0
CAPACITY: Final = 500
ATTEMPTS: Final = 8
_PM_REFUSALS: Final = ("PM failed", "You can't PM", "You must be signed in to send PMs")

Emit = Callable[[str, dict[str, Any]], Awaitable[None]]


class Outcome(enum.Enum):
    """What became of a message."""

    SENT = "sent"
    REFUSED = "refused"
    UNCONFIRMED = "unconfirmed"
    NOT_SENT = "not sent"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a message, and why."""

    outcome: Outcome
    reason: str = ""


@dataclass(slots=True)
class _Message:
    event: str
    arguments: dict[str, Any]
    receipt: asyncio.Future[Receipt]
    answer: asyncio.Future[Receipt | float] | None = field(default=None)


class SendQueue:
    """Sends chat and private messages over the present connection.

    Args:
        room: to know the bot's own name by.
        monotonic: seconds.
        sleep: waits seconds.
        on_wait: told how long a message waited for the rate limit.
    """

    def __init__(
        self,
        room: Room,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        on_wait: Callable[[float], None] | None = None,
    ) -> None:
        self._room: Final = room
        self._monotonic: Final = monotonic
        self._sleep: Final = sleep
        self._on_wait: Final = on_wait
        self._messages: deque[_Message] = deque()
        self._current: _Message | None = None
        self._arrived = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    def follow(self, dispatcher: Dispatcher) -> None:
        """Take the frames that tell what became of a message from ``dispatcher``."""
        dispatcher.on(frames.CHAT_MSG, self._chat)
        dispatcher.on(frames.PM, self._pm)
        dispatcher.on(frames.COOLDOWN, self._cooldown)
        dispatcher.on(frames.NOFLOOD, self._noflood)
        dispatcher.on(frames.SPAM_FILTERED, self._spam_filtered)
        dispatcher.on(frames.ERROR_MSG, self._error)

    def __len__(self) -> int:
        return len(self._messages) + (self._current is not None)

    def say(self, text: str) -> asyncio.Future[Receipt]:
        """Say one message in chat; ``text`` is one of ``split_message``. What became of it comes later."""
        return self._enqueue("chatMsg", {"msg": text, "meta": {}})

    def whisper(self, to: str, text: str) -> asyncio.Future[Receipt]:
        """Send one private message; ``text`` is one of ``split_message``. What became of it comes later."""
        return self._enqueue("pm", {"to": to, "msg": text, "meta": {}})

    def open(self, emit: Emit) -> None:
        """Begin to send over a new connection, whose limits are fresh (PROTOCOL.md 10)."""
        self._worker = asyncio.create_task(self._work(emit), name="send-queue")

    async def close(self, reason: str = "the connection to CyTube is lost") -> None:
        """Stop sending: what waits is not sent, what is on its way stays in doubt."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
        if self._current is not None:
            self._finish(self._current, Receipt(Outcome.UNCONFIRMED, reason))
            self._current = None
        while self._messages:
            self._finish(self._messages.popleft(), Receipt(Outcome.NOT_SENT, reason))

    def _enqueue(self, event: str, arguments: dict[str, Any]) -> asyncio.Future[Receipt]:
        message = _Message(event, arguments, asyncio.get_running_loop().create_future())
        if self._worker is None:
            self._finish(message, Receipt(Outcome.NOT_SENT, "not connected to CyTube"))
        elif self._room.own_name is None:
            self._finish(message, Receipt(Outcome.NOT_SENT, "not logged in at CyTube"))
        elif len(self._messages) >= CAPACITY:
            self._finish(message, Receipt(Outcome.NOT_SENT, "too many messages wait to be sent"))
        else:
            self._messages.append(message)
            self._arrived.set()
        return message.receipt

    async def _work(self, emit: Emit) -> None:
        throttle = Throttle()
        while True:
            while not self._messages:
                self._arrived.clear()
                await self._arrived.wait()
            self._current = message = self._messages.popleft()
            self._finish(message, await self._deliver(message, emit, throttle))
            self._current = None

    async def _deliver(self, message: _Message, emit: Emit, throttle: Throttle) -> Receipt:
        for _ in range(ATTEMPTS):
            began = self._monotonic()
            while (wait := throttle.wait(self._monotonic())) > 0:
                await self._sleep(wait)
            if self._on_wait is not None:
                self._on_wait(self._monotonic() - began)
            message.answer = asyncio.get_running_loop().create_future()
            throttle.sent(self._monotonic())
            try:
                await emit(message.event, message.arguments)
                answer = await asyncio.wait_for(message.answer, ECHO_TIMEOUT)
            except TimeoutError:
                return Receipt(Outcome.UNCONFIRMED, f"CyTube did not show it within {ECHO_TIMEOUT:g} s")
            except Exception as error:
                return Receipt(Outcome.NOT_SENT, f"it could not be sent: {error}")
            if isinstance(answer, Receipt):
                return answer
            throttle.refused(self._monotonic(), answer)
        return Receipt(Outcome.NOT_SENT, "CyTube's rate limit did not let it through")

    @staticmethod
    def _finish(message: _Message, receipt: Receipt) -> None:
        if not message.receipt.done():
            message.receipt.set_result(receipt)

    def _answer(self, event: str | None, answer: Receipt | float) -> None:
        message = self._current
        if message is None or message.answer is None or message.answer.done():
            return
        if event is None or message.event == event:
            message.answer.set_result(answer)

    def _chat(self, frame: frames.ChatMsg) -> None:
        if self._room.is_joined and self._room.is_me(frame.username):
            self._answer("chatMsg", Receipt(Outcome.SENT))

    def _pm(self, frame: frames.Pm) -> None:
        if self._current is None or not self._room.is_me(frame.username):
            return
        if user_key(frame.to) == user_key(str(self._current.arguments.get("to"))):
            self._answer("pm", Receipt(Outcome.SENT))

    def _cooldown(self, milliseconds: float) -> None:
        self._answer(None, milliseconds / 1000)

    def _noflood(self, frame: frames.Noflood) -> None:
        if frame.action == "chat":
            self._answer("chatMsg", Receipt(Outcome.REFUSED, frame.msg))

    def _spam_filtered(self, frame: frames.SpamFiltered) -> None:
        self._answer(None, Receipt(Outcome.REFUSED, f"CyTube thinks the account too new: {frame.reason}"))

    def _error(self, frame: frames.ErrorMsg) -> None:
        if frame.msg.startswith(_PM_REFUSALS):
            self._answer("pm", Receipt(Outcome.REFUSED, frame.msg))
