"""What the bot says and asks goes out here: within the rate limit, in order, and with what became of it.

CyTube acknowledges nothing: what it shows, says or leaves unsaid tells what became of a request (``confirmations``).
Chat and private messages share a rate limit, so they go through one queue, one at a time: its echo lets the next one
go, ``cooldown`` says that it was dropped and is to be sent again, other frames refuse it, and silence leaves it in
doubt. What is urgent goes before what is not. Other requests have no such limit and go at once.
"""

from __future__ import annotations

import asyncio
import enum
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from rosey_bot.cytube.confirmations import Act, Confirmations, Done, Dropped, Refused, Say, Verdict, Whisper
from rosey_bot.cytube.dispatch import Dispatcher
from rosey_bot.cytube.throttle import Throttle
from rosey_bot.room.room import Room

ECHO_TIMEOUT: Final = 3.0
"""Seconds after which CyTube's silence is its answer."""
LOOKUP_TIMEOUT: Final = 15.0
"""The same where CyTube asks other sites first, one question at a time (PROTOCOL.md 8)."""
CAPACITY: Final = 500
ATTEMPTS: Final = 8

Emit = Callable[[str, Any], Awaitable[None]]


class Outcome(enum.Enum):
    """What became of a message, or of another request."""

    SENT = "sent"
    """CyTube has shown that it did it."""
    REFUSED = "refused"
    """CyTube has said that it does not."""
    UNCONFIRMED = "unconfirmed"
    """It was sent, and CyTube has not told what became of it."""
    NOT_SENT = "not sent"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a message or another request.

    Attributes:
        reason: why it was not granted.
        frame: what shows that it was.
        notes: what CyTube remarked.
    """

    outcome: Outcome
    reason: str = ""
    frame: Any = None
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Message:
    act: Act
    receipt: asyncio.Future[Receipt]


class SendQueue:
    """Sends what the bot says and asks over the present connection.

    Args:
        room: to know the bot's own name by.
        monotonic: seconds.
        sleep: waits seconds.
        on_wait: told how long a message waited for the rate limit.
        silence: says why nothing is to be said in chat now; ``None`` where nothing keeps the bot from it.
    """

    def __init__(
        self,
        room: Room,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        on_wait: Callable[[float], None] | None = None,
        silence: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._room: Final = room
        self._monotonic: Final = monotonic
        self._sleep: Final = sleep
        self._on_wait: Final = on_wait
        self._silence: Final = silence
        self._confirmations: Final = Confirmations(room)
        self._urgent: Final[deque[_Message]] = deque()
        self._messages: Final[deque[_Message]] = deque()
        self._current: _Message | None = None
        self._asked: Final[set[asyncio.Future[Receipt]]] = set()
        self._arrived = asyncio.Event()
        self._emit: Emit | None = None
        self._worker: asyncio.Task[None] | None = None

    def follow(self, dispatcher: Dispatcher) -> None:
        """Take the frames that tell what became of a request from ``dispatcher``."""
        self._confirmations.follow(dispatcher)

    def __len__(self) -> int:
        return len(self._urgent) + len(self._messages) + (self._current is not None)

    def say(self, text: str, *, urgent: bool = False) -> asyncio.Future[Receipt]:
        """Say one message in chat; ``text`` is one of ``split_message``. What became of it comes later."""
        return self._enqueue(Say(text), urgent=urgent)

    def whisper(self, to: str, text: str, *, urgent: bool = False) -> asyncio.Future[Receipt]:
        """Send one private message; ``text`` is one of ``split_message``. What became of it comes later."""
        return self._enqueue(Whisper(to, text), urgent=urgent)

    async def ask(self, act: Act) -> Receipt:
        """Ask something of CyTube, before what is not urgent, and wait for what becomes of it."""
        if act.is_chat:
            return await self._enqueue(act, urgent=True)
        refusal = self._unsendable()
        if refusal is not None or self._emit is None:
            return Receipt(Outcome.NOT_SENT, refusal or "")
        receipt: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._asked.add(receipt)
        attempt = asyncio.create_task(self._attempt(act, self._emit), name=f"ask-{act.event}")
        try:
            await asyncio.wait((attempt, receipt), return_when=asyncio.FIRST_COMPLETED)
            return receipt.result() if receipt.done() else _receipt(attempt.result())
        finally:
            self._asked.discard(receipt)
            attempt.cancel()

    def open(self, emit: Emit) -> None:
        """Begin to send over a new connection, whose limits are fresh (PROTOCOL.md 10)."""
        self._emit = emit
        self._confirmations.begin()
        self._worker = asyncio.create_task(self._work(emit), name="send-queue")

    async def close(self, reason: str = "the connection to CyTube is lost") -> None:
        """Stop sending: what waits is not sent, what is on its way stays in doubt."""
        worker, self._worker = self._worker, None
        self._emit = None
        if worker is not None:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
        in_doubt = Receipt(Outcome.UNCONFIRMED, reason)
        for receipt in self._asked:
            receipt.set_result(in_doubt)
        self._asked.clear()
        if self._current is not None:
            self._finish(self._current, in_doubt)
            self._current = None
        for waiting in (self._urgent, self._messages):
            while waiting:
                self._finish(waiting.popleft(), Receipt(Outcome.NOT_SENT, reason))

    def _unsendable(self) -> str | None:
        if self._worker is None:
            return "not connected to CyTube"
        return "not logged in at CyTube" if self._room.own_name is None else None

    def _swallowed(self, act: Act) -> str | None:
        """Why CyTube would drop this without a word (PROTOCOL.md 5), which would hold up all that comes after it."""
        if not isinstance(act, Say):
            return None
        if not act.text.strip():
            return "there is nothing in it"
        is_allowed = self._room.permissions.allow("chat", self._room.own_rank)
        return None if is_allowed else "the bot's rank is too low to chat in this channel"

    def _enqueue(self, act: Act, *, urgent: bool) -> asyncio.Future[Receipt]:
        message = _Message(act, asyncio.get_running_loop().create_future())
        waiting = self._urgent if urgent else self._messages
        refusal, swallowed = self._unsendable(), self._swallowed(act)
        if refusal is not None:
            self._finish(message, Receipt(Outcome.NOT_SENT, refusal))
        elif swallowed is not None:
            self._finish(message, Receipt(Outcome.REFUSED, swallowed))
        elif len(waiting) >= CAPACITY:
            self._finish(message, Receipt(Outcome.NOT_SENT, "too many messages wait to be sent"))
        else:
            waiting.append(message)
            self._arrived.set()
        return message.receipt

    async def _work(self, emit: Emit) -> None:
        throttle = Throttle()
        while True:
            while not self._urgent and not self._messages:
                self._arrived.clear()
                await self._arrived.wait()
            self._current = message = (self._urgent or self._messages).popleft()
            self._finish(message, await self._deliver(message.act, emit, throttle))
            self._current = None

    async def _deliver(self, act: Act, emit: Emit, throttle: Throttle) -> Receipt:
        for _ in range(ATTEMPTS):
            began = self._monotonic()
            while (wait := throttle.wait(self._monotonic())) > 0:
                await self._sleep(wait)
            if self._on_wait is not None:
                self._on_wait(self._monotonic() - began)
            # Only now: whoever is told to be quiet is so at once, whatever waits to be said.
            reason = self._silence() if isinstance(act, Say) else None
            if reason is not None:
                return Receipt(Outcome.NOT_SENT, reason)
            throttle.sent(self._monotonic())
            result = await self._attempt(act, emit)
            if not isinstance(result, Dropped):
                return _receipt(result)
            throttle.refused(self._monotonic(), result.seconds)
        return Receipt(Outcome.NOT_SENT, "CyTube's rate limit did not let it through")

    async def _attempt(self, act: Act, emit: Emit) -> Verdict | Receipt:
        expectation = self._confirmations.expect(act)
        timeout = LOOKUP_TIMEOUT if act.needs_lookup else ECHO_TIMEOUT
        try:
            await emit(act.event, act.arguments)
            return await asyncio.wait_for(expectation.verdict, timeout)
        except TimeoutError:
            return Receipt(Outcome.UNCONFIRMED, f"CyTube did not answer within {timeout:g} s")
        except Exception as error:
            return Receipt(Outcome.NOT_SENT, f"it could not be sent: {error}")
        finally:
            self._confirmations.forget(expectation)

    @staticmethod
    def _finish(message: _Message, receipt: Receipt) -> None:
        if not message.receipt.done():
            message.receipt.set_result(receipt)


def _receipt(result: Verdict | Receipt) -> Receipt:
    if isinstance(result, Receipt):
        return result
    if isinstance(result, Done):
        return Receipt(Outcome.SENT, frame=result.frame, notes=result.notes)
    reason = result.reason if isinstance(result, Refused) else "CyTube's rate limit did not let it through"
    return Receipt(Outcome.REFUSED, reason)
