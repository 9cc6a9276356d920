"""Listens to the events of all channels, for those who watch."""

from __future__ import annotations

import time
from collections.abc import Callable

from nats.aio.client import Client
from nats.aio.msg import Msg

from rosey_cli.up.channel import SUBJECTS, Channel
from rosey_core import events, subjects
from rosey_core.bus import Bus


class Watcher:
    """Keeps ``channels`` as their events say.

    Args:
        bus: the connection, started by the caller.
        clock: Unix seconds.
    """

    def __init__(self, bus: Bus, clock: Callable[[], float] = time.time) -> None:
        self.channels: dict[str, Channel] = {}
        self._clock = clock
        self._client: Client | None = None
        bus.on_connected(self._listen)

    async def _listen(self, client: Client) -> None:
        if client is self._client:
            # After a reconnection the client asks for its subscriptions by itself.
            return
        self._client = client
        for subject in SUBJECTS:
            for pattern in subjects.in_every_form(subject):
                await client.subscribe(pattern, cb=self._received)

    async def _received(self, message: Msg) -> None:
        try:
            event, key = events.decode(message.subject, message.data)
        except events.InvalidEvent:
            return
        name = key or ""
        channel = self.channels.get(name)
        if channel is None:
            channel = self.channels[name] = Channel(name)
        channel.apply(event, self._clock())
