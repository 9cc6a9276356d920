"""A release under measurement: what is published to it, and when that is seen in its database.

Nobody can look into a release's file, and its own word is not taken for a row. So whoever published asks over and over
for the newest line, as long as one is missing: a line was there at the latest when an answer showed it or a later one,
and it was not yet there when the last question that missed it was sent. Verdicts rest on the former, and so count the
time of a question, too.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from benchmarks.load import open_loop
from benchmarks.verdict import Verdict
from benchmarks.workload import line
from rosey_bot.publish.outbox import Outbox
from rosey_core import queries, subjects
from rosey_core.bus import Bus, BusError
from rosey_core.config.nats import Nats
from rosey_core.events import Event
from rosey_core.queries import Audit, ChannelStats, RecentMessages, Request, RequestFailed

NAME: Final = "rosey-benchmark"
"""Of the connection; answers come to inboxes below it."""
CONNECT_S: Final = 30.0
ANSWER_S: Final = 5.0
PATIENCE_S: Final = 15.0
PAGE: Final = 1000
Trace = Callable[[], str]
"""Makes the ``traceparent`` of an event."""
UNACKNOWLEDGED: Final = 1000


class Unusable(Exception):
    """The release cannot be measured; the text says why."""


@dataclass(frozen=True)
class Said:
    """Lines that were published.

    Attributes:
        first: the first one's number.
        due: Unix seconds at which each was due.
        stamped: the time that each one's event carries.
        ids: of their events.
        seen: Unix seconds at which each was seen at the latest, in order; shorter where some never were.
        unseen: the last moment at which each was not there yet.
    """

    first: int
    due: list[float]
    stamped: list[float]
    ids: list[str]
    seen: list[float]
    unseen: list[float]

    def latencies(self) -> list[float]:
        """Seconds from due to seen: upper bounds."""
        return [seen - due for seen, due in zip(self.seen, self.due, strict=False)]

    def earliest(self) -> list[float]:
        """Seconds from due to the last look in vain: lower bounds."""
        return [max(unseen - due, 0.0) for unseen, due in zip(self.unseen, self.due, strict=False)]

    @property
    def seconds(self) -> float:
        """From the first one's moment until all were seen; infinite where one never was."""
        return self.seen[-1] - self.due[0] if len(self.seen) == len(self.due) else float("inf")


class Release:
    """A release, by its NATS. Use as an asynchronous context manager.

    Attributes:
        channel: the key of the channel that everything is published in.
        run: what the texts of this run's lines begin with.
        patience: as given.

    Args:
        nats: how to reach it.
        channel: the channel's key; a new one unless given.
        patience: seconds in which nothing new may be seen before the rest is given up.
    """

    def __init__(self, nats: Nats, *, channel: str | None = None, patience: float = PATIENCE_S) -> None:
        self.run = uuid.uuid4().hex[:8]
        self.channel = channel or f"bench-{self.run}"
        self._bus = Bus(**nats.options(), name=NAME)
        self._directory = tempfile.TemporaryDirectory(prefix="rosey-benchmark-")
        self._outbox = Outbox(self._bus, spool_directory=Path(self._directory.name) / "spool")
        self.patience = patience
        self._said = 0
        self._judged = 0
        self._published = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self._bus.start()
        try:
            await asyncio.wait_for(self._bus.wait_connected(), CONNECT_S)
            await self._outbox.start()
            await self.ask(ChannelStats())
        except TimeoutError:
            await self._close()
            raise Unusable(self._bus.problem or "no connection to NATS") from None
        except (BusError, RequestFailed) as error:
            await self._close()
            raise Unusable(f"the release does not answer: {error}") from None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        await self._outbox.close()
        await self._bus.close()
        self._directory.cleanup()

    async def ask(self, request: Request) -> Any:
        """The reply to a request in the benchmark's channel.

        Raises:
            BusError: nobody answered.
            RequestFailed: the service could not.
        """
        subject = subjects.for_channel(request.SUBJECT, self.channel)
        return queries.decode_reply(type(request), await self._bus.request(subject, queries.encode(request), ANSWER_S))

    def publish(self, event: Event, traceparent: str | None = None) -> None:
        """Publish something else than a line."""
        self._outbox.publish(event, traceparent=traceparent)

    async def say(self, count: int, rate: float, *, trace: Trace | None = None) -> Said:
        """Publish so many lines at a rate that does not wait; returns when all are seen, or none are any more.

        Args:
            trace: makes the ``traceparent`` of each.
        """
        first = self._begin(count)
        stamped: list[float] = []
        ids: list[str] = []

        def act(number: int) -> None:
            stamped.append(time.time())
            ids.append(self._say(first + number, stamped[-1], trace))

        watching = asyncio.create_task(self._watch(first, count, stamped))
        performance = await open_loop(act, rate=rate, count=count)
        due = [performance.schedule.due(number) for number in range(count)]
        return Said(first, due, stamped, ids, *await watching)

    async def burst(self, count: int, *, trace: Trace | None = None) -> Said:
        """Publish so many lines at one moment; returns when all are seen, or none are any more."""
        first, moment = self._begin(count), time.time()
        ids = [self._say(number, moment, trace) for number in range(first, first + count)]
        moments = [moment] * count
        return Said(first, moments, moments, ids, *await self._watch(first, count, moments))

    def utter(self, count: int, moment: float) -> int:
        """Publish so many lines that are said at this moment, and leave it to the caller to look for them.

        Returns:
            The last one's number.
        """
        first = self._begin(count)
        for number in range(first, first + count):
            self._say(number, moment)
        return first + count - 1

    async def pour(self, count: int) -> Said:
        """Publish so many lines as fast as they are acknowledged, and look only at the end."""
        first = self._begin(count)
        stamped: list[float] = []
        ids: list[str] = []
        for number in range(first, first + count):
            while self._outbox.backlog >= UNACKNOWLEDGED:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            stamped.append(time.time())
            ids.append(self._say(number, stamped[-1]))
        while self._outbox.backlog:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        return Said(first, stamped, stamped, ids, *await self._watch(first, count, stamped))

    async def verdict(self) -> Verdict:
        """Whether each line since the last call is stored once: all of them are read, page by page."""
        first, self._judged = self._judged, self._said
        found: Counter[int] = Counter()
        for offset in range(0, 1 << 30, PAGE):
            lines = (await self.ask(RecentMessages(limit=PAGE, offset=offset))).messages
            numbers = [number for each in lines if (number := self._number(each.message)) is not None]
            found.update(number for number in numbers if number >= first)
            if len(lines) < PAGE or not numbers or max(numbers) < first:
                break
        sent = self._said - first
        return Verdict(sent, sent - len(found), found.total() - len(found))

    async def newest(self) -> int:
        """The number of the newest line that is stored; -1 where none of this run is."""
        lines = (await self.ask(RecentMessages(limit=1))).messages
        number = self._number(lines[0].message) if lines else None
        return -1 if number is None else number

    async def commands(self, user: str) -> int:
        """How many of this user's commands are stored, at most a thousand."""
        return len((await self.ask(Audit(user=user, limit=PAGE))).actions)

    def _begin(self, count: int) -> int:
        first, self._said = self._said, self._said + count
        return first

    def _say(self, number: int, moment: float, trace: Trace | None = None) -> str:
        event = line(number, channel=self.channel, prefix=self.run, moment=moment)
        self._outbox.publish(event, traceparent=None if trace is None else trace())
        self._published.set()
        return event.event_id or ""

    def _number(self, text: str) -> int | None:
        run, number = [*text.split(), "", ""][:2]
        return int(number) if run == self.run and number.isdecimal() else None

    async def _watch(self, first: int, count: int, published: list[float]) -> tuple[list[float], list[float]]:
        """When each line was seen, and when it was looked for in vain for the last time before."""
        seen: list[float] = []
        unseen: list[float] = []
        in_vain = 0.0
        patient_until = time.monotonic() + self.patience
        while len(seen) < count and time.monotonic() < patient_until:
            if len(seen) >= len(published):
                # Nothing is on its way: a question would only be in the way of what is measured.
                self._published.clear()
                try:
                    await asyncio.wait_for(self._published.wait(), self.patience)
                except TimeoutError:
                    break
            asked = time.time()
            newest = await self._look()
            answered = time.time()
            for number in range(len(seen), min(newest - first + 1, count)):
                seen.append(answered)
                unseen.append(max(in_vain, published[number]))
                patient_until = time.monotonic() + self.patience
            in_vain = asked
        return seen, unseen

    async def _look(self) -> int:
        try:
            return await self.newest()
        except (BusError, RequestFailed):
            # A release that is away for a moment: what was published is looked for further on.
            await asyncio.sleep(0.1)
            return -1
