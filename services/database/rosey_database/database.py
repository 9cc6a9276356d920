"""BotDatabase: everything that a program may do with a Rosey database.

Writing goes through the same functions as the events of a channel do, so that nothing is counted by two pieces of
code; reading goes over connections of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import Callable
from typing import Any, TypeVar

import aiosqlite
import msgspec

from rosey_core import events, identity
from rosey_core.channels import channel_key
from rosey_database import effects, maintenance, migrations, sqlite
from rosey_database.maintenance import Retention
from rosey_database.moments import Moments
from rosey_database.queries import Queries
from rosey_database.reader import Reader
from rosey_database.row_counts import RowCounts
from rosey_database.statement import Row
from rosey_database.tables import actions, channels, chat, counts, outbound, status, tokens, users
from rosey_database.writer import Transaction, Writer

T = TypeVar("T")

CLAIM_SECONDS = 30.0


class BotDatabase:
    """A database of channels: who was there, what was said and played, what is to be posted.

    Nothing happens until ``connect``. Times are Unix seconds. ``channel`` is a channel's name or key; without it the
    default channel is meant. Names that differ only in case are one user.

    Args:
        db_path: an SQLite file, made where it is missing; ``':memory:'`` for one that ends with ``close``.
        clock: the present, Unix seconds.
        retention: for how long things are kept.

    Attributes:
        db_path: as given.
        retention: for how long things are kept; another one counts from the next sweep on.
        conn: a connection for the caller's own statements, in autocommit; ``None`` when closed.
    """

    def __init__(
        self,
        db_path: str | os.PathLike[str] = "bot_data.db",
        *,
        clock: Callable[[], float] = time.time,
        retention: Retention | None = None,
    ) -> None:
        self.db_path = os.fsdecode(db_path)
        self.conn: aiosqlite.Connection | None = None
        self._clock = clock
        self._moments = Moments(clock)
        self.retention = retention or Retention()
        self._location: sqlite.Location | None = None
        self._writer: Writer | None = None
        self._reader: Reader | None = None
        self._queries: Queries | None = None
        self._row_counts: RowCounts | None = None
        self._default_channel = ""
        self._changing = asyncio.Lock()

    async def connect(self) -> None:
        """Open the database, bring it to this version's schema, and be ready.

        Raises:
            RuntimeError: it is already connected.
            aiosqlite.Error: it cannot be opened, is no database, or belongs to a newer Rosey.
        """
        # Of two callers at once one connects; close waits for it, else what it opens would stay open.
        async with self._changing:
            if self.conn is not None:
                raise RuntimeError(f"already connected to {self.db_path}")
            await self._open()

    async def _open(self) -> None:
        location = sqlite.Location.of(self.db_path)
        # In memory the first connection must outlive the migration's: it is what keeps the database.
        memory = await sqlite.connect_for_callers(location) if location.in_memory else None
        try:
            await asyncio.to_thread(migrations.upgrade, location)
            self.conn = memory or await sqlite.connect_for_callers(location)
            self._writer = Writer(location)
            await self._writer.open()
            self._reader = Reader(location)
            self._queries = Queries(self._reader)
            self._row_counts = RowCounts(self._reader)
            self._location = location
            self._default_channel = await self._queries.default_channel()
        except BaseException as error:
            self.conn = self.conn or memory
            await self._release()
            if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite.UnusableDatabase):
                raise type(error)(sqlite.advice(error, location)) from error
            raise

    async def close(self, end_sessions: bool = True) -> None:
        """Commit what the caller left open on ``conn``, end open sessions now, then close; safe to call at any time.

        Args:
            end_sessions: whether everyone who is in the room counts as leaving now; a service that restarts says no.

        Raises:
            aiosqlite.Error: the sessions could not be ended; it is closed all the same.
        """
        async with self._changing:
            try:
                await self._commit_callers_transaction()
                if end_sessions and self._writer is not None:
                    now = self._moments.next()
                    await self._writer.run(lambda work: users.end_sessions(work.connection, now), durable=True)
            finally:
                await self._release()

    async def _commit_callers_transaction(self) -> None:
        # The caller may have closed the connection, which has no state then.
        with contextlib.suppress(ValueError):
            if self.conn is not None and self.conn.in_transaction:
                await self.conn.commit()

    async def _release(self) -> None:
        conn, self.conn = self.conn, None
        writer, self._writer = self._writer, None
        reader, self._reader = self._reader, None
        self._queries = self._row_counts = None
        # Who is cancelled meanwhile leaves neither a connection nor a thread behind.
        await asyncio.shield(_close_all(writer, reader, conn))

    @property
    def is_connected(self) -> bool:
        """Whether it is ready."""
        return self._queries is not None

    @property
    def default_channel(self) -> str:
        """The key of the default channel, ``''`` until it is chosen."""
        return self._default_channel

    @property
    def writer(self) -> Writer:
        """What writes; ingest shares it.

        Raises:
            aiosqlite.Error: it is not connected.
        """
        if self._writer is None:
            raise sqlite.DatabaseClosed
        return self._writer

    @property
    def queries(self) -> Queries:
        """What reads.

        Raises:
            aiosqlite.Error: it is not connected.
        """
        if self._queries is None:
            raise sqlite.DatabaseClosed
        return self._queries

    @property
    def location(self) -> sqlite.Location:
        """Where it is.

        Raises:
            aiosqlite.Error: it was never connected.
        """
        if self._location is None:
            raise sqlite.DatabaseClosed
        return self._location

    async def choose_default_channel(self, channel: str) -> bool:
        """Make this the default channel, unless one is chosen already; returns whether it was.

        Raises:
            InvalidChannelKey: this is no channel's name.
        """
        key = channel_key(channel)

        def choose(work: Transaction) -> tuple[bool, str]:
            chosen = channels.choose_default(work.connection, key)
            work.channel_ids.clear()
            return chosen, channels.default_channel(work.connection)

        chosen, self._default_channel = await self.writer.run(choose)
        return chosen

    # Users

    async def user_joined(self, username: str, *, channel: str | None = None) -> None:
        """A user came: a session begins, unless one is open."""
        await self._apply(events.UserJoined, channel, username=username)

    async def user_left(self, username: str, *, channel: str | None = None) -> None:
        """A user left: the session ends, and its time is added."""
        await self._apply(events.UserLeft, channel, username=username)

    async def user_chat_message(self, username: str, message: str | None = None, *, channel: str | None = None) -> None:
        """Count a line of chat, and store its text where there is one and it is not CyTube's (``server``)."""
        if message and identity.user_key(username) != chat.UNSTORED_USER:
            await self._apply(events.ChatMessage, channel, username=username, message=message)
            return
        name = _username(username)
        now = self._moments.next()

        def count(work: effects.UnitOfWork, channel_id: int) -> None:
            work.users.said(channel_id, name, now)
            work.channels[channel_id].seen(now)

        await self._batch(count, channel)

    async def get_user_stats(self, username: str, *, channel: str | None = None) -> Row | None:
        """{username, first_seen, last_seen, total_chat_lines, total_time_connected, current_session_start}."""
        return await self.queries.user(_key(channel), username)

    async def get_all_user_stats(self, *, channel: str | None = None) -> list[Row]:
        """As ``get_user_stats``, of everyone who was ever seen; most lines first."""
        return await self.queries.users(_key(channel))

    async def get_top_chatters(self, limit: int = 10, *, channel: str | None = None) -> list[Row]:
        """[{username, total_chat_lines}] of who said anything, most first."""
        return await self.queries.top_chatters(_key(channel), _limit(limit))

    async def get_total_users_seen(self, *, channel: str | None = None) -> int:
        """How many users were ever seen."""
        return await self.queries.users_seen(_key(channel))

    async def log_user_action(
        self, username: str, action_type: str, details: str | None = None, *, channel: str | None = None
    ) -> None:
        """Record what a user did."""
        name = _username(username)
        now = self._moments.next()

        def log(work: effects.UnitOfWork, channel_id: int) -> None:
            actions.log_action(
                work.connection,
                channel_id=channel_id,
                username=name,
                action_type=action_type,
                details=details,
                time=now,
            )

        await self._batch(log, channel)

    # Chat

    async def log_chat(
        self, username: str, message: str, timestamp: float | None = None, *, channel: str | None = None
    ) -> None:
        """Store a line's text alone; nothing is counted."""
        name = _username(username)
        said = self._moments.next() if timestamp is None else timestamp

        def log(work: effects.UnitOfWork, channel_id: int) -> None:
            chat.log_line(work.connection, channel_id=channel_id, username=name, message=message, time=said)

        await self._batch(log, channel)

    async def get_recent_chat(self, limit: int = 20, *, channel: str | None = None) -> list[Row]:
        """The last lines, oldest first: [{timestamp, username, message}]."""
        return await self.queries.recent_chat(_key(channel), _limit(limit))

    async def get_recent_chat_since(
        self, minutes: float = 20, limit: int = 1000, *, channel: str | None = None
    ) -> list[Row]:
        """The last lines that are no older than this, oldest first: [{timestamp, username, message}]."""
        since = int(self._clock() - minutes * 60)
        return await self.queries.recent_chat(_key(channel), _limit(limit), since)

    async def get_recent_messages(self, limit: int = 100, offset: int = 0, *, channel: str | None = None) -> list[Row]:
        """Lines, newest first: [{id, timestamp, username, message}]."""
        return await self.queries.recent_messages(_key(channel), _limit(limit), _limit(offset))

    # Counts

    async def update_high_water_mark(
        self, current_user_count: int, current_connected_count: int | None = None, *, channel: str | None = None
    ) -> None:
        """Take counts that may be the highest ever."""
        await self._apply(
            events.HighWater, channel, chat_count=current_user_count, connected_count=current_connected_count
        )

    async def get_high_water_mark(self, *, channel: str | None = None) -> tuple[int, int | None]:
        """The most users in chat ever, and when."""
        row = await self.queries.high_water(_key(channel))
        return row["max_users"], row["max_users_timestamp"]

    async def get_high_water_mark_connected(self, *, channel: str | None = None) -> tuple[int, int | None]:
        """The most connections ever, and when."""
        row = await self.queries.high_water(_key(channel))
        return row["max_connected"], row["max_connected_timestamp"]

    async def log_user_count(self, chat_users: int, connected_users: int, *, channel: str | None = None) -> None:
        """Add a row to the history of counts."""
        await self._apply(events.UserCount, channel, chat_count=chat_users, connected_count=connected_users)

    async def get_user_count_history(
        self, hours: float = 24, *, limit: int | None = None, channel: str | None = None
    ) -> list[Row]:
        """[{timestamp, chat_users, connected_users}], oldest first; with ``limit`` the newest ones alone."""
        since = int(self._clock() - hours * 3600)
        return await self.queries.count_history(_key(channel), since, None if limit is None else _limit(limit))

    async def cleanup_old_history(self, days: float = 30, *, channel: str | None = None) -> int:
        """Delete the channel's counts that are older; returns how many."""
        before = self._clock() - days * 86400

        def sweep(work: effects.UnitOfWork, channel_id: int) -> int:
            return counts.sweep_channel(work.connection, channel_id=channel_id, before=before)

        return await self._batch(sweep, channel)

    # Messages to be posted

    async def enqueue_outbound_message(self, message: str, *, channel: str | None = None) -> int:
        """Queue a message for the channel; returns its id. It is on disk when this returns."""
        now = self._moments.next()

        def enqueue(work: effects.UnitOfWork, channel_id: int) -> int:
            return outbound.enqueue(work.connection, channel_id=channel_id, message=message, time=now)

        return await self._batch(enqueue, channel, durable=True)

    async def get_unsent_outbound_messages(
        self, limit: int = 50, max_retries: int = 3, bypass_backoff: bool = False, *, channel: str | None = None
    ) -> list[Row]:
        """Messages that are due, oldest first: [{id, timestamp, message, retry_count, last_error}].

        One that failed n times is due 60 * 2^n seconds after it was queued.
        """
        return await self.queries.unsent(
            _key(channel),
            limit=_limit(limit),
            max_retries=max_retries,
            now=int(self._clock()),
            bypass_backoff=bypass_backoff,
        )

    async def get_channels_to_post_in(self, max_retries: int = 3) -> list[str]:
        """The keys of the channels in which messages are due that nobody has claimed."""
        return await self.queries.channels_to_post_in(max_retries=max_retries, now=self._clock())

    async def claim_outbound_messages(
        self,
        limit: int = 50,
        max_retries: int = 3,
        *,
        claimed_by: str = "",
        seconds: float = CLAIM_SECONDS,
        claim_id: str = "",
        channel: str | None = None,
    ) -> list[Row]:
        """Take due messages to post them: each is given once, and needs a word on its outcome within ``seconds``.

        Args:
            claim_id: names this claim of ``claimed_by``; repeated, it gets the same messages again.

        Returns:
            [{id, timestamp, message, retry_count, last_error, claimed_until}], oldest first.
        """
        now = self._moments.next()
        # Mostly nothing waits: to find that out takes no transaction, which the writer would have to make between two
        # batches of events.
        if not await self.queries.is_claimable(
            _key(channel), claimed_by=claimed_by, max_retries=max_retries, now=now, claim_id=claim_id
        ):
            return []

        def claim(work: effects.UnitOfWork, channel_id: int) -> list[Row]:
            return outbound.claim(
                work.connection,
                channel_id=channel_id,
                claimed_by=claimed_by,
                limit=_limit(limit),
                max_retries=max_retries,
                time=now,
                seconds=seconds,
                claim_id=claim_id,
            )

        return await self._batch(claim, channel, durable=True)

    async def get_outbound_outcome_unknown(self, *, channel: str | None = None) -> list[Row]:
        """Messages whose claim ran out without a word: [{id, timestamp, message, claimed_by, claimed_until}]."""
        return await self.queries.outcome_unknown(_key(channel), self._clock())

    async def mark_outbound_sent(self, message_id: int, *, channel: str | None = None) -> None:
        """The message was posted."""
        await self._apply(events.OutboundSent, channel, message_id=message_id)

    async def mark_outbound_failed(
        self, message_id: int, error: str, is_permanent: bool = False, *, channel: str | None = None
    ) -> None:
        """The message was not posted: it is due again after a while, or never where ``is_permanent``."""
        await self._apply(events.OutboundFailed, channel, message_id=message_id, error=error, permanent=is_permanent)

    # Status

    async def update_current_status(self, *, channel: str | None = None, **fields: Any) -> None:
        """Set fields of the channel's status; the others stay.

        Raises:
            TypeError: the status has no such field.
        """
        unknown = fields.keys() - status.FIELDS
        if unknown:
            raise TypeError(f"the status has no {', '.join(sorted(unknown))}")
        await self._apply(events.StatusUpdate, channel, status_data=fields)

    async def get_current_status(self, *, channel: str | None = None) -> Row | None:
        """The status row; ``None`` for a channel that was never seen."""
        return await self.queries.status(_key(channel))

    # Tokens

    async def generate_api_token(self, description: str = "", *, read_only: bool = False) -> str:
        """A new token, shown this once; only its hash is kept. Who has one that is ``read_only`` cannot post."""
        token = tokens.new_token()
        now = self._moments.next()
        await self.writer.run(
            lambda work: tokens.add(
                work.connection, token=token, description=description, read_only=read_only, time=now
            ),
            durable=True,
        )
        return token

    async def validate_api_token(self, token: str | None) -> bool:
        """Whether this is a token, and not revoked; what is no text, as of a missing header, is none.

        A good one is marked as used, at most once a minute.
        """
        known = await self.find_api_token(token)
        if known is None:
            return False
        await self.mark_api_token_used(known)
        return True

    async def find_api_token(self, token: str | None) -> tokens.Token | None:
        """As ``validate_api_token``, but writes nothing.

        The look-up is by hash: its time tells nothing of how much of a guess was right.
        """
        if not isinstance(token, str):
            return None
        return await self.queries.token(tokens.token_hash(token))

    async def mark_api_token_used(self, token: tokens.Token) -> None:
        """Write down that the token was used, unless that was done within the last minute."""
        now = self._clock()
        if token.is_use_kept(now):
            await self.writer.run(lambda work: tokens.mark_used(work.connection, token=token, time=now))

    async def revoke_api_token(self, token_or_prefix: str) -> bool:
        """Revoke one token, named whole or by 8 or more of its first characters; returns whether one was.

        Raises:
            AmbiguousPrefix: several tokens begin like that; none was revoked.
        """
        now = self._moments.next()
        return await self.writer.run(
            lambda work: tokens.revoke(work.connection, token_or_prefix=token_or_prefix, time=now), durable=True
        )

    async def list_api_tokens(self, include_revoked: bool = False) -> list[Row]:
        """[{token_preview, description, created_at, last_used, revoked}], oldest first."""
        # Its shape is the original's; ``queries.tokens`` tells more.
        return [
            {name: value for name, value in row.items() if name != "read_only"}
            for row in await self.queries.tokens(include_revoked)
        ]

    # Upkeep

    async def perform_maintenance(self) -> dict[str, int]:
        """Delete what is older than its retention, and give space back; returns the rows deleted, by table."""
        try:
            return await maintenance.perform(self.writer, self.retention, clock=self._clock)
        finally:
            if self._row_counts is not None:
                self._row_counts.forget()

    async def row_counts(self) -> dict[str, int]:
        """How many rows each table has; cheap, but the first time and after maintenance.

        Raises:
            aiosqlite.Error: it is not connected, or reading failed.
        """
        if self._row_counts is None:
            raise sqlite.DatabaseClosed
        return await self._row_counts.read()

    async def _apply(self, kind: type[events.Event], channel: str | None, **fields: Any) -> None:
        """Do what the ingest of such an event does."""
        try:
            event = events.convert(fields, kind)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from None
        now = self._moments.next()
        event_id = identity.id_bytes(identity.uuid7(int(now * 1000)))
        received = effects.Received(event, _key(channel), event_id, now, now)
        await self.writer.run(lambda work: effects.apply(work.connection, work.channel_ids, [received]))

    async def _batch(
        self, effect: Callable[[effects.UnitOfWork, int], T], channel: str | None, *, durable: bool = False
    ) -> T:
        key = _key(channel)

        def transact(transaction: Transaction) -> T:
            work = effects.UnitOfWork(transaction.connection, transaction.channel_ids)
            result = effect(work, work.channel_ids.resolve(transaction.connection, key))
            work.flush()
            return result

        return await self.writer.run(transact, durable=durable)


async def _close_all(*parts: Writer | Reader | aiosqlite.Connection | None) -> None:
    for part in parts:
        if part is not None:
            await part.close()


def _key(channel: str | None) -> str | None:
    return channel_key(channel) if channel else None


def _username(username: str) -> str:
    try:
        return msgspec.convert(username, events.Username)
    except msgspec.ValidationError as error:
        raise ValueError(f"username: {error}") from None


def _limit(number: int) -> int:
    """A negative limit would be none in SQLite."""
    return max(0, number)
