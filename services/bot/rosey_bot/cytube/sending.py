"""What the bot says and asks goes out here: within the rate limit, in order, and with what became of it.

CyTube acknowledges nothing: what it shows, says or leaves unsaid tells what became of a request (``signs``).
Chat and private messages share a rate limit, so they go through one queue, in turns (``waiting``), one at a time: its
echo lets the next one go, ``cooldown`` says that it was dropped and is to be sent again, other frames refuse it. Where
CyTube is silent for a moment the next one goes all the same, and longer silence leaves the message in doubt. Other
requests have no such limit and go at once.
"""

from __future__ import annotations

import asyncio
import enum
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from rosey_bot.cytube.acts import Act, Say, Whisper
from rosey_bot.cytube.confirmations import Confirmations, Expectation
from rosey_bot.cytube.dispatch import Dispatcher
from rosey_bot.cytube.signs import Done, Dropped, Refused, Verdict
from rosey_bot.cytube.text import is_blank
from rosey_bot.cytube.throttle import Throttle
from rosey_bot.cytube.waiting import Waiting
from rosey_bot.room.room import Room
from rosey_core.identity import user_key

ECHO_TIMEOUT: Final = 3.0
"""Seconds after which CyTube's silence is its answer."""
PATIENCE: Final = 0.25
"""Seconds after which a message that CyTube is silent about holds up the next one no longer."""
LOOKUP_TIMEOUT: Final = 15.0
"""The same where CyTube asks other sites first, one question at a time (PROTOCOL.md 8)."""
CAPACITY: Final = 500
ATTEMPTS: Final = 8
DROPPED: Final = "CyTube's rate limit did not let it through"
ROOM: Final = ""
"""Whom chat is for, among the recipients that take turns."""

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
    """It has not gone out."""
    PREVENTED = "prevented"
    """It has not gone out, since the bot was not in the room just then, or was not to speak there."""


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


@dataclass(slots=True, eq=False)
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
        self._waiting: Final[Waiting[_Message]] = Waiting()
        self._under_way: Final[set[_Message]] = set()
        self._overtaken: Final[set[asyncio.Task[None]]] = set()
        self._asked: Final[set[asyncio.Future[Receipt]]] = set()
        self._arrived = asyncio.Event()
        self._emit: Emit | None = None
        self._worker: asyncio.Task[None] | None = None

    def follow(self, dispatcher: Dispatcher) -> None:
        """Take the frames that tell what became of a request from ``dispatcher``."""
        self._confirmations.follow(dispatcher)

    def __len__(self) -> int:
        return len(self._waiting) + len(self._under_way)

    def say(self, text: str, *, urgent: bool = False, answers: str | None = None) -> asyncio.Future[Receipt]:
        """Say one message in chat; ``text`` is one of ``split_message``. What became of it comes later.

        Args:
            text: the message.
            urgent: whether it goes before what is not.
            answers: the user whom it answers, so that it has that user's turn; it has the room's otherwise.
        """
        return self._enqueue(Say(text), ROOM if answers is None else answers, urgent=urgent)

    def whisper(self, to: str, text: str, *, urgent: bool = False) -> asyncio.Future[Receipt]:
        """Send one private message; ``text`` is one of ``split_message``. What became of it comes later."""
        return self._enqueue(Whisper(to, text), to, urgent=urgent)

    async def ask(self, act: Act) -> Receipt:
        """Ask something of CyTube, before what is not urgent, and wait for what becomes of it."""
        if act.is_chat:
            return await self._enqueue(act, act.to if isinstance(act, Whisper) else ROOM, urgent=True)
        refusal = self._unsendable()
        if refusal is not None or self._emit is None:
            return Receipt(Outcome.PREVENTED, refusal or "")
        receipt: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._asked.add(receipt)
        attempt = asyncio.create_task(self._attempt(act, self._emit), name=f"ask-{act.event}")
        try:
            await asyncio.wait((attempt, receipt), return_when=asyncio.FIRST_COMPLETED)
            return receipt.result() if receipt.done() else attempt.result()
        finally:
            self._asked.discard(receipt)
            attempt.cancel()

    def withdraw(self, receipt: asyncio.Future[Receipt]) -> bool:
        """Take back the message that this receipt is of, if it still waits for its turn; returns whether it did."""
        if receipt.done() or any(message.receipt is receipt for message in self._under_way):
            return False
        return receipt.cancel()

    def open(self, emit: Emit) -> None:
        """Begin to send over a new connection, whose limits are fresh (PROTOCOL.md 10)."""
        self._emit = emit
        self._confirmations.begin()
        self._worker = asyncio.create_task(self._work(emit), name="send-queue")

    async def close(self, reason: str = "the connection to CyTube is lost") -> None:
        """Stop sending: what waits is not sent, what is on its way stays in doubt."""
        worker, self._worker = self._worker, None
        self._emit = None
        works = [*self._overtaken, *([] if worker is None else [worker])]
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
        in_doubt = Receipt(Outcome.UNCONFIRMED, reason)
        for receipt in self._asked:
            receipt.set_result(in_doubt)
        self._asked.clear()
        for message in list(self._under_way):
            self._finish(message, in_doubt)
        while len(self._waiting):
            self._finish(self._waiting.take(), Receipt(Outcome.PREVENTED, reason))

    def _unsendable(self) -> str | None:
        if self._worker is None:
            return "not connected to CyTube"
        return "not logged in at CyTube" if self._room.own_name is None else None

    def _swallowed(self, act: Act) -> str | None:
        """Why CyTube would drop this without a word (PROTOCOL.md 5), so that nobody could tell what became of it."""
        if not isinstance(act, Say):
            return None
        if is_blank(act.text):
            return "there is nothing in it"
        is_allowed = self._room.permissions.allow("chat", self._room.own_rank)
        return None if is_allowed else "the bot's rank is too low to chat in this channel"

    def _enqueue(self, act: Act, recipient: str, *, urgent: bool) -> asyncio.Future[Receipt]:
        message = _Message(act, asyncio.get_running_loop().create_future())
        refusal, swallowed = self._unsendable(), self._swallowed(act)
        if refusal is not None:
            self._finish(message, Receipt(Outcome.PREVENTED, refusal))
        elif swallowed is not None:
            self._finish(message, Receipt(Outcome.REFUSED, swallowed))
        elif self._waiting.count(urgent=urgent) >= CAPACITY:
            self._finish(message, Receipt(Outcome.NOT_SENT, "too many messages wait to be sent"))
        else:
            self._waiting.add(user_key(recipient), message, urgent=urgent)
            self._arrived.set()
        return message.receipt

    async def _work(self, emit: Emit) -> None:
        throttle = Throttle()
        while True:
            while not len(self._waiting):
                self._arrived.clear()
                await self._arrived.wait()
            began = self._monotonic()
            await self._until_allowed(throttle)
            # Only now: what came meanwhile may go first.
            message = self._waiting.take()
            if message.receipt.cancelled():
                continue
            if self._on_wait is not None:
                self._on_wait(self._monotonic() - began)
            self._under_way.add(message)
            receipt = await self._deliver(message, emit, throttle)
            if receipt is not None:
                self._finish(message, receipt)

    async def _until_allowed(self, throttle: Throttle) -> None:
        while (wait := throttle.wait(self._monotonic())) > 0:
            await self._sleep(wait)

    async def _deliver(self, message: _Message, emit: Emit, throttle: Throttle) -> Receipt | None:
        """What became of a message; ``None`` where that comes later, and the next one is not to wait for it."""
        for _ in range(ATTEMPTS):
            await self._until_allowed(throttle)
            # Only now: whoever is told to be quiet is so at once, whatever waits to be said.
            reason = self._silence() if isinstance(message.act, Say) else None
            if reason is not None:
                return Receipt(Outcome.PREVENTED, reason)
            throttle.sent(self._monotonic())
            expectation = self._confirmations.expect(message.act)
            try:
                await emit(message.act.event, message.act.arguments)
                await asyncio.wait([expectation.verdict], timeout=min(PATIENCE, ECHO_TIMEOUT))
                if not expectation.verdict.done():
                    self._overtake(message, expectation, throttle)
                    return None
            except Exception as error:
                return _unsent(error)
            finally:
                if not expectation.is_overtaken:
                    self._confirmations.forget(expectation)
            result = expectation.verdict.result()
            if not isinstance(result, Dropped):
                return _receipt(result)
            throttle.refused(self._monotonic(), result.seconds)
        return Receipt(Outcome.NOT_SENT, DROPPED)

    def _overtake(self, message: _Message, expectation: Expectation, throttle: Throttle) -> None:
        expectation.is_overtaken = True
        task = asyncio.create_task(self._await(message, expectation, throttle), name="overtaken-message")
        self._overtaken.add(task)
        task.add_done_callback(self._overtaken.discard)

    async def _await(self, message: _Message, expectation: Expectation, throttle: Throttle) -> None:
        try:
            result = await asyncio.wait_for(expectation.verdict, ECHO_TIMEOUT - PATIENCE)
        except TimeoutError:
            self._finish(message, _unanswered(ECHO_TIMEOUT))
            return
        finally:
            self._confirmations.forget(expectation)
        if isinstance(result, Dropped):
            # It is not sent again: after so long another message may be meant, and this one be seen twice.
            throttle.refused(self._monotonic(), result.seconds)
            self._finish(message, Receipt(Outcome.UNCONFIRMED, DROPPED))
        else:
            self._finish(message, _receipt(result))

    async def _attempt(self, act: Act, emit: Emit) -> Receipt:
        expectation = self._confirmations.expect(act)
        timeout = LOOKUP_TIMEOUT if act.needs_lookup else ECHO_TIMEOUT
        try:
            await emit(act.event, act.arguments)
            # Before Python 3.12 wait_for swallows a cancellation that comes with the result.
            async with asyncio.timeout(timeout):
                return _receipt(await expectation.verdict)
        except TimeoutError:
            return _unanswered(timeout)
        except Exception as error:
            return _unsent(error)
        finally:
            self._confirmations.forget(expectation)

    def _finish(self, message: _Message, receipt: Receipt) -> None:
        self._under_way.discard(message)
        if not message.receipt.done():
            message.receipt.set_result(receipt)


def _receipt(result: Verdict) -> Receipt:
    match result:
        case Done():
            return Receipt(Outcome.SENT, frame=result.frame, notes=result.notes)
        case Refused():
            return Receipt(Outcome.REFUSED, result.reason)
        case Dropped():
            return Receipt(Outcome.NOT_SENT, DROPPED)


def _unanswered(seconds: float) -> Receipt:
    return Receipt(Outcome.UNCONFIRMED, f"CyTube did not answer within {seconds:g} s")


def _unsent(error: Exception) -> Receipt:
    return Receipt(Outcome.PREVENTED, f"it could not be sent: {error}")
