"""Channels: their ids, and what is known of each as a whole."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from rosey_database.schema import DEFAULT_CHANNEL_ID
from rosey_database.tables.rows import execute

CHANNEL_TABLES: Final = (
    "user_actions",
    "user_count_history",
    "recent_chat",
    "outbound_messages",
    "media_played",
    "playlist_changes",
)
"""Tables whose rows simply belong to a channel; those with a row a user or a row a channel are merged by themselves."""


class ChannelIds:
    """Channel keys to ids, remembered; an unknown key gets the next id and its rows in the one-row tables."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._default_is_chosen = False

    def renew(self, connection: sqlite3.Connection) -> None:
        """Forget all if the default channel was chosen since; to be called at the begin of each transaction.

        Whichever process chose it, the id that this channel had may be another channel's now.
        """
        if not self._default_is_chosen and default_channel(connection):
            self._ids.clear()
            self._default_is_chosen = True

    def clear(self) -> None:
        """Forget all: a transaction that made some was rolled back."""
        self._ids.clear()

    def resolve(self, connection: sqlite3.Connection, key: str | None) -> int:
        """The id of the channel with this key, made where it is new; ``None`` and ``''`` mean the default channel."""
        if not key:
            return DEFAULT_CHANNEL_ID
        known = self._ids.get(key)
        if known is not None:
            return known
        row = connection.execute("SELECT id FROM channels WHERE key = ?", (key,)).fetchone()
        channel_id: int = row[0] if row is not None else _insert(connection, key)
        self._ids[key] = channel_id
        return channel_id


def _insert(connection: sqlite3.Connection, key: str) -> int:
    channel_id = connection.execute("INSERT INTO channels (key) VALUES (?)", (key,)).lastrowid
    if channel_id is None:
        raise sqlite3.IntegrityError("no id for a new channel")
    connection.execute("INSERT OR IGNORE INTO channel_stats (id) VALUES (?)", (channel_id,))
    connection.execute("INSERT OR IGNORE INTO current_status (id) VALUES (?)", (channel_id,))
    return channel_id


class ChannelState:
    """What a batch knows and changes of one channel; see the columns of the same names."""

    __slots__ = ("changed", "chat_high_water", "last_event_time", "live", "media_ended", "users_listed")

    def __init__(
        self, live: int, last_event_time: float, chat_high_water: float, users_listed: float, media_ended: float
    ) -> None:
        self.live = bool(live)
        self.last_event_time = last_event_time
        self.chat_high_water = chat_high_water
        self.users_listed = users_listed
        self.media_ended = media_ended
        self.changed = False

    def seen(self, time: float) -> None:
        """Something happened in the room at ``time``, and a bot saw it."""
        if not self.live or time > self.last_event_time:
            self.live = True
            self.last_event_time = max(time, self.last_event_time)
            self.changed = True

    def chatted(self, time: float) -> None:
        """A line that CyTube dates ``time`` is stored."""
        if time > self.chat_high_water:
            self.chat_high_water = time
            self.changed = True

    def listed(self, time: float) -> bool:
        """There is a list of everyone in the room at ``time``; returns whether it is the newest so far."""
        if time <= self.users_listed:
            return False
        self.users_listed = time
        self.changed = True
        return True

    def fell_silent(self, time: float) -> None:
        """Nothing plays any more at ``time``."""
        if time > self.media_ended:
            self.media_ended = time
            self.changed = True


class Channels(dict[int, ChannelState]):
    """The states of the channels that a batch touches, by id: read once, written once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__()
        self._connection = connection

    def __missing__(self, channel_id: int) -> ChannelState:
        self.load([channel_id])
        if channel_id not in self:
            raise KeyError(channel_id)
        return self[channel_id]

    def load(self, channel_ids: Sequence[int]) -> None:
        """Read the states of these channels, once and together."""
        found = self._connection.execute(
            """
            SELECT id, live, last_event_time, chat_high_water, users_listed, media_ended FROM channels
            WHERE id IN (SELECT value FROM json_each(?))
            """,
            (str(channel_ids),),
        )
        for channel_id, *state in found:
            self[channel_id] = ChannelState(*state)

    def flush(self) -> None:
        """Write what changed."""
        execute(
            self._connection,
            """
            WITH states (id, live, last_event_time, chat_high_water, users_listed, media_ended) AS (VALUES {rows})
            UPDATE channels SET live = s.live, last_event_time = s.last_event_time,
                chat_high_water = s.chat_high_water, users_listed = s.users_listed, media_ended = s.media_ended
            FROM states AS s WHERE channels.id = s.id
            """,
            [
                (
                    channel_id,
                    int(state.live),
                    state.last_event_time,
                    state.chat_high_water,
                    state.users_listed,
                    state.media_ended,
                )
                for channel_id, state in self.items()
                if state.changed
            ],
        )


def default_channel(connection: sqlite3.Connection) -> str:
    """The key of the default channel, ``''`` until it is chosen."""
    row = connection.execute("SELECT key FROM channels WHERE id = ?", (DEFAULT_CHANNEL_ID,)).fetchone()
    return str(row[0])


def choose_default(connection: sqlite3.Connection, key: str) -> bool:
    """Make the channel with this key the default one, unless one is chosen already; returns whether it was.

    What is stored of that channel so far moves to the default channel's rows, so that both are one from now on.
    """
    if default_channel(connection):
        return False
    row = connection.execute("SELECT id FROM channels WHERE key = ?", (key,)).fetchone()
    if row is not None:
        _merge(connection, source=row[0], target=DEFAULT_CHANNEL_ID)
    connection.execute("UPDATE channels SET key = ? WHERE id = ?", (key, DEFAULT_CHANNEL_ID))
    return True


def _merge(connection: sqlite3.Connection, *, source: int, target: int) -> None:
    for table in CHANNEL_TABLES:
        connection.execute(f"UPDATE OR IGNORE {table} SET channel_id = ? WHERE channel_id = ?", (target, source))  # noqa: S608
        connection.execute(f"DELETE FROM {table} WHERE channel_id = ?", (source,))  # noqa: S608
    connection.execute(
        """
        INSERT INTO user_stats (channel_id, user_key, username, first_seen, last_seen, total_chat_lines,
                                total_time_connected, current_session_start, presence_time)
        SELECT ?, user_key, username, first_seen, last_seen, total_chat_lines, total_time_connected,
               current_session_start, presence_time
        FROM user_stats WHERE channel_id = ?
        ON CONFLICT (channel_id, user_key) DO UPDATE SET
            username = excluded.username,
            first_seen = min(first_seen, excluded.first_seen),
            last_seen = max(last_seen, excluded.last_seen),
            total_chat_lines = total_chat_lines + excluded.total_chat_lines,
            total_time_connected = total_time_connected + excluded.total_time_connected,
            current_session_start = CASE WHEN excluded.presence_time >= presence_time
                                    THEN excluded.current_session_start ELSE current_session_start END,
            presence_time = max(presence_time, excluded.presence_time)
        """,
        (target, source),
    )
    connection.execute("DELETE FROM user_stats WHERE channel_id = ?", (source,))
    connection.execute(
        """
        UPDATE channel_stats SET
            max_users_timestamp = CASE WHEN s.max_users > channel_stats.max_users
                                  THEN s.max_users_timestamp ELSE channel_stats.max_users_timestamp END,
            max_users = max(channel_stats.max_users, s.max_users),
            max_connected_timestamp = CASE WHEN s.max_connected > channel_stats.max_connected
                                      THEN s.max_connected_timestamp ELSE channel_stats.max_connected_timestamp END,
            max_connected = max(channel_stats.max_connected, s.max_connected),
            last_updated = max(coalesce(channel_stats.last_updated, 0), coalesce(s.last_updated, 0))
        FROM channel_stats AS s WHERE channel_stats.id = ? AND s.id = ?
        """,
        (target, source),
    )
    connection.execute("DELETE FROM channel_stats WHERE id = ?", (source,))
    newer = connection.execute(
        "SELECT s.status_time > t.status_time FROM current_status s, current_status t WHERE s.id = ? AND t.id = ?",
        (source, target),
    ).fetchone()
    if newer is not None and newer[0]:
        connection.execute("DELETE FROM current_status WHERE id = ?", (target,))
        connection.execute("UPDATE current_status SET id = ? WHERE id = ?", (target, source))
    else:
        connection.execute("DELETE FROM current_status WHERE id = ?", (source,))
    connection.execute(
        """
        UPDATE channels SET live = max(channels.live, s.live),
            last_event_time = max(channels.last_event_time, s.last_event_time),
            chat_high_water = max(channels.chat_high_water, s.chat_high_water),
            users_listed = max(channels.users_listed, s.users_listed),
            media_ended = max(channels.media_ended, s.media_ended)
        FROM channels AS s WHERE channels.id = ? AND s.id = ?
        """,
        (target, source),
    )
    connection.execute("DELETE FROM channels WHERE id = ?", (source,))
