"""The direct writer: a bot that writes into its database itself, as the original did before it had NATS.

One transaction an event over aiosqlite, with the original's tables and statements. ``--journal delete`` is SQLite as it
comes, and as the original used it: a rollback journal, flushed at each commit. ``--journal wal`` is what such a bot
could be tuned to: WAL and ``synchronous=NORMAL``, by which a power loss takes events back, and no stream refills them.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import time
from pathlib import Path
from typing import Final

import aiosqlite
import msgspec

from benchmarks import program
from benchmarks.commits import CommitLog
from benchmarks.workload import Workload, line
from rosey_core import events
from rosey_core.events import Event

_SCHEMA = """
    CREATE TABLE user_stats (username TEXT PRIMARY KEY, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,
        total_chat_lines INTEGER DEFAULT 0, total_time_connected INTEGER DEFAULT 0, current_session_start INTEGER);
    CREATE TABLE recent_chat (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp INTEGER NOT NULL, username TEXT NOT NULL,
        message TEXT NOT NULL);
    CREATE INDEX recent_chat_timestamp ON recent_chat (timestamp DESC);
    CREATE TABLE user_count_history (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp INTEGER NOT NULL,
        chat_users INTEGER NOT NULL, connected_users INTEGER NOT NULL);
    CREATE INDEX user_count_timestamp ON user_count_history (timestamp);
    CREATE TABLE user_actions (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp INTEGER NOT NULL, username TEXT NOT NULL,
        action_type TEXT NOT NULL, details TEXT);
"""
_PRAGMAS: Final = {"delete": "", "wal": "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"}


class DirectWriter:
    """Writes each event in a transaction of its own.

    Args:
        connection: open, with the tables.
    """

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._execute = connection.execute
        self._commit = connection.commit

    async def write(self, event: Event) -> None:
        """Write one event."""
        now = int(event.timestamp or 0)
        if isinstance(event, events.ChatMessage):
            await self._execute(
                "INSERT INTO user_stats (username, first_seen, last_seen, total_chat_lines) VALUES (?, ?, ?, 1) "
                "ON CONFLICT (username) DO UPDATE SET total_chat_lines = total_chat_lines + 1, last_seen = ?",
                (event.username, now, now, now),
            )
            await self._execute(
                "INSERT INTO recent_chat (timestamp, username, message) VALUES (?, ?, ?)",
                (now, event.username, event.message),
            )
        elif isinstance(event, events.UserJoined):
            await self._execute(
                "INSERT INTO user_stats (username, first_seen, last_seen, current_session_start) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (username) DO UPDATE SET last_seen = ?, "
                "current_session_start = coalesce(current_session_start, ?)",
                (event.username, now, now, now, now, now),
            )
        elif isinstance(event, events.UserLeft):
            await self._execute(
                "UPDATE user_stats SET last_seen = ?, current_session_start = NULL, "
                "total_time_connected = total_time_connected + coalesce(? - current_session_start, 0) "
                "WHERE username = ?",
                (now, now, event.username),
            )
        elif isinstance(event, events.UserCount):
            await self._execute(
                "INSERT INTO user_count_history (timestamp, chat_users, connected_users) VALUES (?, ?, ?)",
                (now, event.chat_count, event.connected_count),
            )
        else:
            await self._execute(
                "INSERT INTO user_actions (timestamp, username, action_type, details) VALUES (?, ?, ?, ?)",
                (now, "", type(event).__name__, msgspec.json.encode(event).decode()),
            )
        await self._commit()


class DirectStore:
    """Takes events at once and writes them one after the other.

    Args:
        database: file to be made.
        journal: ``delete`` or ``wal``.
        record: gets an entry for each committed line whose text is a number: that number.
    """

    def __init__(self, database: Path, *, journal: str, record: Path) -> None:
        self._database = database
        self._journal = journal
        self._record = CommitLog(record)
        self._waiting: asyncio.Queue[Event] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to write."""
        self._worker = asyncio.create_task(self._write(), name="direct-writer")

    def put(self, event: Event) -> None:
        """Take an event."""
        self._waiting.put_nowait(event)

    async def stop(self) -> None:
        """Write what waits, and end."""
        if self._worker is not None:
            await self._waiting.join()
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)

    async def _write(self) -> None:
        async with aiosqlite.connect(self._database) as connection:
            await connection.executescript(_PRAGMAS[self._journal] + _SCHEMA)
            writer = DirectWriter(connection)
            while True:
                event = await self._waiting.get()
                await writer.write(event)
                if isinstance(event, events.ChatMessage) and event.message.isdecimal():
                    self._record.note(int(event.message), time.time())
                self._waiting.task_done()


async def write(options: argparse.Namespace) -> None:
    """Write a workload, one event after the other; reports rate and CPU an event."""
    count = options.warm_up + options.count
    if options.lines:
        now = time.time()
        made: list[Event] = [line(number, channel="room0", prefix="line", moment=now) for number in range(count)]
    else:
        made = list(Workload(seed=options.seed).events(count))
    async with aiosqlite.connect(options.database) as connection:
        await connection.executescript(_PRAGMAS[options.journal] + _SCHEMA)
        writer = DirectWriter(connection)
        gc.collect()
        gc.freeze()
        for event in made[: options.warm_up]:
            await writer.write(event)
        cpu, begun = time.process_time(), time.perf_counter()
        for event in made[options.warm_up :]:
            await writer.write(event)
        cpu, seconds = time.process_time() - cpu, time.perf_counter() - begun
    program.say(rate=options.count / seconds, cpu_us=cpu / options.count * 1e6)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.direct", description=__doc__)
    parser.add_argument("--database", required=True, type=Path)
    parser.add_argument("--count", required=True, type=int)
    parser.add_argument("--journal", choices=_PRAGMAS, default="delete")
    parser.add_argument("--warm-up", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lines", action="store_true", help="lines of chat alone, in the place of mixed events")
    program.run(write(parser.parse_args()))


if __name__ == "__main__":
    main()
