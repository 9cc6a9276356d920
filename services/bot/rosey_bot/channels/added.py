"""Follows the bucket of channels that were added at run time.

While NATS is away, or the bucket is not there yet, nothing changes: the bot keeps the rooms that it has.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from rosey_bot.channels.channels import Channels, Unusable
from rosey_core import streams
from rosey_core.bucket_watch import BucketFollower, Changes, Entry, Watch
from rosey_core.bus import Bus
from rosey_core.channel_entries import InvalidEntry, files, resolve
from rosey_core.config import Platform
from rosey_core.telemetry import logs

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
        self._channels: Final = channels
        self._directory: Final = directory
        self._environ: Final = environ
        self._follower: Final = BucketFollower(
            bus, streams.ADDED_CHANNELS, self._follow, what="channels added at run time"
        )

    async def run(self) -> None:
        """Follow the bucket until cancelled."""
        await self._follower.run()

    async def _follow(self, watch: Watch, changes: Changes) -> None:
        entries = watch.entries
        seen = self._secrets(entries.values())
        await self._take_all(entries)
        async for change in changes:
            if change is not None:
                entries[change.key] = change
                seen |= self._secrets([change])
                await self._take(change)
            if any(_state(file) != before for file, before in seen.items()):
                seen = self._secrets(entries.values())
                await self._take_all(entries)

    async def _take_all(self, entries: Mapping[str, Entry]) -> None:
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

    async def _take(self, entry: Entry) -> None:
        try:
            platform = None if entry.operation is not None else self._resolved(entry)
        except InvalidEntry as error:
            await self._channels.refuse(entry.key, Unusable(str(error), error.cause), entry.revision or 0)
            return
        if platform is None or not platform.enabled:
            await self._channels.remove(entry.key)
        else:
            await self._channels.add(platform, entry.revision)

    def _resolved(self, entry: Entry) -> Platform:
        platform = resolve(entry.key, entry.value or b"", self._environ, self._directory)
        logs.hide(platform.secrets())
        return platform

    def _secrets(self, entries: Iterable[Entry]) -> dict[Path, _State]:
        """The files that entries refer to, as they are now."""
        values = [entry.value for entry in entries if entry.operation is None]
        return {file: _state(file) for value in values for file in files(value or b"", self._directory)}


def _state(file: Path) -> _State:
    """What is another when a file is; a mounted Secret's files are replaced as a whole."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
