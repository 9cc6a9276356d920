"""Posts what others have put into the channel's outbound queue, each message at most once.

Only what this bot has claimed is posted. CyTube confirms nothing but by its echo: where the echo does not come,
nobody knows whether the message was seen, and it is reported as failed for good rather than posted twice. What has not
gone out when the bot leaves the room is given back instead, for whoever is there next.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, Protocol

from rosey_bot.cytube import frames
from rosey_bot.cytube.sending import Outcome, Receipt, SendQueue
from rosey_bot.cytube.text import split_message
from rosey_bot.manners import Manners
from rosey_bot.room.room import Room
from rosey_bot.sink import EventSink
from rosey_bot.timeline import Timeline
from rosey_core import identity
from rosey_core.events import OutboundFailed, OutboundSent
from rosey_core.queries import ClaimedMessage

log = logging.getLogger(__name__)

LIMIT: Final = 5
"""Messages claimed at a time: no more than can be posted before the claim runs out."""
CLAIM_SECONDS: Final = 300.0
"""How long a claim holds: longer than the longest messages take if CyTube confirms none of them."""
MOST_PARTS: Final = 50
"""Messages of CyTube's that lines make of one: what has more lines is posted without their breaks."""
STOPPED: Final = "the bot has stopped before it posted it"
RETRY_SECONDS: Final = 1.0
"""Until a claim without an answer is repeated; longer where that goes on."""


class OutboundUnavailable(Exception):
    """The outbound queue cannot be reached now.

    Attributes:
        is_in_doubt: whether it may have given messages away all the same: of those it tells nobody any more.
    """

    def __init__(self, reason: str, *, is_in_doubt: bool = False) -> None:
        super().__init__(reason)
        self.is_in_doubt: Final = is_in_doubt


class OutboundQueue(Protocol):
    """Where messages wait to be posted."""

    async def claim(self, channel: str, limit: int, seconds: float) -> list[ClaimedMessage]:
        """Claim messages for this bot for some seconds, by the channel's key.

        Raises:
            OutboundUnavailable: it cannot be reached.
        """

    async def watch(self, channel: str, arrived: Callable[[], None]) -> None:
        """From now on call ``arrived`` when a message may have come into the channel's queue."""

    async def unwatch(self, channel: str) -> None:
        """No longer."""


class OutboundPoster:
    """Posts one channel's outbound messages.

    Args:
        channel: the channel's key.
        queue: where they come from.
        room: the channel now.
        sending: posts them.
        sink: is told what became of them.
        timeline: the channel's times.
        manners: while they want the bot quiet, messages wait.
        interval: seconds between two looks into the queue that no notice asked for.
        acts: whether this bot is the one that posts here now.
        sleep: waits seconds.

    Attributes:
        interval: as given; another one counts from the next look on.
    """

    def __init__(
        self,
        channel: str,
        *,
        queue: OutboundQueue,
        room: Room,
        sending: SendQueue,
        sink: EventSink,
        timeline: Timeline,
        manners: Manners | None = None,
        interval: float = 30.0,
        acts: Callable[[], bool] = lambda: True,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._channel: Final = channel
        self._queue: Final = queue
        self._room: Final = room
        self._sending: Final = sending
        self._sink: Final = sink
        self._timeline: Final = timeline
        self._manners: Final = manners or Manners()
        self.interval = interval
        self._acts: Final = acts
        self._sleep: Final = sleep
        self._problem = ""
        self._unanswered = 0
        self._arrived: Final = asyncio.Event()

    async def run(self) -> None:
        """Post what comes, until cancelled: at once where the queue tells of it, else at the next look."""
        await self._queue.watch(self._channel, self.look)
        try:
            while True:
                self._arrived.clear()
                # Of as many as are claimed at once there may be more.
                while await self.post_waiting() == LIMIT:
                    pass
                await self._wait()
        finally:
            await self._queue.unwatch(self._channel)

    def look(self) -> None:
        """Look into the queue now: what was told of while the bot could not speak may wait in it."""
        self._arrived.set()

    async def _wait(self) -> None:
        seconds = self.interval
        if self._unanswered:
            seconds = min(RETRY_SECONDS * 2 ** (self._unanswered - 1), seconds)
        ends = [asyncio.ensure_future(self._sleep(seconds)), asyncio.ensure_future(self._arrived.wait())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()

    async def post_waiting(self) -> int:
        """Claim and post what waits, if the bot may speak now; returns how many messages it claimed."""
        if self._hindrance() is not None:
            return 0
        try:
            messages = await self._claim()
        except OutboundUnavailable as error:
            if str(error) != self._problem:
                log.info("%s: no outbound messages: %s", self._channel, error)
            self._problem = str(error)
            self._unanswered = min(self._unanswered + 1, 30) if error.is_in_doubt else 0
            return 0
        self._problem, self._unanswered = "", 0
        for place, message in enumerate(messages, start=1):
            try:
                await self._post(message)
            except asyncio.CancelledError:
                for unposted in messages[place:]:
                    self._give_back(unposted, STOPPED)
                raise
        return len(messages)

    async def _claim(self) -> list[ClaimedMessage]:
        claiming = asyncio.ensure_future(self._queue.claim(self._channel, LIMIT, CLAIM_SECONDS))
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            # What the queue gives away now it would tell nobody of again.
            with suppress(OutboundUnavailable):
                for unposted in await claiming:
                    self._give_back(unposted, STOPPED)
            raise

    def _hindrance(self) -> str | None:
        """What keeps the bot from speaking now."""
        room = self._room
        if not room.is_joined or room.own_name is None:
            return "the bot is not in the room under its name"
        if not room.permissions.allow("chat", room.own_rank):
            return "the bot's rank is too low to chat in this channel"
        return self._manners.silence() or (None if self._acts() else "another bot may have the channel")

    async def _post(self, message: ClaimedMessage) -> None:
        parts = _parts(message.message)
        if not parts:
            self._failed(message, "there is nothing to say in it", permanent=True)
            return
        hindrance = self._hindrance()
        if hindrance is not None:
            self._give_back(message, hindrance)
            return
        for number, part in enumerate(parts, start=1):
            begun = f"after {number - 1} of {len(parts)} parts: " if number > 1 else ""
            receipt, stop = await self._say(part)
            if receipt.outcome is Outcome.PREVENTED and not begun:
                self._give_back(message, receipt.reason)
            elif receipt.outcome is not Outcome.SENT:
                may_be_tried_again = receipt.outcome is Outcome.NOT_SENT and not begun
                self._failed(message, f"{begun}{receipt.reason}", permanent=not may_be_tried_again)
            elif number == len(parts):
                self._sink.publish(OutboundSent(message_id=message.id, **self._envelope()))
            elif stop is not None:
                self._failed(message, f"after {number} of {len(parts)} parts: {STOPPED}", permanent=True)
            if stop is not None:
                raise stop
            if receipt.outcome is not Outcome.SENT:
                return

    async def _say(self, part: str) -> tuple[Receipt, asyncio.CancelledError | None]:
        """What became of it; where the bot is stopped meanwhile what is known by then, and the stop."""
        said = self._sending.say(part)
        try:
            # Not to be cancelled itself: the outcome may come in the same moment, and would be lost.
            return await asyncio.shield(said), None
        except asyncio.CancelledError as stop:
            if self._sending.withdraw(said):
                return Receipt(Outcome.PREVENTED, STOPPED), stop
            if said.done():
                return said.result(), stop
            return Receipt(Outcome.UNCONFIRMED, "the bot has stopped before CyTube told what became of it"), stop

    def _failed(self, message: ClaimedMessage, error: str, *, permanent: bool) -> None:
        log.warning("%s: outbound message %d was not posted: %s", self._channel, message.id, error)
        self._tell_failed(message, error, permanent=permanent)

    def _give_back(self, message: ClaimedMessage, reason: str) -> None:
        log.info("%s: outbound message %d waits on: %s", self._channel, message.id, reason)
        self._tell_failed(message, reason, attempted=False)

    def _tell_failed(
        self, message: ClaimedMessage, error: str, *, permanent: bool = False, attempted: bool = True
    ) -> None:
        self._sink.publish(
            OutboundFailed(
                message_id=message.id,
                error=error,
                permanent=permanent,
                attempted=attempted,
                claimed_until=message.claimed_until,
                **self._envelope(),
            )
        )

    def _envelope(self) -> dict[str, Any]:
        return {
            "channel": self._channel,
            "timestamp": self._timeline.now(),
            "platform": frames.PLATFORM,
            "id": identity.uuid7(),
        }


def _parts(text: str) -> list[str]:
    parts = split_message(text)
    # Each line is a message of its own, as long as there are not so many that they would outlast the claim.
    return parts if len(parts) <= MOST_PARTS else split_message(" ".join(text.split()))
