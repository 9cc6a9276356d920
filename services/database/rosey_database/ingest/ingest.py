"""Ingest: reads the stream on from the stored position and commits what it reads, a batch at a time.

A batch is whatever arrived while the last one was being committed: small when it is quiet, large when it is busy.
One transaction a batch applies its events and moves the position; where another service has moved it, everything is
rolled back and this one stands by, until the position no longer follows the stream.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
import time
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

import nats.errors
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from rosey_core import streams, subjects
from rosey_core.bus import NotConnected
from rosey_core.streams import StreamLimits, StreamUnavailable
from rosey_core.telemetry.tracing import parse_headers
from rosey_database import sqlite
from rosey_database.ingest import dead_letters, lookup, position, start
from rosey_database.ingest.application import Unstorable, apply
from rosey_database.ingest.batch import Batch, Item, Poison
from rosey_database.ingest.consumer import Consumer, ConsumerLost
from rosey_database.ingest.position import Fenced, Position
from rosey_database.writer import Transaction, Writer

log = logging.getLogger(__name__)

BATCH_LIMIT: Final = 500
"""Events a transaction: twice as many cost 0.6 us less each, and a megabyte more."""
GATHER_S: Final = 0.005
"""How long a busy ingest waits for company between two commits: a commit costs half a millisecond whatever is in it."""
BUSY_BATCH: Final = range(16, 500)
"""Batches after which it waits: smaller ones come when it is quiet, larger ones need no company."""
_EVENT_ID: Final = re.compile(rb"\r\nNats-Msg-Id: ?([^\r\n]{1,200})\r\n")
RETRY_WAITS_S: Final = (0.05, 2.0)
STANDBY_POLL_S: Final = 0.25
FRUITLESS_LIMIT: Final = 3
"""Readings in a row that ended and brought nothing, after which that is a problem and no accident."""
CANCEL_WAIT_S: Final = 0.5
"""How long what is to end is waited for, before it is told again: nats-py swallows some cancellations."""
QUIET_S: Final = 1.0
"""A reading that lasts so long is sound; and a stream of which nothing has come for so long is asked what it has."""
TAKEOVER_S: Final = 1.5
"""A position that has not moved for this long while events wait belongs to nobody: who stands by takes over."""


class Stored(NamedTuple):
    """A batch that is committed.

    Attributes:
        items: the messages with their events.
        committed: Unix seconds of the commit.
        commit_seconds: how long it took.
        duplicates: events that were stored before.
        pending: messages that the stream still has.
        position: of the last message.
    """

    items: list[Item]
    committed: float
    commit_seconds: float
    duplicates: int
    pending: int
    position: Position


class Observer(Protocol):
    """Who wants to know what ingest does; metrics, for one."""

    def stored(self, stored: Stored) -> None:
        """A batch was committed."""

    def rejected(self, poison: Poison) -> None:
        """A message went to the dead letters."""

    def missing(self, count: int) -> None:
        """Events are gone from the stream that were never stored: loss."""

    def future(self, count: int) -> None:
        """Events were dated too far ahead."""

    def restarted(self, reason: str) -> None:
        """Reading began anew."""


class Ingest:
    """The part of a database service that stores events.

    Args:
        client: gives the NATS client of the present connection, or raises ``NotConnected``.
        writer: gives that of the database, or raises ``sqlite3.Error`` while it is closed.
        location: of the database, for what is said of its faults.
        limits: of the streams, which ingest makes.
        observer: is told of everything.
        clock: Unix seconds; for the observer's figures alone.
    """

    def __init__(
        self,
        client: Callable[[], Client],
        writer: Callable[[], Writer],
        *,
        location: sqlite.Location,
        limits: StreamLimits | None = None,
        observer: Observer | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._writer = writer
        self._location = location
        self._limits = limits or StreamLimits()
        self._observer = observer
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._consumer: Consumer | None = None
        self._stopping = asyncio.Event()
        self._committing = False
        self._rejected: set[tuple[int, int, int]] = set()
        self._alone = 0
        self._fruitless = 0
        self._end = 0
        self.standing_by = False
        """Whether another service is at work on this database."""
        self.problem: str | None = "not started"
        """Why nothing is stored now, in a sentence for the operator; ``None`` where all is well."""
        self.position: Position | None = None
        """How far the events are stored."""
        self.pending = 0
        """How many messages the stream has beyond the position, as last heard."""
        self.gaps = 0
        """How many events were lost from the stream before they were stored."""
        self.working = asyncio.Event()
        """Set while events are being read."""

    @property
    def is_behind(self) -> bool:
        """Whether events wait that were in the stream when reading began: what they tell is not known here yet."""
        return self.position is None or (self.pending > 0 and self.position.sequence < self._end)

    async def start(self) -> None:
        """Begin, in the background; problems show in ``problem`` and are tried again for ever."""
        if self._task is None:
            self._stopping.clear()
            self.problem = "starting"
            self._task = asyncio.create_task(self._run(), name="ingest")

    async def stop(self) -> None:
        """Finish the transaction at hand and end; safe to call again."""
        task, self._task = self._task, None
        if task is None:
            return
        self._stopping.set()
        while not task.done():
            # Whatever else it waits for comes from NATS, which may have died.
            if not self._committing:
                task.cancel()
            await asyncio.wait({task}, timeout=CANCEL_WAIT_S)
        self.problem = "stopped"

    async def _run(self) -> None:
        wait = RETRY_WAITS_S[0]
        while not self._stopping.is_set():
            before = self.position
            try:
                await self._work()
            except Fenced as fenced:
                self._restarted("fenced")
                log.info("standing by: %s", fenced)
                await self._stand_by()
                continue
            except ConsumerLost as lost:
                self._restarted(lost.reason)
                log.info("reading anew: %s", lost)
                self._alone = lookup.more_alone(self._alone)
                if lost.reason == "heartbeat":
                    await self._reconnect_if_deaf()
                if lost.reason != "connection":
                    if self.position != before:
                        wait = RETRY_WAITS_S[0]
                        continue
                    self._fruitless += 1
                    if self._fruitless >= FRUITLESS_LIMIT:
                        self._say(f"reading the stream ends again and again: {lost}")
            except StreamUnavailable as error:
                self._say(str(error))
            except NotConnected as error:
                self._say(str(error))
            except (nats.errors.Error, TimeoutError, OSError) as error:
                self._say(f"NATS: {str(error) or type(error).__name__}")
            except sqlite3.Error as error:
                self._say(sqlite.advice(error, self._location))
            except Exception as error:
                log.exception("ingest failed; it goes on")
                self._say(f"unexpected: {type(error).__name__}: {error}")
            finally:
                self.working.clear()
            wait = RETRY_WAITS_S[0] if self.position != before else min(wait * 2, RETRY_WAITS_S[1])
            await self._pause(wait)

    async def _work(self) -> None:
        client = self._client()
        info = await streams.ensure(client, self._limits)
        begun = await start.locate(client, self._writer(), info)
        if begun.incident is not None:
            self._restarted(begun.incident)
        self.position = begun.position
        self._end = info.state.last_seq
        self.pending = max(self._end - begun.position.sequence, 0)
        reached = await self._read_alone(client, begun.position, self._alone)
        consumer = Consumer(client, streams.EVENTS, start=reached.sequence + 1)
        self._consumer = consumer
        read = 0
        try:
            await consumer.start()
            self.pending = consumer.pending
            if self._fruitless < FRUITLESS_LIMIT and not self.pending:
                self.problem = None
            self.working.set()
            while not self._stopping.is_set():
                messages = await consumer.take(BATCH_LIMIT, QUIET_S if self.pending or self._fruitless else None)
                self._fruitless = 0
                if not messages and self.pending:
                    # What was waiting may have been deleted.
                    self.pending = await consumer.ask_pending()
                if messages:
                    batch = Batch(messages, stream_created=str(begun.position.created))
                    await self._store(client, batch)
                    self.pending = consumer.pending
                    read += len(messages)
                    if read >= lookup.ALONE_LIMIT:
                        self._alone = 0
                # Not before: what could not be stored may not be stored this time either.
                self.problem = None
                if len(messages) in BUSY_BATCH:
                    await asyncio.sleep(GATHER_S)
        finally:
            self._consumer = None
            await consumer.stop()

    async def _read_alone(self, client: Client, begun: Position, count: int) -> Position:
        """Store ``count`` good messages one by one, and the bad ones between; returns the position then.

        What comes next after a consumer was lost may be what lost it: a message that nats-py cannot read.
        """
        reached = begun
        while count > 0 and not self._stopping.is_set():
            message = await lookup.next_message(client, streams.EVENTS, start=reached.sequence + 1)
            if message is None:
                break
            batch = Batch([message], stream_created=str(begun.created))
            if not batch.poison:
                count -= 1
            await self._store(client, batch)
            reached = self.position or reached
        return reached

    async def _reconnect_if_deaf(self) -> None:
        try:
            client = self._client()
        except NotConnected:
            return
        await lookup.reconnect_if_deaf(client)

    async def _store(self, client: Client, batch: Batch) -> None:
        for poison in batch.poison:
            await self._reject(client, poison)
        try:
            await self._commit(batch)
        except Unstorable:
            await self._store_one_by_one(client, batch)
        self._rejected.clear()
        if batch.missing:
            self._missing(batch)
        if batch.future and self._observer is not None:
            self._observer.future(batch.future)

    async def _commit(self, batch: Batch) -> None:
        if batch.last is None or self.position is None:
            return
        built_on = self.position
        to = built_on.moved(batch.last.sequence, batch.last.nanoseconds, batch.last_id)
        begun = self._clock()

        def transact(transaction: Transaction) -> int:
            position.move(transaction.connection, built_on=built_on, to=to)
            return apply(transaction, batch.items)

        self._committing = True
        try:
            duplicates = await self._writer().run(transact)
        finally:
            self._committing = False
        self.position = to
        if self._observer is not None:
            now = self._clock()
            self._observer.stored(
                Stored(
                    items=batch.items,
                    committed=now,
                    # A clock may have been set back.
                    commit_seconds=max(now - begun, 0.0),
                    duplicates=duplicates,
                    pending=self._consumer.pending if self._consumer is not None else 0,
                    position=to,
                )
            )

    async def _store_one_by_one(self, client: Client, batch: Batch) -> None:
        """Store a batch in parts of one message: what the database will not take alone becomes a dead letter."""
        for part in batch.parts():
            try:
                await self._commit(part)
            except Unstorable as error:
                for item in part.items:
                    await self._reject(client, Poison(item.message, str(error)))
                part.items = []
                await self._commit(part)

    async def _reject(self, client: Client, poison: Poison) -> None:
        created, generation = (0, 0) if self.position is None else (self.position.created, self.position.generation)
        key = (created, generation, poison.message.sequence)
        if key in self._rejected:
            # What could not be stored beside it is tried again; the letter is there already.
            return
        await dead_letters.publish(client, poison, stream=streams.EVENTS, stream_created=created)
        self._rejected.add(key)
        log.warning(
            "dead letter: %s %d on %s: %s",
            streams.EVENTS,
            poison.message.sequence,
            poison.message.subject[:200],
            poison.reason[:500],
            extra=_identity(poison),
        )
        if self._observer is not None:
            self._observer.rejected(poison)

    async def _stand_by(self) -> None:
        """Wait while another service moves the position; return when nobody does and events wait."""
        self.standing_by = True
        self.problem = None
        try:
            seen: Position | None = None
            moved_at = asyncio.get_running_loop().time()
            while not self._stopping.is_set():
                try:
                    now = await self._writer().run(lambda t: position.read(t.connection, streams.EVENTS))
                    waiting = now is None or await self._differs(now)
                except sqlite3.Error as error:
                    # A process that hangs in a transaction holds up whoever would take over.
                    self._say(sqlite.advice(error, self._location))
                    await self._pause(STANDBY_POLL_S)
                    continue
                except (NotConnected, nats.errors.Error, TimeoutError, OSError, ValueError) as error:
                    log.info("standing by: %s", error)
                    await self._pause(STANDBY_POLL_S)
                    continue
                self.problem = None
                loop_time = asyncio.get_running_loop().time()
                if now != seen or not waiting:
                    seen, moved_at = now, loop_time
                elif loop_time - moved_at > TAKEOVER_S:
                    log.warning("nobody stores events: taking over")
                    return
                self.position = now
                await self._pause(STANDBY_POLL_S)
        finally:
            self.standing_by = False

    async def _differs(self, stored: Position) -> bool:
        """Whether the stream has more than is stored, or is another than it was: there is work for somebody."""
        try:
            info = await self._client().jsm().stream_info(streams.EVENTS)
        except NotFoundError:
            return True
        if start.created_microseconds(info) != stored.created or info.state.last_seq < stored.sequence:
            return True
        # What is behind the position may have been deleted.
        behind = info.state.last_seq - stored.sequence
        if behind and await lookup.next_message(self._client(), streams.EVENTS, start=stored.sequence + 1) is None:
            behind = 0
        self.pending = behind
        self._end = min(self._end, info.state.last_seq)
        return behind > 0

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            pass

    def _say(self, problem: str) -> None:
        if problem != self.problem:
            log.warning("nothing is stored now: %s", problem)
        self.problem = problem

    def _restarted(self, reason: str) -> None:
        if self._observer is not None:
            self._observer.restarted(reason)

    def _missing(self, batch: Batch) -> None:
        self.gaps += batch.missing
        log.error("%d events are gone from the stream before they were stored: they are lost", batch.missing)
        if self._observer is not None:
            self._observer.missing(batch.missing)


def _identity(poison: Poison) -> dict[str, str | None]:
    """What a message says of itself, for the log."""
    message = poison.message
    context = parse_headers(message.headers)
    try:
        channel = subjects.parse_event(message.subject)[1]
    except ValueError:
        channel = None
    event_id = _EVENT_ID.search(message.headers)
    return {
        "channel": channel,
        "event_id": None if event_id is None else event_id[1].decode(errors="replace"),
        "trace_id": None if context is None else context.trace,
    }
