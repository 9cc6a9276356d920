"""SQLite's particulars, in one place: locations, pragmas, and which of its errors are the storage's fault."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
import uuid
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

import aiosqlite

PAGE_CACHE_KIB: Final = 1000
"""For each connection; what it does not hold the system has."""
BUSY_TIMEOUT_S: Final = 5.0
WAL_RETRY_S: Final = 0.01
MEMORY: Final = ":memory:"
_FETCH_ROWS: Final = 64

_DATA_ERRORS: Final = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    sqlite3.NotSupportedError,
)


@dataclass(frozen=True)
class Location:
    """Where a database lives: a file, or the memory of this process.

    Attributes:
        path: as the caller gave it.
        uri: what sqlite3 opens; for ``:memory:`` one shared database under a name of its own, which lives as long
            as a connection to it is open (https://www.sqlite.org/src/file/src/memdb.c).
    """

    path: str
    uri: str

    @classmethod
    def of(cls, path: str | Path) -> Location:
        """The location that ``path`` names; each ``:memory:`` is another database."""
        text = str(path)
        if text == MEMORY:
            return cls(text, f"file:/rosey-{uuid.uuid4().hex}?vfs=memdb")
        return cls(text, f"file:{quote(str(Path(text).absolute()))}")

    @property
    def in_memory(self) -> bool:
        """Whether nothing of it outlives the process."""
        return self.path == MEMORY

    @property
    def file(self) -> Path | None:
        """The database's file; ``None`` in memory."""
        return None if self.in_memory else Path(self.path)

    def identity(self) -> tuple[int, int] | None:
        """What tells the file that is there now from any other; ``None`` where there is none."""
        if self.in_memory:
            return None
        try:
            # By the URI, which is absolute: the process may have gone to another directory.
            status = os.stat(unquote(self.uri.removeprefix("file:")))
        except OSError:
            return None
        return status.st_dev, status.st_ino

    @property
    def sqlalchemy_url(self) -> str:
        """For SQLAlchemy over aiosqlite."""
        joiner = "&" if "?" in self.uri else "?"
        return f"sqlite+aiosqlite:///{self.uri}{joiner}uri=true"


def connect(location: Location) -> sqlite3.Connection:
    """Open a connection in autocommit, usable from any one thread at a time.

    Raises:
        sqlite3.Error: there is no such file, it cannot be opened, or is no database.
    """
    # A file that was deleted under the service must not come back empty.
    uri = location.uri if location.in_memory else f"{location.uri}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


async def connect_for_callers(location: Location) -> aiosqlite.Connection:
    """A connection in autocommit for a caller's own statements, whose rows are ``aiosqlite.Row``.

    Raises:
        aiosqlite.Error: it cannot be opened.
    """
    connecting = asyncio.ensure_future(aiosqlite.Connection(partial(connect, location), _FETCH_ROWS))
    try:
        connection = await asyncio.shield(connecting)
    except asyncio.CancelledError:
        # Its thread would go on for ever.
        with contextlib.suppress(aiosqlite.Error):
            await (await connecting).close()
        raise
    connection.row_factory = aiosqlite.Row
    return connection


def prepare(connection: sqlite3.Connection) -> None:
    """Set what every connection needs.

    ``synchronous=NORMAL`` in WAL mode: a power loss may take back the last commits, and the position with them; the
    stream fills them in again. Checkpoints run on a connection of their own: inside a commit they cost milliseconds.
    """
    connection.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")
    _use_write_ahead_log(connection)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA cache_size = -{PAGE_CACHE_KIB}")
    # INSERT OR REPLACE by hand then counts users right: without it, it fires no DELETE trigger.
    connection.execute("PRAGMA recursive_triggers = ON")


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch to WAL mode, which SQLite refuses at once, without its busy timeout, while another connection does so."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            busy = ((getattr(error, "sqlite_errorcode", None) or 0) & 0xFF) == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
        time.sleep(WAL_RETRY_S)


class DatabaseClosed(sqlite3.ProgrammingError):
    """The database is not connected, or not any more: no fault of what was to be written."""

    def __init__(self) -> None:
        super().__init__("the database is not connected")


class FileReplaced(sqlite3.OperationalError):
    """What is open is not the file any more that is there by this name."""

    def __init__(self) -> None:
        super().__init__("the file was deleted or replaced while in use: restart the service")


class UnusableDatabase(sqlite3.DatabaseError):
    """A database that this version cannot work with; it was not touched."""


def is_storage_fault(error: BaseException) -> bool:
    """Whether this error is of the disk, the file or its locks, not of the data that was to be written.

    Disk full, read-only, locked, I/O and corruption all come as ``OperationalError`` or plain ``DatabaseError``.
    """
    if isinstance(error, DatabaseClosed):
        return True
    return isinstance(error, sqlite3.DatabaseError) and not isinstance(error, _DATA_ERRORS)


def is_corruption(error: BaseException) -> bool:
    """Whether the file itself is broken, which no waiting mends."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def advice(error: BaseException, location: Location) -> str:
    """What is wrong with the storage and what to do, in one sentence for the operator."""
    if isinstance(error, UnusableDatabase):
        return str(error)
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if is_corruption(error):
        return f"{location.path} is corrupt ({error}): stop the service and restore a backup (rosey restore)"
    hints = {
        sqlite3.SQLITE_FULL: "the disk is full: make room, the service goes on by itself",
        sqlite3.SQLITE_READONLY: "it is read-only: make the file and its folder writable for the service",
        sqlite3.SQLITE_BUSY: "another process holds a lock on it: end that process",
        sqlite3.SQLITE_LOCKED: "another process holds a lock on it: end that process",
        sqlite3.SQLITE_CANTOPEN: "it cannot be opened: check that its folder exists and is writable",
        sqlite3.SQLITE_IOERR: "the disk reports an error",
    }
    return f"{location.path}: {hints.get(code, 'storage fault')} ({error})"
