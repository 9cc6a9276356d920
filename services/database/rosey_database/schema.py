"""The tables, as SQLAlchemy Core knows them; migrations make them, and a test compares the two.

The columns that the original had keep their names and meanings (INTEGER Unix seconds, text names); every column of
ours has a default, so that an INSERT which names only those works. A row without a channel belongs to the default
channel, whose id is 1.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

DEFAULT_CHANNEL_ID: Final = 1

metadata = MetaData()


def _channel_id() -> Column[int]:
    return Column("channel_id", Integer, ForeignKey("channels.id"), nullable=False, server_default="1")


def _event_id() -> Column[bytes]:
    return Column("event_id", LargeBinary)


channels = Table(
    "channels",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("users_seen", Integer, nullable=False, server_default="0"),
    # The last moment at which a bot is known to have seen the room.
    Column("last_event_time", Float, nullable=False, server_default="0"),
    # Whether anything but replayed chat has ever come from it.
    Column("live", Integer, nullable=False, server_default="0"),
    # The time of the newest list of everyone in the room, and of the newest word that nothing plays any more.
    Column("users_listed", Float, nullable=False, server_default="0"),
    Column("media_ended", Float, nullable=False, server_default="0"),
    # CyTube's time of the newest chat line stored: beyond retention, a replayed line that is not newer was counted.
    Column("chat_high_water", Float, nullable=False, server_default="0"),
)

user_stats = Table(
    "user_stats",
    metadata,
    Column("username", Text, nullable=False),
    Column("first_seen", Integer, nullable=False),
    Column("last_seen", Integer, nullable=False),
    Column("total_chat_lines", Integer, nullable=False, server_default="0"),
    Column("total_time_connected", Integer, nullable=False, server_default="0"),
    Column("current_session_start", Integer),
    _channel_id(),
    # The name without case; a trigger fills it where an INSERT does not name it.
    Column("user_key", Text),
    # When the user last came or went: older news of that is stale.
    Column("presence_time", Float, nullable=False, server_default="0"),
    CheckConstraint("total_chat_lines >= 0", name="user_stats_lines"),
    CheckConstraint("total_time_connected >= 0", name="user_stats_time"),
    Index("user_stats_user", "channel_id", "user_key", unique=True),
    # In the order in which top chatters are told, so that those with equal counts need no sorting.
    Index("user_stats_chatters", "channel_id", text("total_chat_lines DESC"), "user_key"),
    Index("user_stats_present", "channel_id", sqlite_where=text("current_session_start IS NOT NULL")),
)

user_actions = Table(
    "user_actions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("timestamp", Integer, nullable=False),
    Column("username", Text, nullable=False),
    Column("action_type", Text, nullable=False),
    Column("details", Text),
    _channel_id(),
    _event_id(),
    # What a command came to; ``pending`` gives way to an outcome, never the other way round.
    Column("result", Text),
    Index("user_actions_timestamp", "timestamp"),
    Index("user_actions_channel", "channel_id", "timestamp"),
    Index("user_actions_user", "channel_id", text("username COLLATE NOCASE"), "timestamp"),
    Index("user_actions_event", "event_id", "channel_id", unique=True, sqlite_where=text("event_id IS NOT NULL")),
    sqlite_autoincrement=True,
)

# The id of a row of channel_stats and current_status is the id of its channel.
channel_stats = Table(
    "channel_stats",
    metadata,
    Column("id", Integer, ForeignKey("channels.id"), primary_key=True, autoincrement=False),
    Column("max_users", Integer, nullable=False, server_default="0"),
    Column("max_users_timestamp", Integer),
    Column("max_connected", Integer, nullable=False, server_default="0"),
    Column("max_connected_timestamp", Integer),
    Column("last_updated", Integer),
)

user_count_history = Table(
    "user_count_history",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("timestamp", Integer, nullable=False),
    Column("chat_users", Integer, nullable=False),
    Column("connected_users", Integer, nullable=False),
    _channel_id(),
    _event_id(),
    Index("user_count_history_timestamp", "timestamp"),
    Index("user_count_history_channel", "channel_id", "timestamp"),
    Index("user_count_history_event", "event_id", "channel_id", unique=True, sqlite_where=text("event_id IS NOT NULL")),
    sqlite_autoincrement=True,
)

recent_chat = Table(
    "recent_chat",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("timestamp", Integer, nullable=False),
    Column("username", Text, nullable=False),
    Column("message", Text, nullable=False),
    _channel_id(),
    _event_id(),
    # Unix seconds of its arrival in the stream: an id is kept for the retention's time from then on, too.
    Column("received", Integer, nullable=False, server_default="0"),
    Index("recent_chat_timestamp", "timestamp"),
    Index("recent_chat_channel", "channel_id", "timestamp"),
    Index("recent_chat_event", "event_id", "channel_id", unique=True, sqlite_where=text("event_id IS NOT NULL")),
    sqlite_autoincrement=True,
)

current_status = Table(
    "current_status",
    metadata,
    Column("id", Integer, ForeignKey("channels.id"), primary_key=True, autoincrement=False),
    Column("bot_name", Text),
    Column("bot_rank", Float),
    Column("bot_afk", Integer, server_default="0"),
    Column("channel_name", Text),
    Column("current_chat_users", Integer, server_default="0"),
    Column("current_connected_users", Integer, server_default="0"),
    Column("playlist_items", Integer, server_default="0"),
    Column("current_media_title", Text),
    Column("current_media_duration", Integer),
    Column("bot_start_time", Integer),
    Column("bot_connected", Integer, server_default="0"),
    Column("last_updated", Integer),
    Column("status_time", Float, nullable=False, server_default="0"),
)

outbound_messages = Table(
    "outbound_messages",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("timestamp", Integer, nullable=False),
    Column("message", Text, nullable=False),
    Column("sent", Integer, nullable=False, server_default="0"),
    Column("sent_timestamp", Integer),
    Column("retry_count", Integer, nullable=False, server_default="0"),
    Column("last_error", Text),
    _channel_id(),
    # The bot that may post it, and until when; a claim that ran out without an outcome is never given again.
    Column("claimed_by", Text),
    Column("claimed_until", Float),
    # When it last failed: the same failure reported twice counts once.
    Column("failed_at", Float, nullable=False, server_default="0"),
    # The claim's name, by which it can be repeated.
    Column("claim", Text),
    Index("outbound_messages_due", "sent", "timestamp"),
    sqlite_autoincrement=True,
)

api_tokens = Table(
    "api_tokens",
    metadata,
    # SHA-256 of the token; the token itself is shown once and kept nowhere.
    Column("token", Text, primary_key=True),
    Column("description", Text),
    Column("created_at", Integer, nullable=False),
    Column("last_used", Integer),
    Column("revoked", Integer, nullable=False, server_default="0"),
    # Its beginning, by which people know it.
    Column("preview", Text, nullable=False, server_default=""),
    Column("revoked_at", Integer),
    Column("read_only", Integer, nullable=False, server_default="0"),
    Index("api_tokens_revoked", "revoked", "token"),
)

media_played = Table(
    "media_played",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("started", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("media_id", Text, nullable=False),
    Column("duration", Integer, nullable=False, server_default="0"),
    Column("queued_by", Text),
    Column("ended", Integer),
    Column("skipped", Integer, nullable=False, server_default="0"),
    _channel_id(),
    # The start to the millisecond: two sights of one play agree in it.
    Column("started_at", Float, nullable=False, server_default="0"),
    # When it was announced, which may be before its start.
    Column("seen_at", Float, nullable=False, server_default="0"),
    Index("media_played_started", "channel_id", "started_at"),
    Index("media_played_open", "channel_id", sqlite_where=text("ended IS NULL")),
    sqlite_autoincrement=True,
)

playlist_changes = Table(
    "playlist_changes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("timestamp", Integer, nullable=False),
    Column("action", Text, nullable=False),
    # JSON, as it came.
    Column("item", Text),
    Column("changed_by", Text),
    _channel_id(),
    _event_id(),
    Index("playlist_changes_channel", "channel_id", "timestamp"),
    Index("playlist_changes_event", "event_id", "channel_id", unique=True, sqlite_where=text("event_id IS NOT NULL")),
    sqlite_autoincrement=True,
)

ingest_position = Table(
    "ingest_position",
    metadata,
    Column("stream", Text, primary_key=True),
    # The stream's creation time in microseconds: a stream made anew counts from 1 again.
    Column("created", Integer, nullable=False),
    # The last message whose effects are in this database, its time (nanoseconds) and its id where it brought one.
    Column("sequence", Integer, nullable=False),
    Column("message_time", Integer, nullable=False, server_default="0"),
    Column("message_id", LargeBinary),
    # Raised whenever reading starts anew elsewhere, so that a batch built before cannot be committed after.
    Column("generation", Integer, nullable=False, server_default="0"),
)

info = Table(
    "rosey_info",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

TRIGGERS: Final = (
    """
    CREATE TRIGGER user_stats_key AFTER INSERT ON user_stats WHEN NEW.user_key IS NULL
    BEGIN UPDATE user_stats SET user_key = lower(NEW.username) WHERE rowid = NEW.rowid; END
    """,
    """
    CREATE TRIGGER user_stats_seen AFTER INSERT ON user_stats
    BEGIN UPDATE channels SET users_seen = users_seen + 1 WHERE id = NEW.channel_id; END
    """,
    """
    CREATE TRIGGER user_stats_gone AFTER DELETE ON user_stats
    BEGIN UPDATE channels SET users_seen = users_seen - 1 WHERE id = OLD.channel_id; END
    """,
)
"""SQLite's triggers: names without case for hand-made INSERTs, and a count of users that no query has to scan for."""
