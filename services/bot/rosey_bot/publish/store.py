"""Where an outbox keeps what is unacknowledged: in memory, on disk, or both; each event in its one place in the order.

The order is one for all events: first the window (in memory, in flight or about to be), then the unread part of the
spool, then the overflow (in memory, about to be written). The latter two are empty unless something is amiss; while
they are not, what is new goes behind them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from rosey_bot.publish.limits import OutboxLimits
from rosey_bot.publish.message import pack, unpack
from rosey_bot.publish.spool import Spool, sync
from rosey_bot.publish.statistics import OutboxStatistics
from rosey_bot.publish.window import SETTLED, Delivery, Window

log = logging.getLogger(__name__)

WRITE_BYTES: Final = 1 << 19
"""Bytes that are handed to the disk at a time."""
DISK_RETRY: Final = 1.0

T = TypeVar("T")


class Store:
    """The window, the overflow and the spool. The disk's work is done in threads; one caller at a time awaits it.

    Args:
        window: what is sent.
        spool_directory: the spool's own directory.
        limits: its bounds.
        statistics: what it counts in.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        window: Window,
        *,
        spool_directory: Path,
        limits: OutboxLimits,
        statistics: OutboxStatistics,
        clock: Callable[[], float],
    ) -> None:
        self._window = window
        self._limits = limits
        self._statistics = statistics
        self._clock = clock
        self._spool = Spool(spool_directory, limit=limits.spool_bytes)
        self._unspooled: deque[Delivery] = deque()
        self._overflow: deque[Delivery] = deque()
        self._overflow_bytes = 0
        self._settled_in_spool: list[int] = []
        self._unread = 0
        self._is_behind = True
        self._problem: str | None = None
        self._retry_at = float("-inf")
        self._synced_at = 0.0
        self._syncing: asyncio.Future[None] | None = None
        self._disk = ThreadPoolExecutor(1, "outbox-spool")
        self._medium = ThreadPoolExecutor(1, "outbox-sync")

    def __len__(self) -> int:
        """Events that are not acknowledged, in memory or on disk."""
        return len(self._window) + self._unread + len(self._overflow)

    @property
    def memory_bytes(self) -> int:
        """What is held in memory."""
        return self._window.bytes + self._overflow_bytes

    @property
    def spool_bytes(self) -> int:
        """What is held on disk."""
        return self._spool.size

    @property
    def oldest(self) -> Delivery | None:
        """The delivery in memory that was accepted first."""
        return self._window.oldest or (self._overflow[0] if self._overflow else None)

    @property
    def problem(self) -> str | None:
        """Why nothing can be written to disk; ``None`` where it can."""
        return self._problem

    @property
    def has_work(self) -> bool:
        """Whether ``tend`` has anything to do, now or soon."""
        return bool(len(self) or self._unspooled or self._settled_in_spool or self._is_behind)

    @property
    def is_safe(self) -> bool:
        """Whether everything is acknowledged, or so much waits on disk that waiting for it makes no sense."""
        if self._is_behind:
            return not self._overflow and not self._unspooled
        return not len(self._window)

    def add(self, delivery: Delivery) -> None:
        """Take a delivery, newer than all others."""
        if self._is_behind or self._window.is_full:
            self._is_behind = True
            self._overflow.append(delivery)
            self._overflow_bytes += delivery.message.size
        else:
            self._window.add(delivery)
            self._unspooled.append(delivery)

    def settled(self, delivery: Delivery) -> None:
        """A delivery of the window is acknowledged or given up: its record on disk, if any, may go."""
        if delivery.segment is not None:
            self._settled_in_spool.append(delivery.segment)

    async def open(self) -> None:
        """Open the spool.

        Raises:
            SpoolError: another process uses the directory, or it cannot be read and written.
        """
        await self._in_thread(self._spool.open)
        self._unread = self._spool.unsettled
        if self._unread:
            log.info("the spool holds %d events of a former run", self._unread)

    async def tend(self, *, is_ready: bool) -> None:
        """Fill the window, and put on disk what has been in memory too long: at once where nothing can be sent."""
        now = self._clock()
        if self._is_behind:
            await self._refill()
        is_patient = is_ready and not self._is_behind
        if now >= self._retry_at:
            await self._write(now - self._limits.exposure / 2 if is_patient else float("inf"))
        await self._delete_settled()
        self._sync(now)

    async def close(self) -> int:
        """Put everything on disk and let go of it; returns how many events could not be written."""
        self._problem = None
        while (self._unspooled or self._overflow) and self._problem is None:
            await self._write(float("inf"))
        await self._delete_settled()
        if self._syncing is not None:
            await self._syncing
        await self._in_thread(self._spool.close)
        self.abandon()
        return sum(delivery.state != SETTLED for delivery in (*self._unspooled, *self._overflow))

    def abandon(self) -> None:
        """End the threads."""
        self._medium.shutdown()
        self._disk.shutdown()

    async def _refill(self) -> None:
        window = self._window
        while not window.is_full and not self._spool.is_read:
            records = await self._in_thread(self._spool.read)
            self._statistics.replayed += len(records)
            now = self._clock()
            for segment, record in records:
                self._reload(segment, record, now)
            self._unread = 0 if self._spool.is_read else self._unread - len(records)
        if not self._spool.is_read:
            return
        while self._overflow and not window.is_full:
            delivery = self._overflow.popleft()
            self._overflow_bytes -= delivery.message.size
            window.add(delivery)
            self._unspooled.append(delivery)
        self._is_behind = bool(self._overflow)

    def _reload(self, segment: int, record: bytes, now: float) -> None:
        try:
            message = unpack(record)
        except ValueError as error:
            log.error("spool: a record is no event and is left out: %s", error)
            self._statistics.dropped += 1
            self._settled_in_spool.append(segment)
        else:
            self._window.add(Delivery(message, now, segment=segment))

    async def _write(self, due: float) -> None:
        # The overflow is newer than all of the window: only behind that may it be written.
        if await self._write_from(self._unspooled, due, as_read=True) and self._overflow and not self._unspooled:
            await self._write_from(self._overflow, due, as_read=False)

    async def _write_from(self, source: deque[Delivery], due: float, *, as_read: bool) -> bool:
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
            self._failed(f"the spool cannot be written: {error.strerror or error}")
        else:
            if len(places) == len(batch):
                self._problem = None
            else:
                self._failed(f"the spool is full ({self._limits.spool_bytes} bytes)")
        self._statistics.spooled += len(places)
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

    def _failed(self, problem: str) -> None:
        if problem != self._problem:
            log.error("%s; events are kept in memory, up to %d bytes", problem, self._limits.memory_bytes)
        self._problem = problem
        self._retry_at = self._clock() + DISK_RETRY

    async def _delete_settled(self) -> None:
        segments, self._settled_in_spool = self._settled_in_spool, []
        if segments:
            await self._in_thread(lambda: self._spool.settle(segments))

    def _sync(self, now: float) -> None:
        if now - self._synced_at < self._limits.sync_interval or (self._syncing and not self._syncing.done()):
            return
        self._synced_at = now
        descriptors = self._spool.unsynced()
        if descriptors:
            # In a thread of its own: flushing may take long, and what is to be written must not wait for it.
            self._syncing = asyncio.get_running_loop().run_in_executor(self._medium, sync, descriptors)

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._disk, call)
