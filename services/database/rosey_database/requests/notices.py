"""Notices of messages that wait to be posted: a bot that hears one claims them, and needs not ask over and over.

One question for all channels takes the place of one from each. It finds what was put into the table by other programs,
what is due again after a failure, and what a bot that was away has not heard of: it is told again until it is claimed.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable

import nats.errors
from nats.aio.client import Client

from rosey_core import subjects
from rosey_database.database import BotDatabase
from rosey_database.requests import backlog

log = logging.getLogger(__name__)

INTERVAL_S = 1.5
"""Seconds between two looks for all channels: a message whose first notice was lost is posted within 2 s."""


class Notices:
    """Tells bots what waits for them.

    Args:
        database: connected.
        is_behind: whether nothing is given away yet.
    """

    def __init__(self, database: BotDatabase, is_behind: Callable[[], bool] = lambda: False) -> None:
        self._database = database
        self._is_behind = is_behind
        self._client: Client | None = None
        self._looking: asyncio.Task[None] | None = None

    def start(self, client: Client) -> None:
        """Tell over this client from now on."""
        self._client = client
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(), name="outbound-notices")

    async def stop(self) -> None:
        """Tell no more; safe to call again."""
        looking, self._looking = self._looking, None
        if looking is not None:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def queued(self, channel: str | None) -> None:
        """A message was queued for this channel, or for the default one."""
        try:
            key = channel or await self._database.queries.default_channel()
            # Nobody can be in the default channel before it is chosen.
            if key:
                await self._tell(key)
        except (sqlite3.Error, nats.errors.Error, OSError) as problem:
            log.info("a bot is told a moment later of a message that was queued: %s", problem)

    async def _look(self) -> None:
        while True:
            await backlog.wait_read(self._is_behind)
            try:
                for key in await self._database.get_channels_to_post_in():
                    await self._tell(key)
            except (sqlite3.Error, nats.errors.Error, OSError) as problem:
                log.debug("bots are not told what waits for them: %s", problem)
            await asyncio.sleep(INTERVAL_S)

    async def _tell(self, key: str) -> None:
        if self._client is not None and self._client.is_connected:
            await self._client.publish(subjects.for_channel(subjects.OUTBOUND_WAITING, key))
