"""The channels of one process: each runs by itself, and none ends another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from rosey_bot.channels.channel import Channel

log = logging.getLogger(__name__)

RESTART_WAIT: Final = 5.0


class Channels:
    """Keeps channels running.

    Args:
        channels: those of this process.
        restart_wait: seconds before a channel that failed is run again.
    """

    def __init__(self, channels: Sequence[Channel], *, restart_wait: float = RESTART_WAIT) -> None:
        self._channels: Final = tuple(channels)
        self._restart_wait: Final = restart_wait
        self._works: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Run all of them."""
        self._works = [asyncio.create_task(self._keep(channel), name=channel.key) for channel in self._channels]

    async def stop(self) -> None:
        """Leave all of them."""
        for work in self._works:
            work.cancel()
        await asyncio.gather(*self._works, return_exceptions=True)
        self._works = []

    def problems(self) -> dict[str, str | None]:
        """By the channel's key what keeps the bot from being there; ``None`` where nothing does."""
        return {channel.key: channel.problem for channel in self._channels}

    async def _keep(self, channel: Channel) -> None:
        while True:
            try:
                await channel.run()
            except Exception:
                log.exception("%s: failed; it is run again in %g s", channel.key, self._restart_wait)
            await asyncio.sleep(self._restart_wait)
