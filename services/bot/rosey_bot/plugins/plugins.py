"""The plugins of one process: their commands for each channel, and each channel's events for them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from rosey_bot.commands.answers import CommandError
from rosey_bot.commands.registry import Command
from rosey_bot.plugins.guard import Guard
from rosey_bot.plugins.interface import Place
from rosey_bot.plugins.loading import Loaded
from rosey_bot.sink import EventSink
from rosey_core.events import Event

CAPACITY: Final = 1000
"""Events that wait for a plugin; of one that is too slow the rest is kept away."""
DROPPED: Final = "dropped"


class Plugins:
    """Plugins at work.

    Args:
        loaded: those that are in use.

    Attributes:
        commands: their commands.
    """

    def __init__(self, loaded: Sequence[Loaded] = ()) -> None:
        self.commands: Final[tuple[Command, ...]] = tuple(command for each in loaded for command in each.commands)
        self._hearers: Final = [_Hearer(each) for each in loaded if each.plugin.hear is not None]

    def sink(self, sink: EventSink, place: Place) -> EventSink:
        """A sink that lets the plugins hear what goes into ``sink``."""
        return _HeardSink(sink, place, self._hearers) if self._hearers else sink

    async def close(self) -> None:
        """Stop what hears."""
        for hearer in self._hearers:
            await hearer.close()


class _HeardSink:
    def __init__(self, sink: EventSink, place: Place, hearers: Sequence[_Hearer]) -> None:
        self._sink: Final = sink
        self._place: Final = place
        self._hearers: Final = hearers

    def publish(self, event: Event) -> None:
        self._sink.publish(event)
        for hearer in self._hearers:
            hearer.put(event, self._place)


class _Hearer:
    """Gives one plugin its events, one after the other, in a task of its own."""

    def __init__(self, loaded: Loaded) -> None:
        self._hear: Final[Any] = loaded.plugin.hear
        self._guard: Final[Guard] = loaded.guard
        self._events: Final[asyncio.Queue[tuple[Event, Place]]] = asyncio.Queue(CAPACITY)
        self._task: asyncio.Task[None] | None = None

    def put(self, event: Event, place: Place) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name=f"plugin-{self._guard.plugin}-hears")
        try:
            self._events.put_nowait((event, place))
        except asyncio.QueueFull:
            self._guard.complain(
                DROPPED, f"it is slower than events come: more than {CAPACITY} wait, others are left out"
            )

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _work(self) -> None:
        while True:
            event, place = await self._events.get()
            try:
                await self._guard.run(self._heard(event, place), f"hearing {type(event).__name__}")
            except CommandError:
                # The guard has told.
                pass

    async def _heard(self, event: Event, place: Place) -> None:
        # Called within: what takes other arguments raises at once.
        await self._hear(event, place)
