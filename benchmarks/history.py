"""A database as months of events would have left it."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rosey_database import BotDatabase

CHANNELS: Final = 50
LINES_OF_A_USER: Final = 20


async def prepare(directory: Path, *, lines: int, users: int | None = None) -> Path:
    """Make a migrated database with so many chat lines, of so many users in all, in fifty channels.

    Args:
        directory: where the file goes.
        users: one for each twenty lines unless given.
    """
    path = directory / "bot_data.db"
    database = BotDatabase(path)
    await database.connect()
    await database.choose_default_channel("room0")
    await database.close()
    if lines:
        await asyncio.to_thread(_fill, path, lines, lines // LINES_OF_A_USER if users is None else users)
    return path


def _fill(path: Path, lines: int, people: int) -> None:
    """Write chat and users as months of events would have left them."""
    users = people // CHANNELS
    now = int(time.time())
    connection = sqlite3.connect(path)
    try:
        with connection:
            connection.executemany(
                "INSERT OR IGNORE INTO channels (key) VALUES (?)", [(f"room{number}",) for number in range(CHANNELS)]
            )
            ids = dict(connection.execute("SELECT key, id FROM channels"))
            connection.executemany("INSERT OR IGNORE INTO channel_stats (id) VALUES (?)", [(i,) for i in ids.values()])
            connection.executemany("INSERT OR IGNORE INTO current_status (id) VALUES (?)", [(i,) for i in ids.values()])
            connection.executemany(
                "INSERT INTO user_stats (channel_id, user_key, username, first_seen, last_seen, total_chat_lines) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (
                    (ids[f"room{channel}"], f"user{user}", f"user{user}", now - 500_000, now, 1 + (user * 37) % 500)
                    for channel in range(CHANNELS)
                    for user in range(users)
                ),
            )
            connection.executemany(
                "INSERT INTO recent_chat (timestamp, username, message, channel_id, event_id, received) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                _lines(lines, users, ids, now),
            )
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def _lines(count: int, users: int, ids: dict[str, int], now: int) -> Iterator[tuple[object, ...]]:
    for number in range(count):
        # Within retention, a sixth of a second apart or so.
        moment = now - 500_000 * (count - number) // count
        event_id = (moment * 1000).to_bytes(6, "big") + number.to_bytes(10, "big")
        channel = ids[f"room{number % CHANNELS}"]
        yield moment, f"user{number % users}", f"line {number} of the past ".ljust(40, "x"), channel, event_id, moment
