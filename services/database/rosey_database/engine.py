"""Connections for reading, apart from the writer's: SQLAlchemy over aiosqlite, and one for callers' own statements."""

from __future__ import annotations

from functools import partial
from typing import Final

import aiosqlite
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from rosey_database import sqlite
from rosey_database.sqlite import Location

READERS: Final = 4
_FETCH_ROWS: Final = 64


async def connect(location: Location) -> aiosqlite.Connection:
    """A connection in autocommit, whose rows are ``aiosqlite.Row``.

    Raises:
        aiosqlite.Error: it cannot be opened.
    """
    connection = await aiosqlite.Connection(partial(sqlite.connect, location), _FETCH_ROWS)
    connection.row_factory = aiosqlite.Row
    return connection


def reading_engine(location: Location) -> AsyncEngine:
    """An engine whose connections cannot write; they are opened as they are needed, up to ``READERS``."""

    async def open_connection() -> aiosqlite.Connection:
        return await aiosqlite.Connection(partial(sqlite.connect, location), _FETCH_ROWS)

    engine = create_async_engine(
        "sqlite+aiosqlite:///",
        async_creator=open_connection,
        isolation_level="AUTOCOMMIT",
        # Nothing is begun, so that nothing is to be rolled back: each would be another way to a thread and back.
        skip_autocommit_rollback=True,
        pool_reset_on_return=None,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=READERS,
        max_overflow=0,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _read_only(connection: object, record: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    return engine
