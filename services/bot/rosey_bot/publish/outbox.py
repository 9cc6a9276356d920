"""The bot's outbox: takes events at once and for ever, and sees to it that each is in the stream once.

An event is in memory until JetStream has acknowledged it. What is unacknowledged for ``exposure`` seconds, what comes
while NATS is away, and what memory has no room for is on disk too. So a kill of the process can take only events
younger than ``exposure``, as long as the disk takes what is written and the event loop is not held up.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rosey_bot.publish.limits import OutboxLimits
from rosey_bot.publish.message import prepare
from rosey_bot.publish.sender import Sender
from rosey_bot.publish.statistics import OutboxStatistics
from rosey_bot.publish.store import Store
from rosey_bot.publish.window import Delivery, Window
from rosey_core.bus import Bus
from rosey_core.events import Event

log = logging.getLogger(__name__)

ROUND: Final = 0.025
"""Seconds between two looks at what waits, while anything does."""
RECOVERY: Final = 0.5
COMPLAINT_INTERVAL: Final = 10.0


class Outbox:
    """Publishes events to JetStream; see the module.

    Attributes:
        statistics: what it has done so far.

    Args:
        bus: the connection; it may be down.
        spool_directory: the spool's own directory; two processes cannot share one.
        limits: its bounds.
        clock: monotonic seconds.
        on_ack_latency: called for each event with the seconds from ``publish`` to its sending, and from there to its
            acknowledgement.
    """

    def __init__(
        self,
        bus: Bus,
        *,
        spool_directory: Path,
        limits: OutboxLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
        on_ack_latency: Callable[[float, float], None] | None = None,
    ) -> None:
        self.statistics = OutboxStatistics()
        self._limits = limits = limits or OutboxLimits()
        self._clock = clock
        self._window = Window(
            in_flight=limits.in_flight,
            in_flight_bytes=limits.in_flight_bytes,
            capacity=limits.window,
            capacity_bytes=limits.window_bytes,
        )
        self._store = Store(
            self._window, spool_directory=spool_directory, limits=limits, statistics=self.statistics, clock=clock
        )
        self._sender = Sender(
            bus,
            self._window,
            limits=limits,
            statistics=self.statistics,
            clock=clock,
            on_settled=self._store.settled,
            on_ack_latency=on_ack_latency,
        )
        self._complained_at = float("-inf")
        self._unmentioned = 0
        self._attention = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._closing = False
        self._closed = False

    @property
    def in_flight(self) -> int:
        """Messages that are sent and not acknowledged."""
        return self._window.in_flight

    @property
    def backlog(self) -> int:
        """Events that are not acknowledged, in memory or on disk."""
        return len(self._store)

    @property
    def oldest_age(self) -> float:
        """Seconds since the oldest event in memory came there; 0 where there is none."""
        oldest = self._store.oldest
        return 0.0 if oldest is None else max(0.0, self._clock() - oldest.accepted_at)

    @property
    def spool_bytes(self) -> int:
        """Bytes on disk."""
        return self._store.spool_bytes

    @property
    def spool_limit(self) -> int:
        """Bytes that may be on disk."""
        return self._limits.spool_bytes

    @property
    def problem(self) -> str | None:
        """What is amiss, in a sentence for the operator; ``None`` where nothing is."""
        return self._store.problem or self._sender.problem

    def publish(
        self, event: Event, *, traceparent: str | None = None, on_acknowledged: Callable[[], None] | None = None
    ) -> None:
        """Take an event for delivery; never blocks, never raises, and waits for nothing.

        An event that cannot be encoded is counted as invalid; one for which there is room neither on disk nor in memory
        as dropped. Both are logged.

        Args:
            event: what happened.
            traceparent: the W3C trace context, where there is one.
            on_acknowledged: called when it is in the stream; never, where it had to wait in the spool behind others.
        """
        try:
            message = prepare(event, traceparent)
        except Exception as error:
            self.statistics.invalid += 1
            log.error(
                "event cannot be published: %s: %s",
                type(event).__name__,
                error,
                extra={"channel": getattr(event, "channel", None)},
            )
            return
        if self._closing or self._store.memory_bytes + message.size > self._limits.memory_bytes:
            self._lose(1)
            return
        self.statistics.queued += 1
        self._store.add(Delivery(message, self._clock(), on_acknowledged=on_acknowledged))
        self._sender.wake()
        if not self._attention.is_set():
            self._attention.set()

    async def start(self) -> None:
        """Begin to deliver: first what a former process left in the spool.

        Raises:
            SpoolError: another process uses the directory, or it cannot be read and written.
        """
        await self._store.open()
        self._attention.set()
        self._keeper = asyncio.create_task(self._keep(), name="outbox-keeper")
        self._sender.start()

    async def close(self, timeout: float = 5.0) -> None:
        """Wait at most ``timeout`` seconds for acknowledgements, put the rest into the spool, and let go of it.

        Without a connection nothing is waited for. What is published afterwards is dropped. Safe to call again.
        """
        if self._closed:
            return
        self._closed = True
        deadline = self._clock() + timeout
        while self._sender.is_ready and not self._store.is_safe and self._clock() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(ROUND / 5)
        self._closing = True
        self._attention.set()
        await self._sender.stop()
        if self._keeper is None:
            self._store.abandon()
        else:
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._lose(await self._store.close())
        self._complain()

    async def _keep(self) -> None:
        while not self._closing:
            await self._attention.wait()
            self._attention.clear()
            try:
                self._sender.check_time_out(self._clock())
                await self._store.tend(is_ready=self._sender.is_ready)
                self._sender.wake()
            except Exception:
                log.exception("tending the outbox")
                await asyncio.sleep(RECOVERY)
            if self._store.has_work:
                await asyncio.sleep(ROUND)
                self._attention.set()

    def _lose(self, count: int) -> None:
        self.statistics.dropped += count
        self._unmentioned += count
        now = self._clock()
        if now - self._complained_at >= COMPLAINT_INTERVAL:
            self._complained_at = now
            self._complain()

    def _complain(self) -> None:
        if self._unmentioned:
            reason = self._store.problem or ("the outbox is closed" if self._closing else "memory is full")
            log.error("%d events lost: %s", self._unmentioned, reason)
            self._unmentioned = 0
