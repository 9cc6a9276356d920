"""The two buckets of channels in NATS: followed, and written with compare-and-set."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import nats.errors
from nats.js.errors import Error as JetStreamError
from nats.js.errors import KeyWrongLastSequenceError

from rosey_core import channel_entries, channel_status, streams
from rosey_core.bucket_watch import BucketFollower, Changes, Watch
from rosey_core.bucket_watch import Entry as Found
from rosey_core.bus import Bus, BusError
from rosey_core.channel_entries import InvalidEntry
from rosey_core.channel_status import ChannelStatus
from rosey_operator.reconcile.state import Entry
from rosey_operator.statuses import Statuses

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
        self._stored: dict[str, Entry] = {}
        self._revisions: dict[str, int] = {}
        self._statuses: Final = Statuses(clock)
        self._followers: Final = (
            BucketFollower(bus, streams.ADDED_CHANNELS, self._follow_entries, what="the channels in NATS", clock=clock),
            BucketFollower(
                bus, streams.CHANNEL_STATUS, self._follow_statuses, what="the channels' status in NATS", clock=clock
            ),
        )
        bus.on_disconnected(self._lose)

    def on_changed(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` whenever something has changed."""
        self._listeners.append(listener)

    @property
    def problem(self) -> str | None:
        """Why it is not known what stands there; ``None`` while it is."""
        problem = next(filter(None, (follower.problem for follower in self._followers)), None)
        # Those who follow hear of a loss a moment later, and ``away`` is theirs.
        return problem and (self._bus.problem or problem)

    @property
    def away(self) -> float:
        """Seconds since when that is not known; 0 while it is."""
        return max(follower.away for follower in self._followers)

    @property
    def entries(self) -> Mapping[str, Entry] | None:
        """The entries by key; ``None`` while they are not known."""
        return dict(self._stored) if self.problem is None else None

    @property
    def statuses(self) -> dict[str, ChannelStatus]:
        """What the bots tell, by key, as far as it still counts."""
        return self._statuses.current()

    async def run(self) -> None:
        """Follow both buckets until cancelled."""
        await asyncio.gather(*(follower.run() for follower in self._followers))

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

    async def _follow_entries(self, watch: Watch, changes: Changes) -> None:
        self._stored, self._revisions = {}, {}
        for found in watch.entries.values():
            self._take(found)
        self._wake()
        async for change in changes:
            if change is not None:
                self._take(change)
                self._wake()

    def _take(self, found: Found) -> None:
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

    async def _follow_statuses(self, watch: Watch, changes: Changes) -> None:
        self._statuses.replace(watch.entries.values())
        current = self.statuses.keys()
        self._wake()
        async for change in changes:
            if change is not None:
                self._statuses.take(change)
            # Nobody writes that a bot is silent.
            before, current = current, self.statuses.keys()
            is_beat = change is None or channel_status.is_beat_key(change.key)
            if not is_beat or current != before:
                self._wake()

    def _lose(self) -> None:
        self._statuses.forget()
        self._wake()

    def _wake(self) -> None:
        for listener in self._listeners:
            listener()
