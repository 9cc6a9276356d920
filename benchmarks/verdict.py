"""Was each event stored once? What was published against what stream and database hold."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rosey_core import events, identity
from rosey_core.events import Event

_TABLES: Final[dict[type[Event], str]] = {
    events.ChatMessage: "recent_chat",
    events.PlaylistChanged: "playlist_changes",
    events.UserCount: "user_count_history",
    events.MediaPlayed: "media_played",
}
_IDENTITIES: Final = {
    "recent_chat": "event_id",
    "playlist_changes": "event_id",
    "user_count_history": "event_id",
    "media_played": "media_id",
}


@dataclass(frozen=True)
class Verdict:
    """How many events were sent, and how many of them are missing or there too often."""

    sent: int = 0
    lost: int = 0
    doubled: int = 0

    def __add__(self, other: Verdict) -> Verdict:
        return Verdict(self.sent + other.sent, self.lost + other.lost, self.doubled + other.doubled)


class Expectation:
    """What should be stored of one workload.

    Args:
        sent: how many events were published, each with an id of its own.
    """

    def __init__(self, sent: int) -> None:
        self._sent = sent
        self._ids: Counter[str | None] = Counter()
        self._rows: dict[str, Counter[object]] = {table: Counter() for table in _IDENTITIES}
        self._present: dict[tuple[str | None, str], bool] = {}

    def add(self, event: Event) -> None:
        """Take an event of the stream, in its order."""
        self._ids[event.event_id] += 1
        if isinstance(event, events.UserJoined | events.UserLeft):
            self._present[event.channel, identity.user_key(event.username)] = isinstance(event, events.UserJoined)
        elif isinstance(event, events.MediaPlayed):
            self._rows["media_played"][event.id] += 1
        else:
            self._rows[_TABLES[type(event)]][identity.id_bytes(event.event_id or "")] += 1

    def verdict(self, database: Path | None) -> Verdict:
        """Compare the stream with what was sent, and a database that got it alone with the stream.

        Rows are compared by their ids, the count of lines by its sum, sessions by who is in the room at the end.
        """
        verdict = Verdict(self._sent, max(self._sent - len(self._ids), 0), max(self._ids.total() - len(self._ids), 0))
        return verdict if database is None else verdict + self._stored(database)

    def _stored(self, database: Path) -> Verdict:
        lost = doubled = 0
        connection = sqlite3.connect(database)
        try:
            for table, identity_column in _IDENTITIES.items():
                stored: Counter[object] = Counter(
                    row[0] for row in connection.execute(f"SELECT {identity_column} FROM {table}")
                )
                lost += (self._rows[table] - stored).total()
                doubled += (stored - self._rows[table]).total()
            [(counted,)] = connection.execute("SELECT coalesce(sum(total_chat_lines), 0) FROM user_stats").fetchall()
            in_room = set(
                connection.execute(
                    "SELECT c.key, u.user_key FROM user_stats u JOIN channels c ON c.id = u.channel_id "
                    "WHERE u.current_session_start IS NOT NULL"
                )
            )
        finally:
            connection.close()
        lines = self._rows["recent_chat"].total()
        present = {user for user, here in self._present.items() if here}
        return Verdict(0, lost + max(lines - counted, 0) + len(present ^ in_room), doubled + max(counted - lines, 0))
