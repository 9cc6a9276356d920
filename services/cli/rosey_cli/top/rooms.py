"""The channels as the events of the stream tell of them, from the last lists of users on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Final

import nats.errors
from nats.aio.client import Client

from rosey_cli.events import tail
from rosey_cli.failure import Failure
from rosey_cli.up.channel import Channel
from rosey_core import events, streams, subjects
from rosey_core.bus import Bus

PAST: Final = 20_000
"""Events of the past that are read at most."""
_RETRY_S: Final = 1.0


class Rooms:
    """Keeps ``channels`` as their events say.

    Args:
        bus: the connection, started by the caller.
        clock: Unix seconds.
    """

    def __init__(self, bus: Bus, clock: Callable[[], float] = time.time) -> None:
        self.channels: dict[str, Channel] = {}
        self.caught_up = asyncio.Event()
        """Set when the past has been read."""
        self._bus = bus
        self._clock = clock

    async def follow(self) -> None:
        """Follow the stream until cancelled, from the channels' last lists of users on."""
        while True:
            await self._bus.wait_connected()
            try:
                await self._follow(self._bus.client)
            except (Failure, nats.errors.Error, TimeoutError):
                # There is no stream yet: what comes is seen then.
                self.caught_up.set()
            await asyncio.sleep(_RETRY_S)

    async def _follow(self, client: Client) -> None:
        first, last = await tail.state(client)
        lists = [await _last(client, subject) for subject in await _lists(client)]
        start = max(first, last - PAST, min(lists, default=last), 1)
        if start > last:
            self.caught_up.set()
        async with aclosing(tail.follow(self._bus, start)) as messages:
            async for message in messages:
                self._apply(message.subject, message.payload)
                if message.sequence >= last:
                    self.caught_up.set()

    def _apply(self, subject: str, payload: bytes) -> None:
        try:
            event, key = events.decode(subject, payload)
        except events.InvalidEvent:
            return
        name = key or ""
        if name not in self.channels:
            self.channels[name] = Channel(name)
        self.channels[name].apply(event, self._clock())


async def _lists(client: Client) -> list[str]:
    """The subjects of the lists of users that are in the stream."""
    found: list[str] = []
    for pattern in subjects.in_every_form(subjects.USER_PRESENT):
        info = await client.jsm().stream_info(streams.EVENTS, subjects_filter=pattern)
        found += info.state.subjects or {}
    return found


async def _last(client: Client, subject: str) -> int:
    """The sequence of the last message on a subject."""
    return (await client.jsm().get_last_msg(streams.EVENTS, subject)).seq or 0
