"""Running Alembic, from this package and without a configuration file."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy
from alembic import command
from alembic.config import Config
from sqlalchemy.pool import NullPool

from rosey_database import sqlite
from rosey_database.sqlite import Location


def config() -> Config:
    """What Alembic has to know to find the migrations."""
    found = Config()
    found.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return found


def run(location: Location) -> None:
    """Run what is missing, all in one transaction: a crash in between leaves the database as it was.

    Raises:
        sqlite3.Error: the database cannot be opened or written.
    """
    engine = sqlalchemy.create_engine("sqlite://", creator=lambda: _connect(location), poolclass=NullPool)
    # The lock comes first, so that of two processes that start at once the second finds the work done.
    sqlalchemy.event.listen(engine, "begin", _begin)
    alembic = config()
    try:
        with engine.begin() as connection:
            alembic.attributes["connection"] = connection
            command.upgrade(alembic, "head")
    except sqlalchemy.exc.DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise error.orig from error
        raise
    finally:
        engine.dispose()


def _connect(location: Location) -> sqlite3.Connection:
    connection = sqlite3.connect(
        location.uri, uri=True, timeout=sqlite.BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    try:
        # Only possible before the first table: space that was swept can then be given back bit by bit.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        sqlite.prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _begin(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
