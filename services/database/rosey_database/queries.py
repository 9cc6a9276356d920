"""What is read from the database. No query scans a history: each goes along an index and ends at its limit."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy import ColumnElement, CursorResult, Executable, Select, func, literal, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rosey_core.identity import user_key
from rosey_database.schema import (
    DEFAULT_CHANNEL_ID,
    api_tokens,
    channel_stats,
    channels,
    current_status,
    media_played,
    outbound_messages,
    recent_chat,
    user_actions,
    user_count_history,
    user_stats,
)
from rosey_database.tables import outbound

Row = dict[str, Any]

_USER_COLUMNS: Final = (
    user_stats.c.username,
    user_stats.c.first_seen,
    user_stats.c.last_seen,
    user_stats.c.total_chat_lines,
    user_stats.c.total_time_connected,
    user_stats.c.current_session_start,
)
_CHAT_COLUMNS: Final = (recent_chat.c.timestamp, recent_chat.c.username, recent_chat.c.message)
_STATUS_COLUMNS: Final = tuple(column for column in current_status.c if column.name != "status_time")
_PREVIEW_LENGTH: Final = 8


class Queries:
    """Everything that is asked of a database. A channel is its key, ``None`` the default one; unknown ones are empty.

    Args:
        engine: for reading.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def default_channel(self) -> str:
        """The key of the default channel, ``''`` until it is chosen."""
        rows = await self._rows(select(channels.c.key).where(channels.c.id == DEFAULT_CHANNEL_ID))
        return str(rows[0]["key"])

    async def high_water(self, channel: str | None) -> Row:
        """{max_users, max_users_timestamp, max_connected, max_connected_timestamp}."""
        rows = await self._rows(
            select(
                channel_stats.c.max_users,
                channel_stats.c.max_users_timestamp,
                channel_stats.c.max_connected,
                channel_stats.c.max_connected_timestamp,
            ).where(channel_stats.c.id == _channel_id(channel))
        )
        nothing = {"max_users": 0, "max_users_timestamp": None, "max_connected": 0, "max_connected_timestamp": None}
        return rows[0] if rows else nothing

    async def user(self, channel: str | None, username: str) -> Row | None:
        """One user's statistics, however the name is spelled; ``None`` for who was never seen."""
        rows = await self._rows(
            select(*_USER_COLUMNS).where(
                user_stats.c.channel_id == _channel_id(channel), user_stats.c.user_key == user_key(username)
            )
        )
        return rows[0] if rows else None

    async def users(self, channel: str | None) -> list[Row]:
        """All users' statistics, most lines first."""
        return await self._rows(
            select(*_USER_COLUMNS)
            .where(user_stats.c.channel_id == _channel_id(channel))
            .order_by(user_stats.c.total_chat_lines.desc(), user_stats.c.user_key)
        )

    async def top_chatters(self, channel: str | None, limit: int) -> list[Row]:
        """[{username, total_chat_lines}] of who said anything, most first."""
        return await self._rows(
            select(user_stats.c.username, user_stats.c.total_chat_lines)
            .where(user_stats.c.channel_id == _channel_id(channel), user_stats.c.total_chat_lines > 0)
            .order_by(user_stats.c.total_chat_lines.desc(), user_stats.c.user_key)
            .limit(limit)
        )

    async def users_seen(self, channel: str | None) -> int:
        """How many users were ever seen."""
        rows = await self._rows(select(channels.c.users_seen).where(channels.c.id == _channel_id(channel)))
        return int(rows[0]["users_seen"]) if rows else 0

    async def count_history(self, channel: str | None, since: int, limit: int | None = None) -> list[Row]:
        """[{timestamp, chat_users, connected_users}], oldest first; with ``limit`` the newest ones alone."""
        history = user_count_history.c
        query = (
            select(history.timestamp, history.chat_users, history.connected_users)
            .where(history.channel_id == _channel_id(channel), history.timestamp >= since)
            .order_by(history.timestamp.desc(), history.id.desc())
        )
        return (await self._rows(query if limit is None else query.limit(limit)))[::-1]

    async def recent_chat(self, channel: str | None, limit: int, since: int | None = None) -> list[Row]:
        """The last lines, oldest first: [{timestamp, username, message}]."""
        query = _newest_chat(select(*_CHAT_COLUMNS), channel, limit)
        if since is not None:
            query = query.where(recent_chat.c.timestamp >= since)
        return (await self._rows(query))[::-1]

    async def recent_messages(self, channel: str | None, limit: int, offset: int) -> list[Row]:
        """Lines, newest first: [{id, timestamp, username, message}]."""
        query = _newest_chat(select(recent_chat.c.id, *_CHAT_COLUMNS), channel, limit)
        return await self._rows(query.offset(offset))

    async def unsent(
        self, channel: str | None, *, limit: int, max_retries: int, now: int, bypass_backoff: bool
    ) -> list[Row]:
        """Queued messages that are due, oldest first: [{id, timestamp, message, retry_count, last_error}]."""
        channel_id = await self._resolve(channel)
        parameters = (channel_id, max_retries, int(bypass_backoff), now, limit)
        async with self._connection() as connection:
            return _dicts(await connection.exec_driver_sql(outbound.UNSENT, parameters))

    async def outcome_unknown(self, channel: str | None, now: float) -> list[Row]:
        """Messages whose claim ran out without an outcome: [{id, timestamp, message, claimed_by, claimed_until}]."""
        messages = outbound_messages.c
        return await self._rows(
            select(messages.id, messages.timestamp, messages.message, messages.claimed_by, messages.claimed_until)
            .where(
                messages.channel_id == _channel_id(channel),
                messages.sent == 0,
                messages.claimed_until.is_not(None),
                messages.claimed_until <= now,
            )
            .order_by(messages.timestamp, messages.id)
        )

    async def status(self, channel: str | None) -> Row | None:
        """The status row; ``None`` for an unknown channel."""
        rows = await self._rows(select(*_STATUS_COLUMNS).where(current_status.c.id == _channel_id(channel)))
        return rows[0] if rows else None

    async def tokens(self, include_revoked: bool) -> list[Row]:
        """[{token_preview, description, created_at, last_used, revoked}], oldest first."""
        tokens = api_tokens.c
        query = select(
            (func.substr(tokens.preview, 1, _PREVIEW_LENGTH) + "...").label("token_preview"),
            tokens.description,
            tokens.created_at,
            tokens.last_used,
            tokens.revoked,
        ).order_by(tokens.created_at, tokens.preview)
        if not include_revoked:
            query = query.where(tokens.revoked == 0)
        return [{**row, "revoked": bool(row["revoked"])} for row in await self._rows(query)]

    async def audit(
        self, channel: str | None, *, user: str | None, command: str | None, since: int, limit: int
    ) -> list[Row]:
        """What users did, newest first: [{id, timestamp, username, action_type, details, result}]."""
        actions = user_actions.c
        query = (
            select(
                actions.id, actions.timestamp, actions.username, actions.action_type, actions.details, actions.result
            )
            .where(actions.channel_id == _channel_id(channel), actions.timestamp >= since)
            .order_by(actions.timestamp.desc(), actions.id.desc())
            .limit(limit)
        )
        if user is not None:
            query = query.where(actions.username.collate("NOCASE") == user)
        if command is not None:
            beginning = f"cmd={command}, "
            query = query.where(func.substr(actions.details, 1, len(beginning)) == beginning)
        return await self._rows(query)

    async def media_history(self, channel: str | None, *, since: int, limit: int) -> list[Row]:
        """Plays, newest first: [{title, type, id, duration, queued_by, started, ended, skipped}]."""
        media = media_played.c
        rows = await self._rows(
            select(
                media.title,
                media.type,
                media.media_id.label("id"),
                media.duration,
                media.queued_by,
                media.started,
                media.ended,
                media.skipped,
            )
            .where(media.channel_id == _channel_id(channel), media.started_at >= since)
            .order_by(media.started_at.desc(), media.id.desc())
            .limit(limit)
        )
        return [{**row, "skipped": bool(row["skipped"])} for row in rows]

    async def _resolve(self, channel: str | None) -> int | None:
        if channel is None:
            return DEFAULT_CHANNEL_ID
        rows = await self._rows(select(channels.c.id).where(channels.c.key == channel))
        return rows[0]["id"] if rows else None

    async def _rows(self, query: Executable) -> list[Row]:
        async with self._connection() as connection:
            return _dicts(await connection.execute(query))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose errors are the driver's, as those of writing are."""
        try:
            async with self._engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            if isinstance(error.orig, sqlite3.Error):
                raise error.orig from None
            raise


def _dicts(result: CursorResult[Any]) -> list[Row]:
    # SQLAlchemy's names may be of a subclass of str.
    names = list(map(str, result.keys()))
    return [dict(zip(names, row, strict=True)) for row in result]


def _channel_id(channel: str | None) -> ColumnElement[int]:
    if channel is None:
        return literal(DEFAULT_CHANNEL_ID)
    return select(channels.c.id).where(channels.c.key == channel).scalar_subquery()


def _newest_chat(query: Select[Any], channel: str | None, limit: int) -> Select[Any]:
    return (
        query.where(recent_chat.c.channel_id == _channel_id(channel))
        .order_by(recent_chat.c.timestamp.desc(), recent_chat.c.id.desc())
        .limit(limit)
    )
