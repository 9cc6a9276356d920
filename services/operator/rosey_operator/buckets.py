"""The two buckets of channels in NATS: followed by watches, written with compare-and-set."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import nats.errors
from nats.aio.client import Client
from nats.js.errors import BucketNotFoundError, KeyWrongLastSequenceError, NotFoundError
from nats.js.errors import Error as JetStreamError
from nats.js.kv import KeyValue

from rosey_core import channel_entries, channel_status, streams
from rosey_core.bus import Bus, BusError
from rosey_core.channel_entries import InvalidEntry
from rosey_core.channel_status import ChannelStatus
from rosey_operator.reconcile.state import Entry

log = logging.getLogger(__name__)

RETRY_WAIT: Final = 1.0
LOOK_INTERVAL: Final = 0.5
FRESH: Final = 25.0
"""Seconds for which what a bot tells counts; it repeats it more often than that."""
_FAILURES: Final = (BusError, nats.errors.Error, JetStreamError, TimeoutError, OSError)


class BucketError(Exception):
    """It could not be written; the text says why."""


class Buckets:
    """What stands in the buckets, kept up to date.

    Args:
        bus: the connection; it may be down.
        clock: seconds that only grow.
    """

    def __init__(self, bus: Bus, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._bus: Final = bus
        self._listeners: Final[list[Callable[[], None]]] = []
        self._clock: Final = clock
        self._is_lost = True
        self._problem = "the channels in NATS are not read yet"
        self._away_since = clock()
        self._stored: dict[str, Entry] = {}
        self._revisions: dict[str, int] = {}
        self._told: dict[str, tuple[ChannelStatus, float]] = {}
        bus.on_disconnected(self._lose)

    def on_changed(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` whenever something has changed."""
        self._listeners.append(listener)

    @property
    def problem(self) -> str | None:
        """Why it is not known what stands there; ``None`` while it is."""
        return self._bus.problem or self._problem or None

    @property
    def away(self) -> float:
        """Seconds since when that is not known; 0 while it is."""
        return 0.0 if self.problem is None else self._clock() - self._away_since

    @property
    def entries(self) -> Mapping[str, Entry] | None:
        """The entries by key; ``None`` while they are not known."""
        return dict(self._stored) if self.problem is None else None

    @property
    def statuses(self) -> dict[str, ChannelStatus]:
        """What the bots tell, by key, as far as it is fresh."""
        oldest = self._clock() - FRESH
        return {key: status for key, (status, at) in self._told.items() if at >= oldest}

    async def run(self) -> None:
        """Follow both buckets until cancelled."""
        while True:
            await self._bus.wait_connected()
            try:
                await self._follow(self._bus.client)
            except (BucketNotFoundError, NotFoundError):
                self._say("NATS has no bucket of channels: the DatabaseService makes it; is it running?")
            except _FAILURES as error:
                self._say(f"the channels in NATS cannot be read: {str(error) or type(error).__name__}")
            await asyncio.sleep(RETRY_WAIT)

    async def put(self, key: str, value: Mapping[str, Any], revision: int | None) -> None:
        """Write an entry, if its revision is this one; ``None``: if there is none.

        Raises:
            BucketError: it could not be written, or there is another meanwhile.
        """
        if revision is None and key in self._stored:
            raise BucketError(f"{key} has been added by somebody else meanwhile")
        # A deleted entry has a revision, too.
        last = revision if revision is not None else self._revisions.get(key, 0)
        try:
            bucket = await self._bus.client.jetstream().key_value(streams.ADDED_CHANNELS)
            stored = channel_entries.encode(value)
            made = await bucket.update(key, stored, last=last)
        except KeyWrongLastSequenceError:
            raise BucketError(f"{key} has been changed by somebody else meanwhile") from None
        except InvalidEntry as error:
            raise BucketError(f"{key}: {error}") from None
        except _FAILURES as error:
            raise BucketError(f"{key} cannot be written: {str(error) or type(error).__name__}") from None
        self._take_entry(key, stored, made)

    async def delete(self, key: str, revision: int) -> None:
        """Delete an entry, if its revision is this one.

        Raises:
            BucketError: it could not be deleted, or there is another meanwhile.
        """
        try:
            bucket = await self._bus.client.jetstream().key_value(streams.ADDED_CHANNELS)
            await bucket.delete(key, last=revision)
        except _FAILURES as error:
            raise BucketError(f"{key} cannot be deleted: {str(error) or type(error).__name__}") from None
        self._stored.pop(key, None)

    def _lose(self) -> None:
        # A watch dies with the server, silently, also where the same client is soon connected again.
        self._is_lost = True
        if not self._problem:
            self._away_since = self._clock()
        self._problem = "NATS was away"
        self._wake()

    async def _follow(self, client: Client) -> None:
        self._is_lost = False
        async with contextlib.AsyncExitStack() as watches:
            entries = await self._watch(client, streams.ADDED_CHANNELS, watches)
            statuses = await self._watch(client, streams.CHANNEL_STATUS, watches)
            self._stored, self._revisions, self._told = {}, {}, {}
            await self._read(entries, self._take)
            await self._read(statuses, self._take_status)
            if self._is_lost:
                return
            self._say("")
            self._wake()
            works = [
                asyncio.create_task(self._keep_reading(entries, self._take)),
                asyncio.create_task(self._keep_reading(statuses, self._take_status)),
            ]
            try:
                await asyncio.gather(*works)
            finally:
                for work in works:
                    work.cancel()
                await asyncio.gather(*works, return_exceptions=True)

    async def _watch(self, client: Client, name: str, watches: contextlib.AsyncExitStack) -> Any:
        bucket = await client.jetstream().key_value(name)
        watcher: Any = await bucket.watchall()
        watches.push_async_callback(_stop, watcher)
        return watcher

    async def _read(self, watcher: Any, take: Callable[[KeyValue.Entry], None]) -> None:
        while (found := await watcher.updates(timeout=RETRY_WAIT)) is not None:
            take(found)

    async def _keep_reading(self, watcher: Any, take: Callable[[KeyValue.Entry], None]) -> None:
        while not self._is_lost:
            try:
                found = await watcher.updates(timeout=LOOK_INTERVAL)
            except nats.errors.TimeoutError:
                continue
            if found is not None:
                take(found)
                self._wake()

    def _take(self, found: KeyValue.Entry) -> None:
        if found.operation is not None:
            self._stored.pop(found.key, None)
            self._revisions[found.key] = found.revision or 0
        else:
            self._take_entry(found.key, found.value or b"", found.revision or 0)

    def _take_entry(self, key: str, stored: bytes, revision: int) -> None:
        if revision < self._revisions.get(key, 0):
            return
        self._revisions[key] = revision
        try:
            value = channel_entries.decode(stored)
            entry = Entry(value, revision, channel_entries.owner_of(value), channel_entries.place(value))
        except InvalidEntry:
            entry = Entry({}, revision)
        self._stored[key] = entry

    def _take_status(self, found: KeyValue.Entry) -> None:
        self._told.pop(found.key, None)
        if found.operation is None:
            try:
                status = channel_status.decode(found.value or b"")
            except channel_status.InvalidStatus as error:
                log.debug("%s: no status: %s", found.key, error)
            else:
                self._told[found.key] = status, self._clock()

    def _wake(self) -> None:
        for listener in self._listeners:
            listener()

    def _say(self, problem: str) -> None:
        if problem and problem != self._problem:
            log.warning("%s", problem)
        self._problem = problem


async def _stop(watcher: Any) -> None:
    with contextlib.suppress(*_FAILURES):
        await watcher.stop()
