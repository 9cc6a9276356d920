"""Whether anything was lost or doubled: the stream, read message by message, against the database's rows.

Nothing here rests on the services' own counters. Each event that has a row of its own must have exactly that row, by
its id; counted lines, sessions and plays must be what the events say.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import defaultdict
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Final

from nats.aio.client import Client

from rosey_cli.up.baseline import RECENT_CHAT, ROW_TABLES, Baseline, counted_lines, open_to_read, position
from rosey_cli.up.outcome import Reconciliation
from rosey_core import events, streams
from rosey_core.identity import user_key
from rosey_database.effects import Received
from rosey_database.ingest.batch import Batch
from rosey_database.ingest.consumer import Consumer, ConsumerLost
from rosey_database.ingest.start import created_microseconds
from rosey_database.tables.chat import UNSTORED_USER
from rosey_database.tables.media import START_TOLERANCE_S

CATCH_UP_S: Final = 30.0
_POLL_S: Final = 0.02
_READ: Final = 1000
_READERS: Final = 10

_LIVE: Final = (events.UserJoined, events.UserLeft, events.UsersPresent, events.UserCount, events.PlaylistChanged)

EventKey = tuple[str, bytes]


async def reconcile(
    client: Client, database: Path, baseline: Baseline, *, catch_up: float = CATCH_UP_S
) -> Reconciliation:
    """Compare what the stream took since ``baseline`` with what the database has.

    Args:
        client: connected to the stream's server.
        database: the file; the service may be at work on it.
        catch_up: how many seconds the service has to store what it has not yet.

    Raises:
        nats.errors.Error, sqlite3.Error: one of the two cannot be read.
    """
    info = await client.jsm().stream_info(streams.EVENTS)
    created, last = created_microseconds(info), info.state.last_seq
    same = created == baseline.created and baseline.sequence <= last
    after = baseline.sequence if same else 0
    result = Reconciliation()
    expected = _Expected(baseline.live)
    with closing(open_to_read(database)) as connection:
        behind = last - await _caught_up(connection, created, last, catch_up)
        await _read_stream(client, expected, result, after=after, last=last, created=created)
        default = str(connection.execute("SELECT key FROM channels WHERE id = 1").fetchone()[0])
        expected.name_default_channel(default)
        result.published += expected.messages
        result.rejected += expected.rejected
        _compare(connection, baseline, expected, result)
    result.stored = max(0, result.published - result.rejected - max(behind, 0) - result.lost)
    result.lose(behind, "events that the database has not taken from the stream")
    return result


class _Expected:
    """What the events say that the database should have."""

    def __init__(self, live: frozenset[str]) -> None:
        self.messages = 0
        self.rejected = 0
        self.ids: dict[str, set[EventKey]] = {table: set() for table in ROW_TABLES.values()}
        self.counted: set[EventKey] = set()
        self.lines_without_row = 0
        self.present: dict[str, set[str]] = {}
        self.plays: dict[tuple[str, str, str], list[float]] = defaultdict(list)
        self._live = set(live)

    def take(self, batch: Batch) -> None:
        """Take messages, in the stream's order."""
        self.messages += len(batch.items) + len(batch.poison)
        self.rejected += len(batch.poison)
        for item in batch.items:
            self._take(item.received)

    def name_default_channel(self, key: str) -> None:
        """Say which channel events without one belong to."""
        for table, ids in self.ids.items():
            self.ids[table] = {(channel or key, event_id) for channel, event_id in ids}
        self.counted = {(channel or key, event_id) for channel, event_id in self.counted}

    def _take(self, received: Received) -> None:
        event, channel = received.event, received.channel or ""
        if isinstance(event, events.ChatMessage):
            self._take_chat(event, channel, received.event_id)
        elif type(event) in ROW_TABLES:
            self.ids[ROW_TABLES[type(event)]].add((channel, received.event_id))
        elif isinstance(event, events.UserJoined):
            if channel in self.present:
                self.present[channel].add(user_key(event.username))
        elif isinstance(event, events.UserLeft):
            if channel in self.present:
                self.present[channel].discard(user_key(event.username))
        elif isinstance(event, events.UsersPresent):
            self.present[channel] = {user_key(user.username) for user in event.users}
        elif isinstance(event, events.MediaPlayed):
            started = received.time if event.started is None else event.started
            self.plays[channel, event.type, event.id].append(started)
        if isinstance(event, _LIVE):
            self._live.add(channel)

    def _take_chat(self, event: events.ChatMessage, channel: str, event_id: bytes) -> None:
        if event.username.startswith("["):
            return
        counts = not event.replayed or channel in self._live
        if not event.replayed:
            self._live.add(channel)
        if user_key(event.username) == UNSTORED_USER:
            self.lines_without_row += counts
            return
        key = (channel, event_id)
        if key not in self.ids[RECENT_CHAT]:
            self.ids[RECENT_CHAT].add(key)
            if counts:
                self.counted.add(key)


async def _caught_up(connection: sqlite3.Connection, created: int, last: int, timeout: float) -> int:
    """Wait until the database has stored up to ``last``; returns how far it has come."""
    deadline = asyncio.get_running_loop().time() + timeout
    while True:
        stored_of, sequence = position(connection)
        if stored_of != created:
            sequence = 0
        if sequence >= last or asyncio.get_running_loop().time() > deadline:
            return sequence
        await asyncio.sleep(_POLL_S)


async def _read_stream(
    client: Client, expected: _Expected, result: Reconciliation, *, after: int, last: int, created: int
) -> None:
    sequence, readers = after, 0
    while sequence < last:
        # A busy machine may lose one; the next goes on where it stopped.
        consumer, readers = Consumer(client, streams.EVENTS, start=sequence + 1), readers + 1
        try:
            await consumer.start()
            while sequence < last:
                messages = [message for message in await consumer.take(_READ) if message.sequence <= last]
                batch = Batch(messages, stream_created=str(created))
                expected.take(batch)
                missing = batch.missing
                if batch.last is None:
                    return
                sequence = batch.last.sequence
                result.published += missing
                result.lose(missing, "events that are gone from the stream")
        except ConsumerLost:
            if readers == _READERS:
                raise
        finally:
            await consumer.stop()


def _compare(connection: sqlite3.Connection, baseline: Baseline, expected: _Expected, result: Reconciliation) -> None:
    for table, ids in expected.ids.items():
        added, extra = set(), 0
        for key, event_id in connection.execute(
            f"SELECT c.key, t.event_id FROM {table} t JOIN channels c ON c.id = t.channel_id"  # noqa: S608
            " WHERE t.id > ? AND t.event_id IS NOT NULL",
            (baseline.rows.get(table, 0),),
        ):
            if (key, event_id) not in ids or (key, event_id) in added:
                extra += 1
            added.add((key, event_id))
        missing = {(key, event_id) for key, event_id in ids - added if not _has(connection, table, key, event_id)}
        result.double(extra, f"rows of {table} that no event asked for")
        result.lose(len(missing), f"rows of {table}")
        if table == RECENT_CHAT:
            lines = counted_lines(connection) - baseline.lines - expected.lines_without_row
            # Whether a line without its row was counted cannot be told; it is lost already.
            result.lose(len(expected.counted & added) - lines, "chat lines not counted for their users")
            result.double(lines - len(expected.counted & (added | missing)), "chat lines counted twice")
    _compare_presence(connection, expected, result)
    _compare_plays(connection, expected, result)


def _has(connection: sqlite3.Connection, table: str, key: str, event_id: bytes) -> bool:
    found = connection.execute(
        f"SELECT 1 FROM {table} t JOIN channels c ON c.id = t.channel_id WHERE t.event_id = ? AND c.key = ?",  # noqa: S608
        (event_id, key),
    ).fetchone()
    return found is not None


def _compare_presence(connection: sqlite3.Connection, expected: _Expected, result: Reconciliation) -> None:
    for channel, users in expected.present.items():
        open_sessions = {
            key
            for (key,) in connection.execute(
                """
                SELECT user_key FROM user_stats u JOIN channels c ON c.id = u.channel_id
                WHERE u.current_session_start IS NOT NULL AND (c.key = ?1 OR (?1 = '' AND c.id = 1))
                """,
                (channel,),
            )
        }
        result.lose(len(users - open_sessions), "users who are in the room and have no session")
        result.lose(len(open_sessions - users), "users who left and whose session is still open")


def _compare_plays(connection: sqlite3.Connection, expected: _Expected, result: Reconciliation) -> None:
    lost = doubled = 0
    for (channel, kind, media_id), starts in expected.plays.items():
        rows = [
            float(started)
            for (started,) in connection.execute(
                """
                SELECT started_at FROM media_played m JOIN channels c ON c.id = m.channel_id
                WHERE m.type = ?2 AND m.media_id = ?3 AND (c.key = ?1 OR (?1 = '' AND c.id = 1)) ORDER BY started_at
                """,
                (channel, kind, media_id),
            )
        ]
        lost += sum(not any(abs(row - start) <= START_TOLERANCE_S for row in rows) for start in set(starts))
        doubled += sum(later - earlier <= START_TOLERANCE_S for earlier, later in pairwise(rows))
    result.lose(lost, "plays")
    result.double(doubled, "plays")
