"""The first schema, and the rows that are always there.

Revision 0001. What a migration makes never changes after its release: this repeats the schema of its day instead of
importing today's.
"""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op

from rosey_database.migrations import original

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TRIGGERS = (
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


def _channel_id() -> sa.Column[int]:
    return sa.Column("channel_id", sa.Integer, sa.ForeignKey("channels.id"), nullable=False, server_default="1")


def _event_id() -> sa.Column[bytes]:
    return sa.Column("event_id", sa.LargeBinary)


def upgrade() -> None:
    """Make the tables, indexes, triggers and first rows; take over what a file of the original has."""
    originals = original.set_aside(op.get_bind())
    _create_channel_tables()
    _create_user_tables()
    _create_history_tables()
    _create_outside_tables()
    _create_internal_tables()
    for trigger in _TRIGGERS:
        op.execute(trigger)
    op.execute("INSERT INTO channels (id, key) VALUES (1, '')")
    op.execute("INSERT INTO channel_stats (id) VALUES (1)")
    op.execute("INSERT INTO current_status (id) VALUES (1)")
    op.get_bind().execute(
        sa.text("INSERT INTO rosey_info (key, value) VALUES ('database_id', :id)"), {"id": uuid.uuid4().hex}
    )
    if originals:
        original.bring_over(op.get_bind(), originals)


def _create_channel_tables() -> None:
    op.create_table(
        "channels",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.Text, nullable=False, unique=True),
        sa.Column("users_seen", sa.Integer, nullable=False, server_default="0"),
        sa.Column("last_event_time", sa.Float, nullable=False, server_default="0"),
        sa.Column("live", sa.Integer, nullable=False, server_default="0"),
        sa.Column("users_listed", sa.Float, nullable=False, server_default="0"),
        sa.Column("media_ended", sa.Float, nullable=False, server_default="0"),
        sa.Column("chat_high_water", sa.Float, nullable=False, server_default="0"),
    )
    op.create_table(
        "channel_stats",
        sa.Column("id", sa.Integer, sa.ForeignKey("channels.id"), primary_key=True, autoincrement=False),
        sa.Column("max_users", sa.Integer, nullable=False, server_default="0"),
        sa.Column("max_users_timestamp", sa.Integer),
        sa.Column("max_connected", sa.Integer, nullable=False, server_default="0"),
        sa.Column("max_connected_timestamp", sa.Integer),
        sa.Column("last_updated", sa.Integer),
    )
    op.create_table(
        "current_status",
        sa.Column("id", sa.Integer, sa.ForeignKey("channels.id"), primary_key=True, autoincrement=False),
        sa.Column("bot_name", sa.Text),
        sa.Column("bot_rank", sa.Float),
        sa.Column("bot_afk", sa.Integer, server_default="0"),
        sa.Column("channel_name", sa.Text),
        sa.Column("current_chat_users", sa.Integer, server_default="0"),
        sa.Column("current_connected_users", sa.Integer, server_default="0"),
        sa.Column("playlist_items", sa.Integer, server_default="0"),
        sa.Column("current_media_title", sa.Text),
        sa.Column("current_media_duration", sa.Integer),
        sa.Column("bot_start_time", sa.Integer),
        sa.Column("bot_connected", sa.Integer, server_default="0"),
        sa.Column("last_updated", sa.Integer),
        sa.Column("status_time", sa.Float, nullable=False, server_default="0"),
    )


def _create_user_tables() -> None:
    op.create_table(
        "user_stats",
        sa.Column("username", sa.Text, nullable=False),
        sa.Column("first_seen", sa.Integer, nullable=False),
        sa.Column("last_seen", sa.Integer, nullable=False),
        sa.Column("total_chat_lines", sa.Integer, nullable=False, server_default="0"),
        sa.Column("total_time_connected", sa.Integer, nullable=False, server_default="0"),
        sa.Column("current_session_start", sa.Integer),
        _channel_id(),
        sa.Column("user_key", sa.Text),
        sa.Column("presence_time", sa.Float, nullable=False, server_default="0"),
        sa.CheckConstraint("total_chat_lines >= 0", name="user_stats_lines"),
        sa.CheckConstraint("total_time_connected >= 0", name="user_stats_time"),
    )
    op.create_index("user_stats_user", "user_stats", ["channel_id", "user_key"], unique=True)
    op.create_index("user_stats_chatters", "user_stats", ["channel_id", "total_chat_lines"])
    op.create_index(
        "user_stats_present", "user_stats", ["channel_id"], sqlite_where=sa.text("current_session_start IS NOT NULL")
    )
    op.create_table(
        "user_actions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("timestamp", sa.Integer, nullable=False),
        sa.Column("username", sa.Text, nullable=False),
        sa.Column("action_type", sa.Text, nullable=False),
        sa.Column("details", sa.Text),
        _channel_id(),
        _event_id(),
        sa.Column("result", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("user_actions_timestamp", "user_actions", ["timestamp"])
    op.create_index("user_actions_channel", "user_actions", ["channel_id", "timestamp"])
    op.create_index(
        "user_actions_user", "user_actions", ["channel_id", sa.text("username COLLATE NOCASE"), "timestamp"]
    )
    _create_event_index("user_actions")


def _create_history_tables() -> None:
    op.create_table(
        "user_count_history",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("timestamp", sa.Integer, nullable=False),
        sa.Column("chat_users", sa.Integer, nullable=False),
        sa.Column("connected_users", sa.Integer, nullable=False),
        _channel_id(),
        _event_id(),
        sqlite_autoincrement=True,
    )
    op.create_index("user_count_history_timestamp", "user_count_history", ["timestamp"])
    op.create_index("user_count_history_channel", "user_count_history", ["channel_id", "timestamp"])
    _create_event_index("user_count_history")
    op.create_table(
        "recent_chat",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("timestamp", sa.Integer, nullable=False),
        sa.Column("username", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        _channel_id(),
        _event_id(),
        sa.Column("received", sa.Integer, nullable=False, server_default="0"),
        sqlite_autoincrement=True,
    )
    op.create_index("recent_chat_timestamp", "recent_chat", ["timestamp"])
    op.create_index("recent_chat_channel", "recent_chat", ["channel_id", "timestamp"])
    _create_event_index("recent_chat")
    op.create_table(
        "media_played",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("started", sa.Integer, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("media_id", sa.Text, nullable=False),
        sa.Column("duration", sa.Integer, nullable=False, server_default="0"),
        sa.Column("queued_by", sa.Text),
        sa.Column("ended", sa.Integer),
        sa.Column("skipped", sa.Integer, nullable=False, server_default="0"),
        _channel_id(),
        sa.Column("started_at", sa.Float, nullable=False, server_default="0"),
        sa.Column("seen_at", sa.Float, nullable=False, server_default="0"),
        sqlite_autoincrement=True,
    )
    op.create_index("media_played_started", "media_played", ["channel_id", "started_at"])
    op.create_index("media_played_open", "media_played", ["channel_id"], sqlite_where=sa.text("ended IS NULL"))
    op.create_table(
        "playlist_changes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("timestamp", sa.Integer, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("item", sa.Text),
        sa.Column("changed_by", sa.Text),
        _channel_id(),
        _event_id(),
        sqlite_autoincrement=True,
    )
    op.create_index("playlist_changes_channel", "playlist_changes", ["channel_id", "timestamp"])
    _create_event_index("playlist_changes")


def _create_outside_tables() -> None:
    op.create_table(
        "outbound_messages",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("timestamp", sa.Integer, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("sent", sa.Integer, nullable=False, server_default="0"),
        sa.Column("sent_timestamp", sa.Integer),
        sa.Column("retry_count", sa.Integer, nullable=False, server_default="0"),
        sa.Column("last_error", sa.Text),
        _channel_id(),
        sa.Column("claimed_by", sa.Text),
        sa.Column("claimed_until", sa.Float),
        sa.Column("failed_at", sa.Float, nullable=False, server_default="0"),
        sqlite_autoincrement=True,
    )
    op.create_index("outbound_messages_due", "outbound_messages", ["sent", "timestamp"])
    op.create_table(
        "api_tokens",
        sa.Column("token", sa.Text, primary_key=True),
        sa.Column("description", sa.Text),
        sa.Column("created_at", sa.Integer, nullable=False),
        sa.Column("last_used", sa.Integer),
        sa.Column("revoked", sa.Integer, nullable=False, server_default="0"),
        sa.Column("preview", sa.Text, nullable=False, server_default=""),
        sa.Column("revoked_at", sa.Integer),
    )
    op.create_index("api_tokens_revoked", "api_tokens", ["revoked", "token"])


def _create_internal_tables() -> None:
    op.create_table(
        "ingest_position",
        sa.Column("stream", sa.Text, primary_key=True),
        sa.Column("created", sa.Integer, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("message_time", sa.Integer, nullable=False, server_default="0"),
        sa.Column("message_id", sa.LargeBinary),
        sa.Column("generation", sa.Integer, nullable=False, server_default="0"),
    )
    op.create_table(
        "rosey_info",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )


def _create_event_index(table: str) -> None:
    op.create_index(
        f"{table}_event",
        table,
        ["event_id", "channel_id"],
        unique=True,
        sqlite_where=sa.text("event_id IS NOT NULL"),
    )
