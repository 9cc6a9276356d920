"""The one writer of a database: a thread with a connection of its own, one transaction a call.

Ingest and BotDatabase's methods write through it, so that they never wait for each other's locks.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from rosey_database import sqlite
from rosey_database.tables.channels import ChannelIds
from rosey_database.threads import Threads

log = logging.getLogger(__name__)

CHECKPOINT_INTERVAL_S: Final = 0.5
LOG_BYTES: Final = 64 << 20
"""The write-ahead log begins anew where it is longer."""
READER_PATIENCE_MS: Final = 20
"""How long the writer waits for readers of a log that is to begin anew; it is tried again at the next checkpoint."""

T = TypeVar("T")


class Transaction:
    """What a write function works on: a connection inside a transaction, and the ids of channels."""

    __slots__ = ("channel_ids", "connection")

    def __init__(self, connection: sqlite3.Connection, channel_ids: ChannelIds) -> None:
        self.connection = connection
        self.channel_ids = channel_ids


@dataclass
class CheckpointStatistics:
    """What checkpoints came to; told by their thread, asked by another.

    Attributes:
        done: those that went well.
        failed: those that did not.
        seconds: that they took in all.
    """

    done: int = 0
    failed: int = 0
    seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, *, ok: bool, seconds: float) -> None:
        """Count one."""
        with self._lock:
            self.done += ok
            self.failed += not ok
            self.seconds += seconds

    def take(self) -> CheckpointStatistics:
        """What was counted since this was last asked."""
        with self._lock:
            taken = CheckpointStatistics(self.done, self.failed, self.seconds)
            self.done, self.failed, self.seconds = 0, 0, 0.0
        return taken


class Writer:
    """Runs functions in transactions, one at a time, in a thread.

    Args:
        location: of the database; its tables must exist.

    Attributes:
        checkpoints: what became of the write-ahead log.
    """

    def __init__(self, location: sqlite.Location) -> None:
        self.checkpoints = CheckpointStatistics()
        self._location = location
        self._thread: Threads | None = None
        self._connection: sqlite3.Connection | None = None
        self._channel_ids = ChannelIds()
        self._file: tuple[int, int] | None = None
        self._checkpoints: _Checkpoints | None = None

    async def open(self) -> None:
        """Open the connection.

        Raises:
            sqlite3.Error: it cannot be opened.
        """
        self._thread = Threads(1, name="database-writer")
        try:
            self._connection = await self._in_thread(sqlite.connect, self._location)
            self._file = self._location.identity()
        except BaseException:
            self._thread.close()
            self._thread = None
            raise
        if not self._location.in_memory:
            begin_anew = partial(_begin_log_anew, self._connection)
            self._checkpoints = _Checkpoints(self._location, self._thread, begin_anew, self.checkpoints)
            self._checkpoints.start()

    async def close(self) -> None:
        """Close the connection; safe to call again."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        if self._checkpoints is not None:
            self._checkpoints.stop()
            self._checkpoints = None
        connection, self._connection = self._connection, None
        if connection is not None:
            await thread.run(connection.close)
        thread.close()

    async def run(self, function: Callable[[Transaction], T], *, durable: bool = False) -> T:
        """Run ``function`` in one transaction and return what it returns; it is rolled back where it raises.

        Args:
            function: runs in the writer's thread; must not keep the transaction.
            durable: on disk before this returns, for what no stream could fill in again.

        Raises:
            sqlite3.Error: the transaction failed.
        """
        return await self._in_thread(self._transact, function, durable)

    async def _in_thread(self, function: Callable[..., T], *arguments: object) -> T:
        if self._thread is None:
            raise sqlite.DatabaseClosed
        return await self._thread.run(function, *arguments)

    def _transact(self, function: Callable[[Transaction], T], durable: bool) -> T:
        connection = self._connection
        if connection is None:
            raise sqlite.DatabaseClosed
        if self._location.identity() != self._file:
            # SQLite would go on writing into a file that nobody can open any more.
            raise sqlite.FileReplaced
        if durable:
            connection.execute("PRAGMA synchronous = FULL")
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._channel_ids.renew(connection)
                result = function(Transaction(connection, self._channel_ids))
                connection.execute("COMMIT")
            except BaseException:
                # Ids that the transaction handed out went with it.
                self._channel_ids.clear()
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        finally:
            if durable:
                connection.execute("PRAGMA synchronous = NORMAL")
        return result


def _begin_log_anew(connection: sqlite3.Connection) -> None:
    """Bring the log to its beginning, if no reader still needs it; in the writer's thread.

    The file keeps its size: a file that grows anew costs commits 70 ms here and 10 ms at each checkpoint, since its
    blocks are given back and allocated again; one that is written over costs neither.

    Raises:
        sqlite3.Error: the disk is full or broken.
    """
    connection.execute(f"PRAGMA busy_timeout = {READER_PATIENCE_MS}")
    try:
        connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {int(sqlite.BUSY_TIMEOUT_S * 1000)}")


class _Checkpoints:
    """Moves the write-ahead log into the database file, off the path of commits.

    PASSIVE never waits for readers or the writer. But a writer that goes on meanwhile always leaves something behind,
    and SQLite begins the log anew only when nothing is: what is left is done between two of its transactions.
    """

    def __init__(
        self,
        location: sqlite.Location,
        writer: Threads,
        begin_anew: Callable[[], None],
        statistics: CheckpointStatistics,
    ) -> None:
        self._location = location
        self._writer = writer
        self._begin_anew = begin_anew
        self._statistics = statistics
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="database-checkpoints", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        failed = False
        try:
            while not self._stopped.wait(CHECKPOINT_INTERVAL_S):
                begun = time.monotonic()
                try:
                    connection = connection or sqlite.connect(self._location)
                    _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                    (page_size,) = connection.execute("PRAGMA page_size").fetchone()
                    if pages * page_size > LOG_BYTES:
                        self._writer.call(self._begin_anew)
                    failed = False
                    self._statistics.add(ok=True, seconds=time.monotonic() - begun)
                except sqlite3.Error as error:
                    if not failed:
                        log.warning("checkpoint: %s", sqlite.advice(error, self._location))
                    failed = True
                    self._statistics.add(ok=False, seconds=time.monotonic() - begun)
        finally:
            if connection is not None:
                connection.close()
