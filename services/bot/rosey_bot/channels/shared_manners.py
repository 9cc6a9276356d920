"""Keeps how moderators want the bot to behave in NATS, so that it goes with the channel from bot to bot.

Of two changes of one thing the later one holds. While NATS is away, or the bucket is not there yet, each bot goes by
its own file; what it is told then reaches the others when NATS is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import nats.errors
from nats.aio.client import Client
from nats.js.errors import BucketNotFoundError, KeyWrongLastSequenceError, NotFoundError
from nats.js.errors import Error as JetStreamError
from nats.js.kv import KeyValue

from rosey_bot.manners import InvalidManners, Manners, decoded
from rosey_core import streams
from rosey_core.bus import Bus, BusError, end_task

log = logging.getLogger(__name__)

RETRY_WAIT: Final = 2.0
LOOK_INTERVAL: Final = 1.0
REREAD_INTERVAL: Final = 60.0
"""Seconds after which all is read anew: a watch may have died."""


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
        self._bus: Final = bus
        self._manners: Final[dict[str, Manners]] = {}
        self._told: Final[dict[str, _Told]] = {}
        self._untold: Final[set[str]] = set()
        self._changed: Final = asyncio.Event()
        self._problem = ""
        self._is_lost = False
        bus.on_disconnected(self._lose)

    def of(self, key: str, file: Path | None) -> Manners:
        """The manners of a channel that this process is about to enter, by its key and the file they are kept in."""
        if key not in self._manners:
            self._manners[key] = Manners(file)
            self._manners[key].on_change = partial(self._take, key)
            self._take(key)
        return self._manners[key]

    async def run(self) -> None:
        """Keep them alike until cancelled."""
        while True:
            try:
                await self._bus.wait_connected()
                await self._follow(self._bus.client)
            except (BucketNotFoundError, NotFoundError):
                self._say("no bucket yet: the DatabaseService makes it")
            except (BusError, nats.errors.Error, JetStreamError, TimeoutError, OSError) as error:
                self._say(str(error) or type(error).__name__)
            except Exception:
                log.exception("sharing what moderators said failed; it goes on")
            else:
                continue
            await asyncio.sleep(RETRY_WAIT)

    def _lose(self) -> None:
        # The watch dies with the server, silently.
        self._is_lost = True

    async def _follow(self, client: Client) -> None:
        """Hear what others were told and tell what this process was, until it is time to read all again.

        Raises:
            nats.errors.Error: the bucket cannot be read or written.
        """
        self._is_lost = False
        self._told.clear()
        bucket = await client.jetstream().key_value(streams.CHANNEL_MANNERS)
        # nats-py types it halfway.
        watcher: Any = await bucket.watchall()
        writing: asyncio.Task[None] | None = None
        try:
            while (entry := await watcher.updates(timeout=RETRY_WAIT)) is not None:
                self._hear(entry)
            self._say("")
            for key in self._manners:
                self._take(key)
            writing = asyncio.create_task(self._write(bucket), name="manners-writer")
            async with asyncio.timeout(REREAD_INTERVAL):
                while not self._is_lost and not writing.done():
                    with contextlib.suppress(nats.errors.TimeoutError):
                        self._hear(await watcher.updates(timeout=LOOK_INTERVAL))
        except TimeoutError:
            if writing is None:
                raise
        finally:
            if writing is not None:
                await end_task(writing)
            with contextlib.suppress(nats.errors.Error, JetStreamError, OSError):
                await watcher.stop()
        if writing.done() and not writing.cancelled():
            writing.result()

    def _hear(self, entry: KeyValue.Entry) -> None:
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

    def _say(self, problem: str) -> None:
        if problem and problem != self._problem:
            log.info("what moderators said to the bot stays in its file: %s", problem)
        self._problem = problem
