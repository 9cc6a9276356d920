"""Follows the bucket of channels that were added at run time.

While NATS is away, or the bucket is not there yet, nothing changes: the bot keeps the rooms that it has.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import nats.errors
from nats.aio.client import Client
from nats.js.errors import BucketNotFoundError, NotFoundError
from nats.js.errors import Error as JetStreamError
from nats.js.kv import KeyValue

from rosey_bot.channels.channels import Channels, Unusable
from rosey_core import streams
from rosey_core.bus import Bus, BusError
from rosey_core.channel_entries import InvalidEntry, files, resolve
from rosey_core.config import Platform
from rosey_core.telemetry import logs

log = logging.getLogger(__name__)

RETRY_WAIT: Final = 2.0
LOOK_INTERVAL: Final = 1.0
"""Seconds between two looks at the files that entries refer to."""
REREAD_INTERVAL: Final = 60.0
"""Seconds after which all is read anew: a watch may have died."""

_State = tuple[int, int, int] | None


class AddedChannels:
    """Makes a bot's channels what the bucket says.

    Args:
        bus: the connection; it may be down.
        channels: those of this bot.
        directory: where the files lie that entries refer to.
        environ: where the variables are that entries refer to.
    """

    def __init__(
        self, bus: Bus, channels: Channels, directory: Path, *, environ: Mapping[str, str] = os.environ
    ) -> None:
        self._bus: Final = bus
        self._channels: Final = channels
        self._directory: Final = directory
        self._environ: Final = environ
        self._problem = ""
        self._is_lost = False
        bus.on_disconnected(self._lose)

    def _lose(self) -> None:
        # The watch dies with the server, silently, also where the same client is soon connected again.
        self._is_lost = True

    async def run(self) -> None:
        """Follow the bucket until cancelled."""
        while True:
            try:
                await self._bus.wait_connected()
                await self._follow(self._bus.client)
            except (BucketNotFoundError, NotFoundError):
                self._say("no bucket yet: the DatabaseService makes it")
            except (BusError, nats.errors.Error, JetStreamError, TimeoutError, OSError) as error:
                self._say(str(error) or type(error).__name__)
            except Exception:
                log.exception("following the channels added at run time failed; it goes on")
            else:
                continue
            await asyncio.sleep(RETRY_WAIT)

    async def _follow(self, client: Client) -> None:
        """Read all, then what changes, until it is time to read all again or the connection is lost.

        Raises:
            nats.errors.Error: it cannot be read.
        """
        self._is_lost = False
        bucket = await client.jetstream().key_value(streams.ADDED_CHANNELS)
        # nats-py types it halfway.
        watcher: Any = await bucket.watchall()
        try:
            entries = {}
            while (entry := await watcher.updates(timeout=RETRY_WAIT)) is not None:
                entries[entry.key] = entry
            seen = self._secrets(entries.values())
            await self._take_all(entries)
            self._say("")
            try:
                async with asyncio.timeout(REREAD_INTERVAL):
                    while not self._is_lost:
                        change = await _next(watcher)
                        if change is not None:
                            entries[change.key] = change
                            seen |= self._secrets([change])
                            await self._take(change)
                        if any(_state(file) != before for file, before in seen.items()):
                            seen = self._secrets(entries.values())
                            await self._take_all(entries)
            except TimeoutError:
                pass
        finally:
            with contextlib.suppress(nats.errors.Error, JetStreamError, OSError):
                await watcher.stop()

    async def _take_all(self, entries: Mapping[str, KeyValue.Entry]) -> None:
        platforms, invalid, revisions = [], {}, {}
        for key, entry in entries.items():
            if entry.operation is not None:
                continue
            try:
                platform = self._resolved(entry)
            except InvalidEntry as error:
                invalid[key] = Unusable(str(error), error.cause)
            else:
                if not platform.enabled:
                    continue
                platforms.append(platform)
            revisions[key] = entry.revision or 0
        await self._channels.apply_added(platforms, invalid, revisions)

    async def _take(self, entry: KeyValue.Entry) -> None:
        try:
            platform = None if entry.operation is not None else self._resolved(entry)
        except InvalidEntry as error:
            await self._channels.refuse(entry.key, Unusable(str(error), error.cause), entry.revision or 0)
            return
        if platform is None or not platform.enabled:
            await self._channels.remove(entry.key)
        else:
            await self._channels.add(platform, entry.revision)

    def _resolved(self, entry: KeyValue.Entry) -> Platform:
        platform = resolve(entry.key, entry.value or b"", self._environ, self._directory)
        logs.hide(platform.secrets())
        return platform

    def _secrets(self, entries: Iterable[KeyValue.Entry]) -> dict[Path, _State]:
        """The files that entries refer to, as they are now."""
        values = [entry.value for entry in entries if entry.operation is None]
        return {file: _state(file) for value in values for file in files(value or b"", self._directory)}

    def _say(self, problem: str) -> None:
        if problem and problem != self._problem:
            log.info("channels added at run time: %s", problem)
        self._problem = problem


def _state(file: Path) -> _State:
    """What is another when a file is; a mounted Secret's files are replaced as a whole."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


async def _next(watcher: Any) -> KeyValue.Entry | None:
    """The next change; ``None`` after a while without one, so that the caller can look around."""
    try:
        entry: KeyValue.Entry | None = await watcher.updates(timeout=LOOK_INTERVAL)
    except nats.errors.TimeoutError:
        return None
    return entry
