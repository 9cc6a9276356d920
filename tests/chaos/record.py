"""The truth: what was published, in which order, and how the database compares with it."""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections import defaultdict
from pathlib import Path

from rosey_core import events, identity
from rosey_core.events import Event
from tests.support.verdict import Verdict


class Record:
    """Makes events and remembers them."""

    def __init__(self, channels: int) -> None:
        self._channels = [f"room{number}" for number in range(channels)]
        self._lines: dict[str, int] = defaultdict(int)
        self._changes: dict[str, int] = defaultdict(int)
        self._made = 0

    @property
    def sent(self) -> int:
        """How many events were made."""
        return self._made

    def make(self) -> Event:
        """The next event: chat lines, and every tenth time a change of the playlist."""
        channel = self._channels[self._made % len(self._channels)]
        self._made += 1
        now = time.time()
        if self._made % 10 == 0:
            number = self._changes[channel]
            self._changes[channel] += 1
            return events.PlaylistChanged(
                action="queued", item=number, channel=channel, timestamp=now, id=identity.uuid7()
            )
        number = self._lines[channel]
        self._lines[channel] += 1
        user = f"user{number % 20}"
        milliseconds = int(now * 1000)
        return events.ChatMessage(
            username=user,
            message=str(number),
            channel=channel,
            timestamp=milliseconds / 1000,
            id=identity.chat_id(channel=channel, milliseconds=milliseconds, username=user, text=str(number)),
        )

    def compare(self, database: Path) -> Verdict:
        """Hold the database's file against the record."""
        lost = doubled = reordered = 0
        connection = sqlite3.connect(database)
        try:
            for channel in self._channels:
                lines = [int(text) for text in _column(connection, "recent_chat", "message", channel)]
                changes = [int(item) for item in _column(connection, "playlist_changes", "item", channel)]
                for stored, expected in ((lines, self._lines[channel]), (changes, self._changes[channel])):
                    distinct = len(set(stored))
                    lost += expected - distinct
                    doubled += len(stored) - distinct
                    reordered += sum(after < before for before, after in itertools.pairwise(stored))
                [(counted,)] = connection.execute(
                    "SELECT coalesce(sum(total_chat_lines), 0) FROM user_stats u "
                    "JOIN channels c ON c.id = u.channel_id WHERE c.key = ?",
                    (channel,),
                ).fetchall()
                doubled += max(0, counted - len(set(lines)))
                lost += max(0, len(set(lines)) - counted)
        finally:
            connection.close()
        return Verdict(self._made, lost, doubled, reordered)


def _column(connection: sqlite3.Connection, table: str, column: str, channel: str) -> list[str]:
    rows = connection.execute(
        f"SELECT {column} FROM {table} t JOIN channels c ON c.id = t.channel_id WHERE c.key = ? ORDER BY t.id",
        (channel,),
    )
    return [row[0] for row in rows]
