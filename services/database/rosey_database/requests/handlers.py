"""What each request is answered with: plain functions of the database and the request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from rosey_core import queries
from rosey_core.queries import Request
from rosey_database.database import BotDatabase
from rosey_database.statement import Row
from rosey_database.tables import actions

TOP_CHATTERS: Final = 10
_LATEST: Final = 2**53

Handler = Callable[[BotDatabase, Any, str | None], Awaitable[Any]]


async def enqueue(database: BotDatabase, request: queries.EnqueueMessage, channel: str | None) -> queries.Enqueued:
    message_id = await database.enqueue_outbound_message(request.message, channel=channel)
    return queries.Enqueued(message_id=message_id)


async def claim(
    database: BotDatabase, request: queries.ClaimMessages, channel: str | None
) -> list[queries.ClaimedMessage]:
    messages = await database.claim_outbound_messages(
        request.limit,
        request.max_retries,
        claimed_by=request.claimed_by,
        seconds=request.seconds,
        claim_id=request.claim_id,
        channel=channel,
    )
    return [queries.ClaimedMessage(**message) for message in messages]


async def get_messages(
    database: BotDatabase, request: queries.GetMessages, channel: str | None
) -> list[queries.OutboundMessage]:
    messages = await database.get_unsent_outbound_messages(
        request.limit, request.max_retries, request.bypass_backoff, channel=channel
    )
    return [queries.OutboundMessage(**message) for message in messages]


async def recent_chat(
    database: BotDatabase, request: queries.RecentChat, channel: str | None
) -> list[queries.ChatLine]:
    return [queries.ChatLine(**line) for line in await database.get_recent_chat(request.limit, channel=channel)]


async def channel_stats(
    database: BotDatabase, request: queries.ChannelStats, channel: str | None
) -> queries.ChannelStatistics:
    rows = await database.queries.statistics(channel, TOP_CHATTERS)
    if not rows:
        nothing = queries.HighWaterMark(users=0, timestamp=None)
        return queries.ChannelStatistics(
            high_water_mark=nothing, high_water_connected=nothing, top_chatters=[], total_users_seen=0
        )
    marks = rows[0]
    return queries.ChannelStatistics(
        high_water_mark=queries.HighWaterMark(users=marks["max_users"], timestamp=marks["max_users_timestamp"]),
        high_water_connected=queries.HighWaterMark(
            users=marks["max_connected"], timestamp=marks["max_connected_timestamp"]
        ),
        top_chatters=[
            queries.Chatter(username=row["username"], chat_lines=row["total_chat_lines"])
            for row in rows
            if row["username"] is not None
        ],
        total_users_seen=marks["users_seen"],
    )


async def user_stats(database: BotDatabase, request: queries.UserStats, channel: str | None) -> queries.UserStatistics:
    user = await database.get_user_stats(request.username, channel=channel)
    if user is None:
        return queries.UserStatistics(
            username=request.username, found=False, message=f"{request.username} was never seen here"
        )
    return queries.UserStatistics(found=True, **user)


async def count_history(database: BotDatabase, request: queries.CountHistory, channel: str | None) -> queries.CountRows:
    rows = await database.get_user_count_history(request.hours, limit=request.limit, channel=channel)
    return queries.CountRows(history=[queries.CountRow(**row) for row in rows])


async def recent_messages(
    database: BotDatabase, request: queries.RecentMessages, channel: str | None
) -> queries.StoredLines:
    lines = await database.get_recent_messages(request.limit, request.offset, channel=channel)
    return queries.StoredLines(messages=[queries.StoredLine(**line) for line in lines])


async def audit(database: BotDatabase, request: queries.Audit, channel: str | None) -> queries.Actions:
    rows = await database.queries.audit(
        channel,
        user=request.user,
        command=request.command,
        since=_whole_seconds(request.since),
        until=None if request.until is None else _whole_seconds(request.until),
        result=request.result,
        limit=request.limit,
        offset=request.offset,
    )
    return queries.Actions(actions=[_action(row) for row in rows])


def _action(row: Row) -> queries.Action:
    parts = None
    if row["action_type"] == actions.PM_COMMAND:
        parts = actions.read_command_details(row["details"] or "", row["result"])
    if parts is None:
        return queries.Action(**row)
    return queries.Action(**row, command=parts.command, args=parts.args, error=parts.error)


async def media_history(database: BotDatabase, request: queries.MediaHistory, channel: str | None) -> queries.Plays:
    rows = await database.queries.media_history(channel, since=_whole_seconds(request.since), limit=request.limit)
    return queries.Plays(media=[queries.Play(**row) for row in rows])


async def status(database: BotDatabase, request: queries.Status, channel: str | None) -> queries.StatusReply:
    row = await database.get_current_status(channel=channel)
    if row is None:
        return queries.StatusReply(found=False, status=None)
    # 0 and 1 in the database, true and false on the wire.
    return queries.StatusReply(found=True, status=msgspec.convert(row, queries.StoredStatus, strict=False))


def _whole_seconds(since: float) -> int:
    return int(min(since, _LATEST))


HANDLERS: Final[dict[type[Request], Handler]] = {
    queries.EnqueueMessage: enqueue,
    queries.ClaimMessages: claim,
    queries.GetMessages: get_messages,
    queries.RecentChat: recent_chat,
    queries.ChannelStats: channel_stats,
    queries.UserStats: user_stats,
    queries.CountHistory: count_history,
    queries.RecentMessages: recent_messages,
    queries.Audit: audit,
    queries.MediaHistory: media_history,
    queries.Status: status,
}
"""By the type of the request; what is asked of the server itself is not among them."""
