"""The program ``rosey-bot`` with another way to the database in the place of its outbox: what Rosey is compared with.

``direct``: the bot before it had NATS, which writes each event into its database itself, in a transaction of its own.
``original``: the bot as it first had NATS, which publishes and forgets; nobody acknowledges, and what is on its way
when something fails is lost. ``benchmarks.subscriber`` stores what it publishes.

CyTube's side, the room, the commands and the metrics are the product's own in both, so that what differs is the way.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import Any, Final

from benchmarks.direct import DirectStore
from rosey_bot import service
from rosey_bot.publish.outbox import Outbox
from rosey_core import events, subjects
from rosey_core.bus import Bus, NotConnected
from rosey_core.events import Event

WAY: Final = "BENCHMARK_WAY"
"""Names the variable with one of ``WAYS``."""
RECORD: Final = "BENCHMARK_COMMITS"
DATABASE: Final = "BENCHMARK_DATABASE"
JOURNAL: Final = "BENCHMARK_JOURNAL"

log = logging.getLogger(__name__)


class DirectOutbox(Outbox):
    """Takes events as the outbox does, and writes them itself."""

    def __init__(self, bus: Bus, **options: Any) -> None:
        super().__init__(bus, **options)
        self._direct = DirectStore(
            Path(os.environ[DATABASE]), journal=os.environ.get(JOURNAL, "delete"), record=Path(os.environ[RECORD])
        )

    @property
    def problem(self) -> str | None:
        """None: a failure to write ends the measurement."""
        return None

    def publish(self, event: Event, **options: Any) -> None:
        """Take an event to be written."""
        self._direct.put(event)

    async def start(self) -> None:
        """Begin to write."""
        await self._direct.start()

    async def close(self, timeout: float = 5.0) -> None:
        """Write what waits."""
        await self._direct.stop()


class OriginalOutbox(Outbox):
    """Takes events as the outbox does, publishes each with core NATS and hears nothing of it again."""

    def __init__(self, bus: Bus, **options: Any) -> None:
        super().__init__(bus, **options)
        self._connection = bus
        self._publishing: set[asyncio.Task[None]] = set()

    @property
    def problem(self) -> str | None:
        """None: it does not notice any."""
        return None

    def publish(self, event: Event, **options: Any) -> None:
        """Publish an event, once."""
        task = asyncio.create_task(self._publish(event))
        self._publishing.add(task)
        task.add_done_callback(self._publishing.discard)

    async def start(self) -> None:
        """Nothing is to be begun."""

    async def close(self, timeout: float = 5.0) -> None:
        """Wait for what is being published."""
        await asyncio.gather(*self._publishing)

    async def _publish(self, event: Event) -> None:
        subject = subjects.for_channel(event.SUBJECT, event.channel)
        try:
            await self._connection.publish(subject, events.encode(event))
        except NotConnected as error:
            log.warning("an event is lost: %s", error)


WAYS: Final = {"direct": DirectOutbox, "original": OriginalOutbox}

if __name__ == "__main__":
    # The product has no switch for this: whoever compares puts the other way in its place.
    service.Outbox = WAYS[os.environ[WAY]]  # type: ignore[attr-defined]
    sys.exit(service.main())
