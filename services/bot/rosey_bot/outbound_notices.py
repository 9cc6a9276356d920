"""Hears from the database over NATS that a channel's outbound queue has something in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error

from rosey_core import subjects
from rosey_core.bus import Bus, NotConnected


class OutboundNotices:
    """The channels of this process that want to be told. A notice may get lost: it spares waiting, and no look.

    Args:
        bus: the connection; it may be down.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus: Final = bus
        self._watchers: Final[dict[str, Callable[[], None]]] = {}
        self._subscriptions: dict[str, Subscription] = {}
        self._client: Client | None = None
        self._follows_bus = False
        self._subscribing: Final = asyncio.Lock()

    async def watch(self, channel: str, arrived: Callable[[], None]) -> None:
        """Call ``arrived`` at each notice for the channel, and at each connection: one may have got lost before."""
        self._watchers[channel] = arrived
        if not self._follows_bus:
            self._follows_bus = True
            self._bus.on_connected(self._connected)
        try:
            await self._subscribe(self._bus.client, channel)
        except (NotConnected, Error):
            # It is subscribed to with the next connection.
            pass

    async def unwatch(self, channel: str) -> None:
        """No longer; safe to call for a channel that is not watched."""
        self._watchers.pop(channel, None)
        subscription = self._subscriptions.pop(channel, None)
        if subscription is None:
            return
        try:
            await subscription.unsubscribe()
        except Error:
            # With the connection the subscription has ended, too.
            pass

    async def _connected(self, client: Client) -> None:
        for channel, arrived in list(self._watchers.items()):
            await self._subscribe(client, channel)
            arrived()

    async def _subscribe(self, client: Client, channel: str) -> None:
        async def heard(_: Msg) -> None:
            arrived = self._watchers.get(channel)
            if arrived is not None:
                arrived()

        async with self._subscribing:
            if client is not self._client:
                # A client keeps its subscriptions when it reconnects; another one has none of them.
                self._client, self._subscriptions = client, {}
            if channel not in self._subscriptions:
                self._subscriptions[channel] = await client.subscribe(
                    subjects.for_channel(subjects.OUTBOUND_WAITING, channel), cb=heard
                )
