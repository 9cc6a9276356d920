"""Database files as the original left them: its two forms of schema, and made-up rows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

EARLY: Final[dict[str, list[str]]] = {
    "user_stats": [
        "username TEXT PRIMARY KEY",
        "first_seen INTEGER NOT NULL",
        "last_seen INTEGER NOT NULL",
        "total_chat_lines INTEGER DEFAULT 0",
        "total_time_connected INTEGER DEFAULT 0",
        "current_session_start INTEGER",
    ],
    "user_actions": [
        "id INTEGER PRIMARY KEY AUTOINCREMENT",
        "timestamp INTEGER NOT NULL",
        "username TEXT NOT NULL",
        "action_type TEXT NOT NULL",
        "details TEXT",
    ],
    "channel_stats": [
        "id INTEGER PRIMARY KEY CHECK (id = 1)",
        "max_users INTEGER DEFAULT 0",
        "max_users_timestamp INTEGER",
        "max_connected INTEGER DEFAULT 0",
        "max_connected_timestamp INTEGER",
        "last_updated INTEGER",
    ],
    "user_count_history": [
        "id INTEGER PRIMARY KEY AUTOINCREMENT",
        "timestamp INTEGER NOT NULL",
        "chat_users INTEGER NOT NULL",
        "connected_users INTEGER NOT NULL",
    ],
    "recent_chat": [
        "id INTEGER PRIMARY KEY AUTOINCREMENT",
        "timestamp INTEGER NOT NULL",
        "username TEXT NOT NULL",
        "message TEXT NOT NULL",
    ],
    "current_status": [
        "id INTEGER PRIMARY KEY CHECK (id = 1)",
        "bot_name TEXT",
        "bot_rank REAL",
        "bot_afk INTEGER DEFAULT 0",
        "channel_name TEXT",
        "current_chat_users INTEGER DEFAULT 0",
        "current_connected_users INTEGER DEFAULT 0",
        "playlist_items INTEGER DEFAULT 0",
        "current_media_title TEXT",
        "current_media_duration TEXT",
        "bot_start_time INTEGER",
        "bot_connected INTEGER DEFAULT 0",
        "last_updated INTEGER",
    ],
    "outbound_messages": [
        "id INTEGER PRIMARY KEY AUTOINCREMENT",
        "timestamp INTEGER NOT NULL",
        "message TEXT NOT NULL",
        "sent INTEGER DEFAULT 0",
        "sent_timestamp INTEGER",
        "retry_count INTEGER DEFAULT 0",
        "last_error TEXT",
    ],
    "api_tokens": [
        "token TEXT PRIMARY KEY",
        "description TEXT",
        "created_at INTEGER NOT NULL",
        "last_used INTEGER",
        "revoked INTEGER DEFAULT 0",
    ],
}
"""v0.2 to v0.5."""

FIRST: Final[dict[str, list[str]]] = {
    **{table: EARLY[table] for table in ("user_stats", "user_actions", "user_count_history", "recent_chat")},
    "channel_stats": [column for column in EARLY["channel_stats"] if not column.startswith("max_connected")],
    "outbound_messages": EARLY["outbound_messages"][:-2],
}
"""v0.1: without the columns and tables that came later."""

LATE: Final[dict[str, list[str]]] = {
    **EARLY,
    "current_status": [
        "id INTEGER PRIMARY KEY CHECK (id = 1)",
        "status TEXT NOT NULL",
        "bot_name TEXT",
        "bot_rank INTEGER",
        "channel_name TEXT",
        "current_users INTEGER DEFAULT 0",
        "connected_users INTEGER DEFAULT 0",
        "last_updated INTEGER",
    ],
    "outbound_messages": [
        *(column for column in EARLY["outbound_messages"][:-1] if not column.startswith("sent ")),
        "sent BOOLEAN DEFAULT 0",
        "error_message TEXT",
    ],
    "api_tokens": [
        "id INTEGER PRIMARY KEY AUTOINCREMENT",
        "token TEXT UNIQUE NOT NULL",
        "name TEXT",
        "description TEXT",
        "permissions TEXT",
        "created_at INTEGER",
        "last_used INTEGER",
        "is_active BOOLEAN DEFAULT 1",
    ],
    "plugin_kv_storage": [
        "plugin_name TEXT",
        "key TEXT",
        "value_json TEXT",
        "expires_at INTEGER",
        "created_at INTEGER",
        "updated_at INTEGER",
        "PRIMARY KEY (plugin_name, key)",
    ],
    "plugin_table_schemas": [
        "id INTEGER PRIMARY KEY AUTOINCREMENT",
        "plugin_name TEXT",
        "table_name TEXT",
        "schema_json TEXT",
        "version INTEGER",
        "created_at INTEGER",
        "updated_at INTEGER",
    ],
    "alembic_version": ["version_num VARCHAR(32) NOT NULL PRIMARY KEY"],
}
"""v0.6 to v0.9."""

GROWN: Final[dict[str, list[str]]] = {
    table: [
        *EARLY.get(table, columns),
        *(
            column.replace("NOT NULL", "").replace("AUTOINCREMENT", "")
            for column in columns
            if table in EARLY and column.split()[0] not in {known.split()[0] for known in [*EARLY[table], "id"]}
        ),
    ]
    for table, columns in LATE.items()
}
"""A file that was carried from generation to generation: the columns of all of them."""

INDEXES: Final = (
    ("user_stats", "idx_user_stats_last_seen", "last_seen"),
    ("user_count_history", "idx_user_count_timestamp", "timestamp"),
    ("recent_chat", "recent_chat_timestamp", "timestamp DESC"),
    ("outbound_messages", "idx_outbound_sent", "sent, timestamp"),
)
"""Some of its indexes; one has a name that we use, too."""

Rows = dict[str, list[dict[str, Any]]]

TOKEN = "aTokenOfTheOriginal-0123456789-abcdefghijkl"
REVOKED = "anotherTokenOfTheOriginal-0123456789-abcdef"

EARLY_ROWS: Rows = {
    "user_stats": [
        {
            "username": "Ann",
            "first_seen": 100,
            "last_seen": 900,
            "total_chat_lines": 7,
            "total_time_connected": 500,
            "current_session_start": 850,
        },
        {"username": "ANN", "first_seen": 50, "last_seen": 60, "total_chat_lines": 3, "total_time_connected": 10},
        {"username": "Bob", "first_seen": 200, "last_seen": 300},
    ],
    "user_actions": [{"id": 4, "timestamp": 500, "username": "Ann", "action_type": "pm_command", "details": "help"}],
    "channel_stats": [
        {
            "id": 1,
            "max_users": 12,
            "max_users_timestamp": 400,
            "max_connected": 30,
            "max_connected_timestamp": 410,
            "last_updated": 900,
        }
    ],
    "user_count_history": [{"id": 9, "timestamp": 600, "chat_users": 0, "connected_users": 5}],
    "recent_chat": [
        {"id": 2, "timestamp": 700, "username": "Ann", "message": "hi"},
        {"id": 3, "timestamp": 710, "username": "Bob", "message": "0"},
    ],
    "current_status": [
        {
            "id": 1,
            "bot_name": "Rosey",
            "bot_rank": 3.0,
            "bot_afk": 1,
            "channel_name": "Lobby",
            "current_chat_users": 4,
            "current_connected_users": 6,
            "playlist_items": 8,
            "current_media_title": "A film",
            "current_media_duration": "1:30:00",
            "bot_start_time": 90,
            "bot_connected": 1,
            "last_updated": 950,
        }
    ],
    "outbound_messages": [
        {"id": 5, "timestamp": 800, "message": "posted", "sent": 1, "sent_timestamp": 801},
        {"id": 6, "timestamp": 810, "message": "waiting", "retry_count": 2, "last_error": "muted"},
    ],
    "api_tokens": [
        {"token": TOKEN, "description": "web page", "created_at": 10, "last_used": 20},
        {"token": REVOKED, "description": None, "created_at": 11, "revoked": 1},
    ],
}

LATE_ROWS: Rows = {
    **EARLY_ROWS,
    "current_status": [
        {
            "id": 1,
            "status": "running",
            "bot_name": "Rosey",
            "bot_rank": 3,
            "channel_name": "Lobby",
            "current_users": 4,
            "connected_users": 6,
            "last_updated": 950,
        }
    ],
    "outbound_messages": [
        {"id": 5, "timestamp": 800, "message": "posted", "sent": 1, "sent_timestamp": 801},
        {"id": 6, "timestamp": 810, "message": "waiting", "retry_count": 2, "error_message": "muted"},
    ],
    "api_tokens": [
        {"id": 1, "token": TOKEN, "name": "web page", "permissions": '["read"]', "created_at": 10, "last_used": 20},
        {"id": 2, "token": REVOKED, "name": "old", "description": "gone", "created_at": 11, "is_active": 0},
    ],
    "plugin_kv_storage": [{"plugin_name": "quotes", "key": "a", "value_json": "{}"}],
    "plugin_table_schemas": [{"id": 1, "plugin_name": "quotes", "table_name": "q", "schema_json": "{}", "version": 1}],
    "alembic_version": [{"version_num": "abc123"}],
}


def make(file: Path, tables: dict[str, list[str]], rows: Rows) -> Path:
    """Write such a file."""
    with closing(sqlite3.connect(file)) as connection:
        for table, columns in tables.items():
            connection.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
        for table, name, on in INDEXES:
            there = {column.split()[0] for column in tables.get(table, [])}
            if {column.split()[0] for column in on.split(", ")} <= there:
                connection.execute(f"CREATE INDEX {name} ON {table} ({on})")
        for table, values in rows.items():
            for row in values:
                marks = ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))
        connection.commit()
    return file


def read(file: Path, table: str, columns: str = "*") -> list[dict[str, Any]]:
    """The rows of a table."""
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f"SELECT {columns} FROM {table} ORDER BY 1")]
