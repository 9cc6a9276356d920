"""The bot's outbox: takes events at once and for ever, and sees to it that each is in the stream once.

An event is in memory until JetStream has acknowledged it. What is unacknowledged for ``exposure`` seconds, at once
what comes while NATS is away, and what memory has no room for is in the spool on disk too. So of what a kill of
the process meets, only events younger than ``exposure`` can be lost while NATS answers.

The order is one for all events: first the window (in memory, in flight or about to be), then the unread part of the
spool, then the overflow (in memory, about to be written). The latter two are empty unless something is amiss.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from rosey_bot.publish.limits import OutboxLimits
from rosey_bot.publish.message import pack, prepare, unpack
from rosey_bot.publish.sender import Sender
from rosey_bot.publish.spool import Spool, sync
from rosey_bot.publish.statistics import OutboxStatistics
from rosey_bot.publish.window import SETTLED, Delivery, Window
from rosey_core.bus import Bus
from rosey_core.events import Event

log = logging.getLogger(__name__)

ROUND: Final = 0.025
"""Seconds between two looks at what waits, while anything does."""
WRITE_BYTES: Final = 1 << 19
"""Bytes that are handed to the disk at a time."""
DISK_RETRY: Final = 1.0
RECOVERY: Final = 0.5
COMPLAINT_INTERVAL: Final = 10.0

T = TypeVar("T")


class Outbox:
    """Publishes events to JetStream; see the module.

    Args:
        bus: the connection; it may be down.
        spool_directory: the spool's own directory; two processes cannot share one.
        limits: its bounds.
        clock: monotonic seconds.
        on_ack_latency: called with the seconds from ``publish`` to acknowledgement of each event.
    """

    def __init__(
        self,
        bus: Bus,
        *,
        spool_directory: Path,
        limits: OutboxLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
        on_ack_latency: Callable[[float], None] | None = None,
    ) -> None:
        self._limits = limits = limits or OutboxLimits()
        self._clock = clock
        self._window = Window(
            in_flight=limits.in_flight,
            in_flight_bytes=limits.in_flight_bytes,
            capacity=limits.window,
            capacity_bytes=limits.window_bytes,
        )
        self.statistics = OutboxStatistics()
        self._sender = Sender(
            bus,
            self._window,
            limits=limits,
            statistics=self.statistics,
            clock=clock,
            on_settled=self._settled,
            on_ack_latency=on_ack_latency,
        )
        self._spool = Spool(spool_directory, limit=limits.spool_bytes)
        self._overflow: deque[Delivery] = deque()
        self._overflow_bytes = 0
        self._unspooled: deque[Delivery] = deque()
        self._settled_in_spool: list[int] = []
        self._behind = True
        self._unread = 0
        self._disk_problem: str | None = None
        self._disk_retry_at = 0.0
        self._synced_at = 0.0
        self._syncing: asyncio.Future[None] | None = None
        self._complained_at = float("-inf")
        self._unmentioned = 0
        self._disk = ThreadPoolExecutor(1, "outbox-spool")
        self._medium = ThreadPoolExecutor(1, "outbox-sync")
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
        return len(self._window) + len(self._overflow) + self._unread

    @property
    def oldest_age(self) -> float:
        """Seconds since the oldest event in memory came; 0 where there is none."""
        oldest = self._window.oldest
        if oldest is None:
            oldest = self._overflow[0] if self._overflow else None
        return 0.0 if oldest is None else max(0.0, self._clock() - oldest.accepted_at)

    @property
    def spool_bytes(self) -> int:
        """Bytes on disk."""
        return self._spool.size

    @property
    def problem(self) -> str | None:
        """What is amiss, in a sentence for the operator; ``None`` where nothing is."""
        return self._disk_problem or self._sender.problem

    def publish(self, event: Event, *, traceparent: str | None = None) -> None:
        """Take an event for delivery; never blocks, never raises, and waits for nothing.

        An event that cannot be encoded is counted as invalid; one for which there is room neither on disk nor in memory
        as dropped. Both are logged.
        """
        try:
            message = prepare(event, traceparent)
        except Exception as error:
            self.statistics.invalid += 1
            log.error("event cannot be published: %s: %s", type(event).__name__, error)
            return
        if self._closing or self._window.bytes + self._overflow_bytes + message.size > self._limits.memory_bytes:
            self._drop(1)
            return
        self.statistics.queued += 1
        delivery = Delivery(message, self._clock())
        if self._behind or self._window.is_full:
            self._behind = True
            self._overflow.append(delivery)
            self._overflow_bytes += message.size
        else:
            self._enter_window(delivery)
            self._unspooled.append(delivery)
        if not self._attention.is_set():
            self._attention.set()

    async def start(self) -> None:
        """Begin to deliver: first what a former process left in the spool.

        Raises:
            SpoolError: another process uses the directory, or it cannot be read and written.
        """
        await self._in_thread(self._spool.open)
        self._unread = self._spool.unsettled
        if self._unread:
            log.info("the spool holds %d events of a former run", self._unread)
        self._attention.set()
        self._keeper = asyncio.create_task(self._keep(), name="outbox-keeper")
        self._sender.start()

    async def close(self, timeout: float = 5.0) -> None:
        """Wait at most ``timeout`` seconds for acknowledgements, put the rest into the spool, and let go of it.

        Without a connection nothing is waited for. What is published afterwards is dropped.
        """
        if self._closed:
            return
        self._closed = True
        deadline = self._clock() + timeout
        while self._sender.is_ready and not self._is_flushed() and self._clock() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(ROUND / 5)
        self._closing = True
        self._attention.set()
        await self._sender.stop()
        if self._keeper is not None:
            await asyncio.gather(self._keeper, return_exceptions=True)
            await self._write_the_rest()
            await self._in_thread(self._spool.close)
        self._complain()
        self._medium.shutdown()
        self._disk.shutdown()

    def _is_flushed(self) -> bool:
        if self._behind and not self._overflow and not self._unspooled:
            return True
        return not len(self._window) and not self._overflow

    def _enter_window(self, delivery: Delivery) -> None:
        self._window.add(delivery)
        self._sender.wake()

    def _settled(self, delivery: Delivery) -> None:
        if delivery.segment is not None:
            self._settled_in_spool.append(delivery.segment)

    async def _keep(self) -> None:
        while not self._closing:
            await self._attention.wait()
            self._attention.clear()
            try:
                await self._look()
            except Exception:
                log.exception("looking after the outbox")
                await asyncio.sleep(RECOVERY)
            if self._has_work():
                await asyncio.sleep(ROUND)
                self._attention.set()

    def _has_work(self) -> bool:
        return bool(len(self._window) or self._unspooled or self._overflow or self._settled_in_spool or self._behind)

    async def _look(self) -> None:
        now = self._clock()
        self._sender.check_time_out(now)
        if self._behind:
            await self._refill()
        due = now - self._limits.exposure / 2 if self._sender.is_ready and not self._behind else float("inf")
        await self._write(due)
        await self._settle_in_spool()
        self._sync(now)

    async def _refill(self) -> None:
        while not self._window.is_full and not self._spool.is_read:
            records = await self._in_thread(self._spool.read)
            self.statistics.replayed += len(records)
            now = self._clock()
            for segment, record in records:
                self._reload(segment, record, now)
            self._unread = 0 if self._spool.is_read else self._unread - len(records)
        while self._overflow and not self._window.is_full and self._spool.is_read:
            delivery = self._overflow.popleft()
            self._overflow_bytes -= delivery.message.size
            self._enter_window(delivery)
            self._unspooled.append(delivery)
        if not self._overflow and self._spool.is_read:
            self._behind = False

    def _reload(self, segment: int, record: bytes, now: float) -> None:
        try:
            message = unpack(record)
        except ValueError as error:
            log.error("spool: a record is no event and is left out: %s", error)
            self.statistics.dropped += 1
            self._settled_in_spool.append(segment)
            return
        self._enter_window(Delivery(message, now, segment=segment))

    async def _write(self, due: float) -> None:
        """Put on disk what was accepted before ``due`` and, if that is all of the window, the overflow."""
        if self._clock() < self._disk_retry_at and not self._closing:
            return
        if await self._write_some(self._unspooled, due, as_read=True) and self._overflow and not self._unspooled:
            await self._write_some(self._overflow, due, as_read=False)

    async def _write_some(self, source: deque[Delivery], due: float, *, as_read: bool) -> bool:
        while source and source[0].state == SETTLED:
            source.popleft()
        batch: list[Delivery] = []
        size = 0
        for delivery in source:
            if delivery.accepted_at > due or size >= WRITE_BYTES:
                break
            if delivery.state != SETTLED:
                batch.append(delivery)
                size += delivery.message.size
        if not batch:
            return True
        records = [pack(delivery.message) for delivery in batch]
        try:
            places = await self._in_thread(lambda: self._spool.append(records, as_read=as_read))
        except OSError as error:
            places = []
            self._disk_failed(f"the spool cannot be written: {error.strerror or error}")
        else:
            if len(places) == len(batch):
                self._disk_problem = None
            else:
                self._disk_failed(f"the spool is full ({self._limits.spool_bytes} bytes)")
        self.statistics.spooled += len(places)
        for delivery, segment in zip(batch, places, strict=False):
            delivery.segment = segment
            if delivery.state == SETTLED:
                self._settled_in_spool.append(segment)
        if places:
            while source.popleft() is not batch[len(places) - 1]:
                pass
        if not as_read:
            self._overflow_bytes -= sum(delivery.message.size for delivery in batch[: len(places)])
            self._unread += len(places)
        return len(places) == len(batch)

    def _disk_failed(self, problem: str) -> None:
        if problem != self._disk_problem:
            log.error("%s; events are kept in memory, up to %d bytes", problem, self._limits.memory_bytes)
        self._disk_problem = problem
        self._disk_retry_at = self._clock() + DISK_RETRY

    async def _settle_in_spool(self) -> None:
        segments, self._settled_in_spool = self._settled_in_spool, []
        if segments:
            await self._in_thread(lambda: self._spool.settle(segments))

    def _sync(self, now: float) -> None:
        if now - self._synced_at < self._limits.sync_interval or (self._syncing and not self._syncing.done()):
            return
        self._synced_at = now
        descriptors = self._spool.unsynced()
        if descriptors:
            self._syncing = asyncio.get_running_loop().run_in_executor(self._medium, sync, descriptors)

    async def _write_the_rest(self) -> None:
        self._disk_problem = None
        while (self._unspooled or self._overflow) and self._disk_problem is None:
            await self._write(float("inf"))
        await self._settle_in_spool()
        if self._syncing is not None:
            await self._syncing
        self._drop(sum(delivery.state != SETTLED for delivery in (*self._unspooled, *self._overflow)))

    def _drop(self, count: int) -> None:
        if not count:
            return
        self.statistics.dropped += count
        self._unmentioned += count
        now = self._clock()
        if now - self._complained_at >= COMPLAINT_INTERVAL:
            self._complained_at = now
            self._complain()

    def _complain(self) -> None:
        if self._unmentioned:
            reason = self._disk_problem or ("the outbox is closed" if self._closing else "memory is full")
            log.error("%d events lost: %s", self._unmentioned, reason)
            self._unmentioned = 0

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._disk, call)
