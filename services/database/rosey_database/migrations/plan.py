"""What the upgrade of a database would do, found out without touching it.

What it counts is what ``rosey_database.migrations.original`` does; a test upgrades files of each generation and holds
the one to the other.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rosey_core.channels import InvalidChannelKey, channel_key
from rosey_core.identity import user_key
from rosey_database import migrations
from rosey_database.migrations import ORIGINAL
from rosey_database.migrations.original import NEEDED, PREFIX, TAKEN_OVER
from rosey_database.sqlite import Location

_SIDE_FILES: Final = ("-wal", "-journal")
_LATE_COLUMNS: Final = {
    ("current_status", "status"),
    ("outbound_messages", "error_message"),
    ("api_tokens", "is_active"),
    ("plugin_kv_storage", "plugin_name"),
}
"""What shows a file of v0.6 to v0.9."""


@dataclass(frozen=True, kw_only=True)
class TablePlan:
    """What becomes of a table.

    Attributes:
        name: of the table.
        rows: in it now.
        becomes: rows that will be in it.
        merged: groups of names that differ only in case, each of which becomes one user.
        hashed: tokens of which only the hash stays.
        is_taken_over: whether it becomes one of ours; others keep their rows as they are.
        new_name: of a stranger's table that stands where one of ours must.
    """

    name: str
    rows: int
    becomes: int
    merged: tuple[tuple[str, ...], ...] = ()
    hashed: int = 0
    is_taken_over: bool = True
    new_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the upgrade of a file would do.

    Attributes:
        file: the database.
        revision: of its schema; ``ORIGINAL`` for a file of the original, ``None`` for an empty one.
        is_late: of the original's, whether it is of v0.6 to v0.9.
        channel: of the original's, the key of the channel that its rows will belong to; empty where it names none.
        tables: of the original's, what becomes of them.
        backup: of the original's, where what it is now will be kept.
    """

    file: Path
    revision: str | None
    is_late: bool = False
    channel: str = ""
    tables: tuple[TablePlan, ...] = ()
    backup: Path | None = None

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to do."""
        return migrations.is_upgraded(self.revision)


def plan(file: Path) -> Plan:
    """Look at a database file; neither it nor anything beside it is changed.

    Raises:
        UnusableDatabase: it belongs to a newer version, or to another program.
        sqlite3.Error: it cannot be read.
        OSError: it cannot be read.
    """
    with untouched(file) as location:
        revision = migrations.stored_revision(location)
        if revision != ORIGINAL:
            return Plan(file=file, revision=revision)
        with closing(open_untouched(location)) as connection:
            tables = _tables(connection)
            return Plan(
                file=file,
                revision=revision,
                is_late=any(column in _columns(connection, table) for table, column in _LATE_COLUMNS),
                channel=_channel(connection),
                tables=tuple(_plan_table(connection, table) for table in tables),
                backup=backup_path(file),
            )


def backup_path(file: Path) -> Path:
    """Where a file of the original is kept when it is upgraded: a name beside it that is free."""
    target = file.with_name(f"{file.name}.original.bak")
    number = 1
    while target.exists():
        number += 1
        target = file.with_name(f"{file.name}.original.{number}.bak")
    return target


@contextmanager
def untouched(file: Path) -> Iterator[Location]:
    """The file, or, where a log lies beside it that whoever opens it first would work off, a copy of both.

    Raises:
        OSError: it cannot be copied.
    """
    # Where the shared memory is there, too, somebody has it open, and a reader has nothing to work off.
    if not _has_log(file) or _beside(file, "-shm").exists():
        yield Location.of(file)
        return
    with tempfile.TemporaryDirectory(prefix="rosey-") as folder:
        copy = Path(folder) / file.name
        for ending in ("", *_SIDE_FILES):
            source = _beside(file, ending)
            if source.exists():
                shutil.copyfile(source, _beside(copy, ending))
        yield Location.of(copy)


def open_untouched(location: Location) -> sqlite3.Connection:
    """A connection to what ``untouched`` gives.

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    file = Path(location.path)
    mode = "mode=ro" if _beside(file, "-shm").exists() else "mode=rw"
    if not _has_log(file):
        # Else SQLite makes files beside a database of which it was told to write nothing.
        mode = "mode=ro&immutable=1"
    return sqlite3.connect(f"{location.uri}?{mode}", uri=True)


def _has_log(file: Path) -> bool:
    return any(_beside(file, ending).exists() for ending in _SIDE_FILES)


def _beside(file: Path, ending: str) -> Path:
    return file.with_name(f"{file.name}{ending}")


def _plan_table(connection: sqlite3.Connection, table: str) -> TablePlan:
    (rows,) = connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()  # noqa: S608
    if table not in TAKEN_OVER:
        new_name = f"{PREFIX}{table}" if table in NEEDED else None
        return TablePlan(name=table, rows=rows, becomes=rows, is_taken_over=False, new_name=new_name)
    if table == "user_stats":
        groups: dict[str, list[str]] = {}
        for (name,) in connection.execute("SELECT username FROM user_stats ORDER BY rowid"):
            groups.setdefault(user_key(name or ""), []).append(name or "")
        merged = tuple(tuple(names) for names in groups.values() if len(names) > 1)
        return TablePlan(name=table, rows=rows, becomes=len(groups), merged=merged)
    if table == "api_tokens":
        (tokens,) = connection.execute("SELECT count(token) FROM api_tokens").fetchone()
        return TablePlan(name=table, rows=rows, becomes=tokens, hashed=tokens)
    single = table in ("channel_stats", "current_status")
    return TablePlan(name=table, rows=rows, becomes=max(rows, 1) if single else rows)


def _channel(connection: sqlite3.Connection) -> str:
    if "channel_name" not in _columns(connection, "current_status"):
        return ""
    found = connection.execute("SELECT channel_name FROM current_status WHERE id = 1").fetchone()
    try:
        return channel_key(str(found[0])) if found and found[0] else ""
    except InvalidChannelKey:
        return ""


def _tables(connection: sqlite3.Connection) -> list[str]:
    """The tables, ours first, without SQLite's own."""
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name"
    there = [name for (name,) in connection.execute(query)]
    return [table for table in TAKEN_OVER if table in there] + [table for table in there if table not in TAKEN_OVER]


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
