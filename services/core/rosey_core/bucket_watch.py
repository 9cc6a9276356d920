"""Follows a key-value bucket: all that stands there, then each change, for ever.

A watch dies with the server, silently, also where the same client is soon connected again; and it may die by itself.
So all is read anew whenever the connection was lost, and every now and then.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any, Final

import nats.errors
from nats.aio.client import Client
from nats.js.errors import BucketNotFoundError, NotFoundError
from nats.js.errors import Error as JetStreamError
from nats.js.kv import KeyValue

from rosey_core.bus import Bus, BusError

log = logging.getLogger(__name__)

RETRY_WAIT: Final = 1.0
LOOK_INTERVAL: Final = 1.0
"""Seconds without a change after which whoever follows can look around."""
REREAD_INTERVAL: Final = 60.0
"""Seconds after which all is read anew."""
PATIENCE: Final = 2.0
"""Seconds until the next entry while all is read."""
ANSWER_TIMEOUT: Final = 5.0
GONE_AFTER: Final = 30.0
"""Seconds for which the server keeps the consumer of a watch that has ended: it allows a stream so many of them."""

Entry = KeyValue.Entry
Changes = AsyncIterator[Entry | None]
"""Each change; ``None`` where there was none for a while. It ends where all is to be read anew."""


class Watch:
    """What stood in a bucket at the beginning, and what changes from then on.

    Attributes:
        bucket: the bucket, to be written to.
        entries: what stood there by key, the marks of what was deleted, too.
    """

    def __init__(self, bucket: KeyValue, watcher: Any) -> None:
        self.bucket: Final = bucket
        self.entries: Final[dict[str, Entry]] = {}
        # nats-py types it halfway.
        self._watcher: Final = watcher

    async def next(self, seconds: float) -> Entry | None:
        """The next change; ``None`` where there is none for so long.

        Raises:
            nats.errors.Error: nobody tells any more.
        """
        try:
            entry: Entry | None = await self._watcher.updates(timeout=seconds)
        except nats.errors.TimeoutError:
            return None
        return entry


@asynccontextmanager
async def watch(
    client: Client, bucket: str, *, patience: float = PATIENCE, timeout: float = ANSWER_TIMEOUT
) -> AsyncIterator[Watch]:
    """Look at all that stands in a bucket, and at what changes from then on.

    Args:
        client: the connection.
        bucket: its name.
        patience: seconds until the next entry at the beginning.
        timeout: seconds that the server has for an answer.

    Raises:
        nats.errors.Error: it cannot be read; ``nats.js.errors.NotFoundError`` where there is no such bucket.
    """
    opened = await client.jetstream(timeout=timeout).key_value(bucket)
    watcher: Any = await opened.watchall(inactive_threshold=GONE_AFTER)
    try:
        found = Watch(opened, watcher)
        while (entry := await watcher.updates(timeout=patience)) is not None:
            found.entries[entry.key] = entry
        if not found.entries and (await opened.status()).values:
            # nats-py takes a bucket for empty whose entries are all on their way when it asks how many are to come.
            entry = await _entry(watcher, patience)
            while entry.delta:
                found.entries[entry.key] = entry
                entry = await _entry(watcher, patience)
            found.entries[entry.key] = entry
        yield found
    finally:
        with suppress(nats.errors.Error, JetStreamError, OSError):
            await watcher.stop()


async def _entry(watcher: Any, patience: float) -> Entry:
    """The next entry, whatever marks come before it."""
    while True:
        entry: Entry | None = await watcher.updates(timeout=patience)
        if entry is not None:
            return entry


async def ages(client: Client, bucket: str, entries: Mapping[str, Entry]) -> dict[str, float]:
    """Seconds since each of a bucket's entries was written, as NATS itself reckons ages: by the server's clock alone.

    Raises:
        nats.errors.Error: the server does not say what time it is.
    """
    answer = await client.request(f"$JS.API.STREAM.INFO.KV_{bucket}", b"", timeout=ANSWER_TIMEOUT)
    now = datetime.fromisoformat(json.loads(answer.data)["ts"])
    # nats-py calls it a number.
    times: dict[str, Any] = {key: entry.created for key, entry in entries.items()}
    return {key: (now - at).total_seconds() for key, at in times.items()}


class BucketFollower:
    """Follows a bucket, whatever becomes of the connection. What is wrong is said once in the log.

    Args:
        bus: the connection; it may be down.
        bucket: its name; it need not be there yet.
        follow: called whenever all has been read; it takes that over, then each of the changes until there are no more.
        what: what the log calls it.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        bus: Bus,
        bucket: str,
        follow: Callable[[Watch, Changes], Awaitable[None]],
        *,
        what: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bus: Final = bus
        self._bucket: Final = bucket
        self._follow: Final = follow
        self._what: Final = what
        self._clock: Final = clock
        self._is_lost = False
        self._problem = f"{what}: not read yet"
        self._unknown_since = clock()
        bus.on_disconnected(self._lose)

    @property
    def problem(self) -> str | None:
        """Why it is not known what stands there, in a sentence for the operator; ``None`` while it is."""
        return self._problem or None

    @property
    def away(self) -> float:
        """Seconds since when that is not known; 0 while it is."""
        return self._clock() - self._unknown_since if self._problem else 0.0

    async def run(self) -> None:
        """Follow it until cancelled."""
        while True:
            try:
                await self._bus.wait_connected()
                await self._read_and_follow(self._bus.client)
            except (BucketNotFoundError, NotFoundError):
                self._say("no bucket yet: the DatabaseService makes it; is it running?")
            except (BusError, nats.errors.Error, JetStreamError, TimeoutError, OSError) as error:
                self._say(str(error) or type(error).__name__)
            except Exception:
                log.exception("%s: following it failed; it goes on", self._what)
                self._note(f"{self._what}: following it failed: the log says more")
            else:
                continue
            await asyncio.sleep(RETRY_WAIT)

    async def _read_and_follow(self, client: Client) -> None:
        self._is_lost = False
        async with watch(client, self._bucket) as found:
            if self._is_lost:
                return
            self._note("")
            await self._follow(found, self._changes(found))

    async def _changes(self, found: Watch) -> Changes:
        end = self._clock() + REREAD_INTERVAL
        while not self._is_lost and self._clock() < end:
            yield await found.next(LOOK_INTERVAL)

    def _lose(self) -> None:
        self._is_lost = True
        self._note(f"{self._what}: NATS was away")

    def _say(self, problem: str) -> None:
        text = f"{self._what}: {problem}"
        if text != self._problem:
            log.info("%s", text)
        self._note(text)

    def _note(self, problem: str) -> None:
        if problem and not self._problem:
            self._unknown_since = self._clock()
        self._problem = problem
