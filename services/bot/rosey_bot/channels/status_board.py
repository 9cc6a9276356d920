"""Writes how the channels fare, and that the bot is alive, to the bucket that ``rosey channel list`` reads."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable
from typing import Final

import msgspec
import nats.errors
from nats.js.errors import APIError
from nats.js.errors import Error as JetStreamError
from nats.js.kv import KeyValue

from rosey_core import channel_status, streams
from rosey_core.bus import Bus, BusError
from rosey_core.channel_status import ChannelStatus

log = logging.getLogger(__name__)

_WRONG_REVISION: Final = (10071, 10164)
LOOK_INTERVAL: Final = 0.5
CLEAR_TIMEOUT: Final = 1.0
WRITE_TIMEOUT: Final = 2.0
"""Seconds that NATS has to take one: whoever waits longer for what died with a server is taken for dead himself."""
REPEAT_INTERVAL: Final = streams.STATUS_AGE / 4
"""Seconds after which a status is written once more, and the figures in it are made good."""


class StatusBoard:
    """Keeps the bucket as the channels are; while NATS is away nobody is told.

    Args:
        bus: the connection; it may be down.
        statuses: tells how the channels fare.
        bot: what the bot is called.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        bus: Bus,
        statuses: Callable[[], list[ChannelStatus]],
        *,
        bot: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bus: Final = bus
        self._statuses: Final = statuses
        self._clock: Final = clock
        self._beat: Final = channel_status.beat_key(bot, uuid.uuid4().hex[:12])
        self._beaten: tuple[float, int] | None = None
        self._written: dict[str, tuple[ChannelStatus, int]] = {}
        self._problem = ""

    async def run(self) -> None:
        """Write what changes, until cancelled."""
        while True:
            await self._bus.wait_connected()
            try:
                bucket = await self._bus.client.jetstream(timeout=WRITE_TIMEOUT).key_value(streams.CHANNEL_STATUS)
                while True:
                    await self._write(bucket)
                    await asyncio.sleep(LOOK_INTERVAL)
            except (BusError, nats.errors.Error, JetStreamError, TimeoutError, OSError) as error:
                # What was written may be gone with the server.
                self._written.clear()
                self._beaten = None
                if str(error) != self._problem:
                    log.info("the channels' status cannot be written: %s", str(error) or type(error).__name__)
                self._problem = str(error)
                await asyncio.sleep(LOOK_INTERVAL)

    async def clear(self) -> None:
        """Take everything off that this bot has written, as far as there is time: it leaves."""
        try:
            async with asyncio.timeout(CLEAR_TIMEOUT):
                bucket = await self._bus.client.jetstream().key_value(streams.CHANNEL_STATUS)
                written = {key: revision for key, (_, revision) in self._written.items()}
                if self._beaten is not None:
                    written[self._beat] = self._beaten[1]
                await asyncio.gather(*(_take_off(bucket, key, revision) for key, revision in written.items()))
        except (BusError, nats.errors.Error, JetStreamError, TimeoutError, OSError):
            # It ages out by itself.
            pass

    async def _write(self, bucket: KeyValue) -> None:
        await self._show_life(bucket)
        statuses = {status.key: status for status in self._statuses()}
        for key, status in statuses.items():
            before, _ = self._written.get(key, (None, 0))
            if before is None or _news(status) != _news(before) or status.updated - before.updated >= REPEAT_INTERVAL:
                told = msgspec.structs.replace(status, beat=self._beat)
                self._written[key] = (status, await bucket.put(key, channel_status.encode(told)))
                # Many take their time.
                await self._show_life(bucket)
        for key in self._written.keys() - statuses.keys():
            await _take_off(bucket, key, self._written[key][1])
            del self._written[key]

    async def _show_life(self, bucket: KeyValue) -> None:
        now = self._clock()
        if self._beaten is None or now - self._beaten[0] >= channel_status.BEAT_INTERVAL:
            self._beaten = (now, await bucket.put(self._beat, b""))


async def _take_off(bucket: KeyValue, key: str, revision: int) -> None:
    """Delete a status, unless another bot has written one meanwhile: it has the channel now."""
    try:
        await bucket.delete(key, last=revision)
    except APIError as error:
        if error.err_code not in _WRONG_REVISION:
            raise


def _news(status: ChannelStatus) -> ChannelStatus:
    """A status without what changes all the time."""
    return msgspec.structs.replace(status, updated=0, users=None, connected=None)
