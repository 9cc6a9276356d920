"""The position: how far the stream's events are in the database, moved only together with their effects."""

from __future__ import annotations

import sqlite3

from msgspec import Struct


class Fenced(Exception):
    """Another service has moved the position: what was built on the old one must not be committed."""


class Position(Struct, frozen=True, kw_only=True, gc=False):
    """A place in a stream.

    Attributes:
        stream: the stream's name.
        created: the stream's creation time, Unix microseconds.
        sequence: of the last message whose effects are stored; 0 before the first.
        message_time: that message's time in the stream, Unix nanoseconds; 0 where unknown.
        message_id: the 16 bytes of its event's id, ``None`` where unknown.
        generation: raised whenever reading starts anew elsewhere.
    """

    stream: str
    created: int
    sequence: int
    message_time: int = 0
    message_id: bytes | None = None
    generation: int = 0

    def moved(self, sequence: int, message_time: int, message_id: bytes | None) -> Position:
        """The position after the message with this sequence, reading straight on."""
        return Position(
            stream=self.stream,
            created=self.created,
            sequence=sequence,
            message_time=message_time,
            message_id=message_id,
            generation=self.generation,
        )

    def restarted(self, sequence: int, *, created: int | None = None) -> Position:
        """The position from which reading starts anew, elsewhere or in a new stream of the name."""
        return Position(
            stream=self.stream,
            created=self.created if created is None else created,
            sequence=sequence,
            generation=self.generation + 1,
        )


def read(connection: sqlite3.Connection, stream: str) -> Position | None:
    """The stored position in ``stream``, ``None`` before the first."""
    row = connection.execute(
        "SELECT created, sequence, message_time, message_id, generation FROM ingest_position WHERE stream = ?",
        (stream,),
    ).fetchone()
    if row is None:
        return None
    created, sequence, message_time, message_id, generation = row
    return Position(
        stream=stream,
        created=created,
        sequence=sequence,
        message_time=message_time,
        message_id=message_id,
        generation=generation,
    )


def begin(connection: sqlite3.Connection, position: Position) -> None:
    """Store the first position in a stream.

    Raises:
        Fenced: there is one.
    """
    inserted = connection.execute(
        "INSERT OR IGNORE INTO ingest_position (stream, created, sequence, message_time, message_id, generation) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (
            position.stream,
            position.created,
            position.sequence,
            position.message_time,
            position.message_id,
            position.generation,
        ),
    ).rowcount
    if not inserted:
        raise Fenced("another service has begun with this stream")


def move(connection: sqlite3.Connection, *, built_on: Position, to: Position) -> None:
    """Move the stored position, by compare-and-set, in the transaction that applies what lies between.

    Raises:
        Fenced: the stored position is no longer the one that this was built on; roll back.
    """
    moved = connection.execute(
        """
        UPDATE ingest_position SET created = ?, sequence = ?, message_time = ?, message_id = ?, generation = ?
        WHERE stream = ? AND created = ? AND sequence = ? AND generation = ?
        """,
        (
            to.created,
            to.sequence,
            to.message_time,
            to.message_id,
            to.generation,
            built_on.stream,
            built_on.created,
            built_on.sequence,
            built_on.generation,
        ),
    ).rowcount
    if not moved:
        raise Fenced(f"the position is no longer {built_on.sequence}: another service is at work")
