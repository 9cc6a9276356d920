"""Reading from a database: a few threads, each function on a connection of its own that cannot write.

A question costs one way to a thread and back. Over aiosqlite and SQLAlchemy's asyncio part it is a dozen, each of
which waits for Python's lock and for the event loop: milliseconds while ingest is busy, for 50 us of SQLite.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Final, TypeVar

from rosey_database import sqlite
from rosey_database.threads import Threads

READERS: Final = 4
"""A slow question must not hold back the others; more than a few at once only wait for each other."""

T = TypeVar("T")


class Reader:
    """Runs functions that read.

    Args:
        location: of the database; connections to it are opened as they are needed, up to ``READERS``.
    """

    def __init__(self, location: sqlite.Location) -> None:
        self._location = location
        self._file = location.identity()
        self._threads: Threads | None = Threads(READERS, name="database-reader")
        self._idle: list[sqlite3.Connection] = []

    async def run(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``function`` on a connection in autocommit and return what it returns.

        Args:
            function: runs in a thread; must not keep the connection.

        Raises:
            sqlite3.Error: reading failed, the reader is closed, or another file is there now.
        """
        if self._threads is None:
            raise sqlite.DatabaseClosed
        return await self._threads.run(self._read, function)

    async def close(self) -> None:
        """Wait for what is being read, and close the connections; safe to call again."""
        threads, self._threads = self._threads, None
        if threads is None:
            return
        await asyncio.to_thread(threads.close)
        while self._idle:
            self._idle.pop().close()

    def _read(self, function: Callable[[sqlite3.Connection], T]) -> T:
        # Of a file that cannot be found nobody has another: its folder may be away for a moment.
        if self._location.identity() not in (self._file, None):
            raise sqlite.FileReplaced
        # The one used last has most of what is asked for in its cache.
        connection = self._idle.pop() if self._idle else self._open()
        try:
            return function(connection)
        finally:
            self._idle.append(connection)

    def _open(self) -> sqlite3.Connection:
        connection = sqlite.connect(self._location)
        connection.execute("PRAGMA query_only = ON")
        return connection
