"""Running Alembic, from this package and without a configuration file."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import sqlalchemy
from alembic import command
from alembic.config import Config
from sqlalchemy.pool import NullPool

from rosey_database import migrations, sqlite
from rosey_database.migrations.plan import backup_path
from rosey_database.sqlite import Location
from rosey_database.tables import information

log = logging.getLogger(__name__)


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
            driver = cast("sqlite3.Connection", connection.connection.driver_connection)
            information.put(driver, information.OLDEST_AT_WORK, migrations.OLDEST_AT_WORK)
    except sqlalchemy.exc.DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise error.orig from error
        raise
    finally:
        engine.dispose()


def take_over(location: Location) -> Path:
    """Upgrade a file of the original in place; returns the backup of what it was.

    Raises:
        sqlite3.Error: the backup or the upgrade failed; the file is as it was, and there is no backup.
    """
    try:
        backup = _back_up(Path(location.path))
    except OSError as error:
        raise sqlite3.OperationalError(f"no backup of {location.path} could be made: {error}") from error
    log.info("%s is of the original Rosey: upgrading it, what it was is kept in %s", location.path, backup)
    try:
        run(location)
    except Exception:
        # All of it was undone. A service that is started again and again must not fill the disk with backups.
        backup.unlink()
        raise
    try:
        _compact(location)
    except sqlite3.OperationalError as error:
        log.warning("%s is upgraded, but could not be compacted: %s", location.path, error)
    return backup


def _compact(location: Location) -> None:
    """Give the file the layout that a new one has, and leave nothing in it of what was dropped."""
    with closing(_connect(location)) as connection:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _back_up(file: Path) -> Path:
    """Copy the database, with what its log holds, to a name that is free."""
    target = backup_path(file)
    draft = target.with_name(f"{target.name}.part")
    draft.unlink(missing_ok=True)
    # It holds API tokens as they are.
    draft.touch(mode=0o600)
    try:
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(draft)) as copy:
            source.backup(copy)
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return target


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
