"""Bringing a database to this version's schema.

Alembic costs 11 MB and a good part of a second, and nearly always there is nothing to do: so the version is compared
first, on a connection that cannot write, and Alembic is imported only where something has to be made.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from rosey_database import sqlite
from rosey_database.sqlite import Location, UnusableDatabase
from rosey_database.tables import information

log = logging.getLogger(__name__)

VERSION_TABLE: Final = "rosey_schema_version"
"""Not Alembic's usual name: files of the original have an ``alembic_version`` of their own."""
REVISIONS: Final = ("0001", "0002", "0003")
"""Every revision, oldest first."""
OLDEST_AT_WORK: Final = "0001"
"""The oldest revision whose code still works on the newest schema, which only adds to that one's. A service that is
rolled back goes by what the migration has left of it in the database."""
ORIGINAL: Final = "original"
"""In place of a revision: a file of the original, v0.1 to v0.9."""

_ORIGINAL_TABLES: Final = {
    table: frozenset(columns.split())
    for table, columns in {
        "user_stats": "username first_seen last_seen total_chat_lines total_time_connected current_session_start",
        "user_actions": "id timestamp username action_type details",
        "channel_stats": "id max_users max_users_timestamp max_connected max_connected_timestamp last_updated",
        "user_count_history": "id timestamp chat_users connected_users",
        "recent_chat": "id timestamp username message",
        "current_status": "id bot_name bot_rank bot_afk channel_name current_chat_users current_connected_users "
        "playlist_items current_media_title current_media_duration bot_start_time bot_connected last_updated "
        "status current_users connected_users",
        "outbound_messages": "id timestamp message sent sent_timestamp retry_count last_error error_message",
        "api_tokens": "id token name description permissions created_at last_used revoked is_active",
        "plugin_kv_storage": "plugin_name key value_json expires_at created_at updated_at",
        "plugin_table_schemas": "id plugin_name table_name schema_json version created_at updated_at",
    }.items()
}
"""The tables of all its generations, and their columns; any may be missing."""
_KEYS: Final = {"user_stats": "username", "api_tokens": "token"}
"""Columns that such a table always has."""
_COMMON_TABLES: Final = frozenset({"api_tokens", "alembic_version", "sqlite_sequence"})
"""Of the original, too, and of many other programs."""


def upgrade(location: Location) -> None:
    """Bring the database to the newest schema; several processes may do so at once.

    A file of the original is upgraded in place; what it was before is kept beside it (``.original.bak``).

    Raises:
        UnusableDatabase: it belongs to a newer version, or to another program.
        sqlite3.Error: it cannot be opened or written.
    """
    revision = stored_revision(location)
    if not is_upgraded(revision):
        if revision != REVISIONS[-1]:
            log.warning("%s has schema %s of a newer Rosey, on which this one works, too", location.path, revision)
        return
    log.info("bringing %s to schema %s", location.path, REVISIONS[-1])
    # Already its import tells of a dozen plugins.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from rosey_database.migrations import migration

    if revision == ORIGINAL:
        migration.take_over(location)
    else:
        migration.run(location)


def is_upgraded(revision: str | None) -> bool:
    """Whether ``upgrade`` makes something else of a database of this revision: newer ones stay as they are."""
    return revision in (None, ORIGINAL, *REVISIONS[:-1])


def stored_revision(location: Location) -> str | None:
    """The revision of the database's schema, ``ORIGINAL``, or ``None`` where it is empty or not there yet.

    It is a newer one than this version's where this version can work on it.

    Raises:
        UnusableDatabase: it belongs to a newer version, or to another program.
        sqlite3.Error: it cannot be read.
    """
    if location.file is not None:
        if location.file.is_dir():
            raise UnusableDatabase(f"{location.path} is a folder, not a database")
        if not location.file.exists():
            return None
    tables, revision, oldest = _look(location)
    if revision is not None:
        if revision not in REVISIONS and oldest not in REVISIONS:
            raise UnusableDatabase(
                f"{location.path} has schema {revision}, and this version knows {REVISIONS[-1]} at most: "
                "it belongs to a newer Rosey; use that one, or a backup; it was not touched"
            )
        return revision
    known = tables.keys() & _ORIGINAL_TABLES.keys()
    is_original = bool(known - _COMMON_TABLES) or tables.keys() <= _COMMON_TABLES
    if tables and is_original and all(_is_of_the_original(table, tables[table]) for table in known):
        return ORIGINAL
    if tables:
        raise UnusableDatabase(f"{location.path} is the database of another program; it was not touched")
    return None


def _is_of_the_original(table: str, columns: set[str]) -> bool:
    """Whether a table of that name has more of the original's columns than of others: another program may have one."""
    known = columns & _ORIGINAL_TABLES[table]
    return len(known) > len(columns) / 2 and (table not in _KEYS or _KEYS[table] in columns)


def _look(location: Location) -> tuple[dict[str, set[str]], str | None, str | None]:
    """The tables with their columns, the revision where there is one, and the oldest that works on it if it is told."""
    if location.in_memory:
        return _read(location.uri)
    if not any(Path(f"{location.path}-{log}").exists() for log in ("wal", "journal")):
        try:
            # Leaves no trace beside the file, but must not be used where a log belongs to it.
            return _read(f"{location.uri}?immutable=1")
        except sqlite3.DatabaseError:
            pass
    # A journal was left by a crash; whoever opens the file next rolls it back.
    return _read(f"{location.uri}?mode={'rw' if Path(f'{location.path}-journal').exists() else 'ro'}")


def _read(uri: str) -> tuple[dict[str, set[str]], str | None, str | None]:
    with closing(sqlite3.connect(uri, uri=True, timeout=sqlite.BUSY_TIMEOUT_S)) as connection:
        tables: dict[str, set[str]] = {}
        for table, column in connection.execute(
            "SELECT t.name, c.name FROM sqlite_master t JOIN pragma_table_xinfo(t.name) c WHERE t.type = 'table'"
        ):
            tables.setdefault(table, set()).add(column)
        if VERSION_TABLE not in tables:
            return tables, None, None
        (revision,) = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()  # noqa: S608
        return tables, str(revision), information.get(connection, information.OLDEST_AT_WORK)
