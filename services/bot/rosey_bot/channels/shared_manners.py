"""Keeps how moderators want the bot to behave in NATS, so that it goes with the channel from bot to bot.

Of two changes of one thing the later one holds. While NATS is away, or the bucket is not there yet, each bot goes by
its own file; what it is told then reaches the others when NATS is back.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from nats.js.errors import KeyWrongLastSequenceError
from nats.js.kv import KeyValue

from rosey_bot.manners import InvalidManners, Manners, decoded
from rosey_core import streams
from rosey_core.bucket_watch import BucketFollower, Changes, Entry, Watch
from rosey_core.bus import Bus, end_task

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Told:
    """What the bucket has for a channel."""

    revision: int = 0
    value: bytes = b"{}"


class SharedManners:
    """The manners of a process's channels, kept alike with those of other processes.

    Args:
        bus: the connection; it may be down.
    """

    def __init__(self, bus: Bus) -> None:
        self._manners: Final[dict[str, Manners]] = {}
        self._told: Final[dict[str, _Told]] = {}
        self._untold: Final[set[str]] = set()
        self._changed: Final = asyncio.Event()
        self._follower: Final = BucketFollower(
            bus, streams.CHANNEL_MANNERS, self._follow, what="what moderators said to the bot stays in its file"
        )

    def of(self, key: str, file: Path | None) -> Manners:
        """The manners of a channel that this process is about to enter, by its key and the file they are kept in."""
        if key not in self._manners:
            self._manners[key] = Manners(file)
            self._manners[key].on_change = partial(self._take, key)
            self._take(key)
        return self._manners[key]

    @property
    def problem(self) -> str | None:
        """Why they are not alike for certain, in a sentence for the operator; ``None`` where they are."""
        return self._follower.problem

    async def run(self) -> None:
        """Keep them alike until cancelled."""
        await self._follower.run()

    async def _follow(self, watch: Watch, changes: Changes) -> None:
        """Hear what others were told and tell what this process was, until it is time to read all again.

        Raises:
            nats.errors.Error: the bucket cannot be read or written.
        """
        self._told.clear()
        for entry in watch.entries.values():
            self._hear(entry)
        for key in self._manners:
            self._take(key)
        writing = asyncio.create_task(self._write(watch.bucket), name="manners-writer")
        try:
            async for change in changes:
                if change is not None:
                    self._hear(change)
                if writing.done():
                    break
        finally:
            await end_task(writing)
        if not writing.cancelled():
            writing.result()

    def _hear(self, entry: Entry) -> None:
        told = _Told(entry.revision or 0)
        if entry.operation is None:
            try:
                decoded(entry.value or b"")
                told = _Told(told.revision, entry.value or b"")
            except InvalidManners as error:
                log.warning("%s: what bucket %s has for it is passed over: %s", entry.key, entry.bucket, error)
        self._told[entry.key] = told
        if entry.key in self._manners:
            self._take(entry.key)

    def _take(self, key: str) -> None:
        if self._manners[key].take(self._told.get(key, _Told()).value):
            self._untold.add(key)
            self._changed.set()

    async def _write(self, bucket: KeyValue) -> None:
        """Tell what this process's moderators have said, whenever they do.

        Raises:
            nats.errors.Error: it cannot be written.
        """
        while True:
            await self._changed.wait()
            self._changed.clear()
            while self._untold:
                key = self._untold.pop()
                try:
                    await bucket.update(key, self._manners[key].encode(), last=self._told.get(key, _Told()).revision)
                except KeyWrongLastSequenceError:
                    # Somebody was faster. What they told comes by the watch, and is told them what they do not know.
                    pass
