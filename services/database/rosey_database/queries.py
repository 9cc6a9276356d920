"""What is read from the database. No query scans a history: each goes along an index and ends at its limit."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from sqlalchemy import Select, Text, bindparam, case, func, or_, select, true

from rosey_core.identity import user_key
from rosey_database.reader import Reader
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
from rosey_database.statement import Row, Statement
from rosey_database.tables import outbound
from rosey_database.tables.tokens import Token

_PREVIEW_LENGTH: Final = 8
_EVERYTHING: Final = 2**63 - 1
_EVER: Final = -(2**63)

_CHANNEL: Final = bindparam("channel", type_=Text)
_CHANNEL_ID: Final = case(
    (_CHANNEL.is_(None), DEFAULT_CHANNEL_ID),
    else_=select(channels.c.id).where(channels.c.key == _CHANNEL).scalar_subquery(),
)
_USER_COLUMNS: Final = (
    user_stats.c.username,
    user_stats.c.first_seen,
    user_stats.c.last_seen,
    user_stats.c.total_chat_lines,
    user_stats.c.total_time_connected,
    user_stats.c.current_session_start,
)
_HIGH_WATER_COLUMNS: Final = (
    channel_stats.c.max_users,
    channel_stats.c.max_users_timestamp,
    channel_stats.c.max_connected,
    channel_stats.c.max_connected_timestamp,
)
_CHAT_COLUMNS: Final = (recent_chat.c.timestamp, recent_chat.c.username, recent_chat.c.message)
_STATUS_COLUMNS: Final = tuple(column for column in current_status.c if column.name != "status_time")


def _newest_chat(query: Select[Any]) -> Select[Any]:
    return (
        query.where(recent_chat.c.channel_id == _CHANNEL_ID)
        .order_by(recent_chat.c.timestamp.desc(), recent_chat.c.id.desc())
        .limit(bindparam("limit"))
    )


def _statistics() -> Select[Any]:
    """What is known of the channel, beside each of its top chatters; one row where nobody has said anything."""
    top = _TOP.subquery("top")
    return (
        select(channels.c.users_seen, *_HIGH_WATER_COLUMNS, top.c.username, top.c.total_chat_lines)
        .select_from(channels.outerjoin(channel_stats, channel_stats.c.id == channels.c.id).outerjoin(top, true()))
        .where(channels.c.id == _CHANNEL_ID)
        .order_by(top.c.total_chat_lines.desc(), top.c.user_key)
    )


_DEFAULT_CHANNEL: Final = Statement(select(channels.c.key).where(channels.c.id == DEFAULT_CHANNEL_ID))
_RESOLVED: Final = Statement(select(channels.c.id).where(channels.c.id == _CHANNEL_ID))
_HIGH_WATER: Final = Statement(select(*_HIGH_WATER_COLUMNS).where(channel_stats.c.id == _CHANNEL_ID))
_USER: Final = Statement(
    select(*_USER_COLUMNS).where(
        user_stats.c.channel_id == _CHANNEL_ID, user_stats.c.user_key == bindparam("user_key", type_=Text)
    )
)
_USERS: Final = Statement(
    select(*_USER_COLUMNS)
    .where(user_stats.c.channel_id == _CHANNEL_ID)
    .order_by(user_stats.c.total_chat_lines.desc(), user_stats.c.user_key)
)
_TOP: Final = (
    select(user_stats.c.username, user_stats.c.total_chat_lines, user_stats.c.user_key)
    .where(user_stats.c.channel_id == _CHANNEL_ID, user_stats.c.total_chat_lines > 0)
    .order_by(user_stats.c.total_chat_lines.desc(), user_stats.c.user_key)
    .limit(bindparam("limit"))
)
_TOP_CHATTERS: Final = Statement(_TOP.with_only_columns(user_stats.c.username, user_stats.c.total_chat_lines))
_USERS_SEEN: Final = Statement(select(channels.c.users_seen).where(channels.c.id == _CHANNEL_ID))
_STATISTICS: Final = Statement(_statistics())
_COUNT_HISTORY: Final = Statement(
    select(user_count_history.c.timestamp, user_count_history.c.chat_users, user_count_history.c.connected_users)
    .where(user_count_history.c.channel_id == _CHANNEL_ID, user_count_history.c.timestamp >= bindparam("since"))
    .order_by(user_count_history.c.timestamp.desc(), user_count_history.c.id.desc())
    .limit(bindparam("limit"))
)
_RECENT_CHAT: Final = Statement(
    _newest_chat(select(*_CHAT_COLUMNS)).where(recent_chat.c.timestamp >= bindparam("since"))
)
_RECENT_MESSAGES: Final = Statement(_newest_chat(select(recent_chat.c.id, *_CHAT_COLUMNS)).offset(bindparam("offset")))
_OUTCOME_UNKNOWN: Final = Statement(
    select(
        outbound_messages.c.id,
        outbound_messages.c.timestamp,
        outbound_messages.c.message,
        outbound_messages.c.claimed_by,
        outbound_messages.c.claimed_until,
    )
    .where(
        outbound_messages.c.channel_id == _CHANNEL_ID,
        outbound_messages.c.sent == 0,
        outbound_messages.c.claimed_until.is_not(None),
        outbound_messages.c.claimed_until <= bindparam("now"),
    )
    .order_by(outbound_messages.c.timestamp, outbound_messages.c.id)
)
_STATUS: Final = Statement(select(*_STATUS_COLUMNS).where(current_status.c.id == _CHANNEL_ID))
_TOKENS: Final = Statement(
    select(
        (func.substr(api_tokens.c.preview, 1, _PREVIEW_LENGTH) + "...").label("token_preview"),
        api_tokens.c.description,
        api_tokens.c.created_at,
        api_tokens.c.last_used,
        api_tokens.c.revoked,
        api_tokens.c.read_only,
    )
    .where(or_(bindparam("include_revoked"), api_tokens.c.revoked == 0))
    .order_by(api_tokens.c.created_at, api_tokens.c.preview)
)
_TOKEN: Final = Statement(
    select(api_tokens.c.token.label("hash"), api_tokens.c.last_used, api_tokens.c.read_only).where(
        api_tokens.c.token == bindparam("hash", type_=Text), api_tokens.c.revoked == 0
    )
)
_MEDIA_HISTORY: Final = Statement(
    select(
        media_played.c.title,
        media_played.c.type,
        media_played.c.media_id.label("id"),
        media_played.c.duration,
        media_played.c.queued_by,
        media_played.c.started,
        media_played.c.ended,
        media_played.c.skipped,
    )
    .where(media_played.c.channel_id == _CHANNEL_ID, media_played.c.started_at >= bindparam("since"))
    .order_by(media_played.c.started_at.desc(), media_played.c.id.desc())
    .limit(bindparam("limit"))
)


class Queries:
    """Everything that is asked of a database. A channel is its key, ``None`` the default one; unknown ones are empty.

    Args:
        reader: of the database.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def default_channel(self) -> str:
        """The key of the default channel, ``''`` until it is chosen."""
        rows = await self._rows(_DEFAULT_CHANNEL)
        return str(rows[0]["key"])

    async def high_water(self, channel: str | None) -> Row:
        """{max_users, max_users_timestamp, max_connected, max_connected_timestamp}."""
        rows = await self._rows(_HIGH_WATER, channel=channel)
        nothing = {"max_users": 0, "max_users_timestamp": None, "max_connected": 0, "max_connected_timestamp": None}
        return rows[0] if rows else nothing

    async def statistics(self, channel: str | None, chatters: int) -> list[Row]:
        """A channel's statistics, of one moment: a row for each of its top chatters, most lines first.

        Returns:
            [{users_seen, max_users, max_users_timestamp, max_connected, max_connected_timestamp, username,
            total_chat_lines}]: one row without a name where nobody has said anything, none for an unknown channel.
        """
        return await self._rows(_STATISTICS, channel=channel, limit=chatters)

    async def user(self, channel: str | None, username: str) -> Row | None:
        """One user's statistics, however the name is spelled; ``None`` for who was never seen."""
        rows = await self._rows(_USER, channel=channel, user_key=user_key(username))
        return rows[0] if rows else None

    async def users(self, channel: str | None) -> list[Row]:
        """All users' statistics, most lines first."""
        return await self._rows(_USERS, channel=channel)

    async def top_chatters(self, channel: str | None, limit: int) -> list[Row]:
        """[{username, total_chat_lines}] of who said anything, most first."""
        return await self._rows(_TOP_CHATTERS, channel=channel, limit=limit)

    async def users_seen(self, channel: str | None) -> int:
        """How many users were ever seen."""
        rows = await self._rows(_USERS_SEEN, channel=channel)
        return int(rows[0]["users_seen"]) if rows else 0

    async def count_history(self, channel: str | None, since: int, limit: int | None = None) -> list[Row]:
        """[{timestamp, chat_users, connected_users}], oldest first; with ``limit`` the newest ones alone."""
        most = _EVERYTHING if limit is None else limit
        return (await self._rows(_COUNT_HISTORY, channel=channel, since=since, limit=most))[::-1]

    async def recent_chat(self, channel: str | None, limit: int, since: int | None = None) -> list[Row]:
        """The last lines, oldest first: [{timestamp, username, message}]."""
        begin = _EVER if since is None else since
        return (await self._rows(_RECENT_CHAT, channel=channel, limit=limit, since=begin))[::-1]

    async def recent_messages(self, channel: str | None, limit: int, offset: int) -> list[Row]:
        """Lines, newest first: [{id, timestamp, username, message}]."""
        return await self._rows(_RECENT_MESSAGES, channel=channel, limit=limit, offset=offset)

    async def unsent(
        self, channel: str | None, *, limit: int, max_retries: int, now: int, bypass_backoff: bool
    ) -> list[Row]:
        """Queued messages that are due, oldest first: [{id, timestamp, message, retry_count, last_error}]."""

        def read(connection: sqlite3.Connection) -> list[Row]:
            found = _RESOLVED.rows(connection, channel=channel)
            if not found:
                return []
            return outbound.unsent(
                connection,
                channel_id=found[0]["id"],
                limit=limit,
                max_retries=max_retries,
                time=now,
                bypass_backoff=bypass_backoff,
            )

        return await self._reader.run(read)

    async def channels_to_post_in(self, *, max_retries: int, now: float) -> list[str]:
        """The keys of the channels in which queued messages are due."""
        return await self._reader.run(
            lambda connection: outbound.channels(connection, max_retries=max_retries, time=now)
        )

    async def is_claimable(
        self, channel: str | None, *, claimed_by: str, max_retries: int, now: float, claim_id: str
    ) -> bool:
        """Whether a claim would get any queued message now."""

        def read(connection: sqlite3.Connection) -> bool:
            found = _RESOLVED.rows(connection, channel=channel)
            return bool(found) and outbound.is_claimable(
                connection,
                channel_id=found[0]["id"],
                claimed_by=claimed_by,
                max_retries=max_retries,
                time=now,
                claim_id=claim_id,
            )

        return await self._reader.run(read)

    async def outcome_unknown(self, channel: str | None, now: float) -> list[Row]:
        """Messages whose claim ran out without an outcome: [{id, timestamp, message, claimed_by, claimed_until}]."""
        return await self._rows(_OUTCOME_UNKNOWN, channel=channel, now=now)

    async def status(self, channel: str | None) -> Row | None:
        """The status row; ``None`` for an unknown channel."""
        rows = await self._rows(_STATUS, channel=channel)
        return rows[0] if rows else None

    async def tokens(self, include_revoked: bool) -> list[Row]:
        """[{token_preview, description, created_at, last_used, revoked, read_only}], oldest first."""
        rows = await self._rows(_TOKENS, include_revoked=include_revoked)
        return [{**row, "revoked": bool(row["revoked"]), "read_only": bool(row["read_only"])} for row in rows]

    async def token(self, token_hash: str) -> Token | None:
        """The token of which this is the hash; ``None`` where there is none, or it is revoked."""
        rows = await self._rows(_TOKEN, hash=token_hash)
        return Token(**{**rows[0], "read_only": bool(rows[0]["read_only"])}) if rows else None

    async def audit(
        self,
        channel: str | None,
        *,
        user: str | None,
        command: str | None,
        since: int,
        limit: int,
        until: int | None = None,
        result: str | None = None,
        offset: int = 0,
    ) -> list[Row]:
        """What users did, newest first: [{id, timestamp, username, action_type, details, result}].

        ``until`` is the first second that is too late; names of users and commands match in any case.
        """
        actions = user_actions.c
        query = (
            select(
                actions.id, actions.timestamp, actions.username, actions.action_type, actions.details, actions.result
            )
            .where(actions.channel_id == _CHANNEL_ID, actions.timestamp >= since)
            .order_by(actions.timestamp.desc(), actions.id.desc())
            .limit(limit)
            .offset(offset)
        )
        if until is not None:
            query = query.where(actions.timestamp < until)
        if result is not None:
            query = query.where(actions.result == result)
        if user is not None:
            query = query.where(actions.username.collate("NOCASE") == user)
        if command is not None:
            beginning = f"cmd={command}, "
            query = query.where(func.lower(func.substr(actions.details, 1, len(beginning))) == func.lower(beginning))
        return await self._rows(Statement(query), channel=channel)

    async def media_history(self, channel: str | None, *, since: int, limit: int) -> list[Row]:
        """Plays, newest first: [{title, type, id, duration, queued_by, started, ended, skipped}]."""
        rows = await self._rows(_MEDIA_HISTORY, channel=channel, since=since, limit=limit)
        return [{**row, "skipped": bool(row["skipped"])} for row in rows]

    async def _rows(self, statement: Statement, **parameters: object) -> list[Row]:
        return await self._reader.run(lambda connection: statement.rows(connection, **parameters))
