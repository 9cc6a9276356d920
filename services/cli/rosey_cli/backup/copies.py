"""Verified copies of a database: made while the service is at work, put back while it is not."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rosey_cli.failure import Failure
from rosey_cli.up.baseline import position

_SIDE_FILES: Final = ("-wal", "-shm", "-journal")
"""What SQLite takes for the log of whatever file lies beside it."""


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A good copy.

    Attributes:
        path: of the file.
        size: in bytes.
        sequence: of the last event of the stream that is in it; 0 where there is none.
    """

    path: Path
    size: int
    sequence: int


def back_up(database: Path, target: Path) -> Copy:
    """Copy a database as it is at one moment, whoever is at work on it, and verify the copy.

    Raises:
        Failure: one of the files cannot be used, or the database is corrupt.
    """
    if not database.is_file():
        raise Failure(f"there is no database {database}")
    for file in _files(target):
        raise Failure(f"{file} is there already: a backup goes into a new file")
    if not target.parent.is_dir():
        raise Failure(f"there is no directory {target.parent} for the backup {target.name}: make it first")
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        # In one step: in WAL mode that is one read transaction, which keeps no writer waiting.
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(draft)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
        verified = verify(draft)
        _sync(draft)
        draft.rename(target)
    except (OSError, sqlite3.Error) as error:
        raise Failure(f"{database} cannot be copied to {target}: {error}") from None
    finally:
        draft.unlink(missing_ok=True)
    return Copy(path=target, size=verified.size, sequence=verified.sequence)


def verify(path: Path) -> Copy:
    """Read all of a database file; returns what it is.

    Raises:
        Failure: it is none, or corrupt.
    """
    if not path.is_file():
        raise Failure(f"there is no file {path}")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            found = [text for (text,) in connection.execute("PRAGMA integrity_check")]
            if found != ["ok"]:
                raise Failure(f"{path} is corrupt: {found[0]}")
            connection.execute("SELECT 1 FROM user_stats LIMIT 1")
            try:
                sequence = position(connection)[1]
            except sqlite3.OperationalError:
                # A file of the original, which knows no stream.
                sequence = 0
    except sqlite3.Error as error:
        raise Failure(f"{path} is no database of Rosey's: {error}") from None
    return Copy(path=path, size=path.stat().st_size, sequence=sequence)


def restore(source: Path, database: Path) -> tuple[Copy, Path | None]:
    """Put a verified copy in the place of a database that nobody uses; what was there is kept beside it.

    Returns:
        What was put back, and where the former database is now, ``None`` where there was none.

    Raises:
        Failure: the copy is not good, or the database is in use or cannot be replaced.
    """
    verified = verify(source)
    draft = database.with_name(f".{database.name}.{os.getpid()}")
    try:
        if database.exists():
            if source.samefile(database):
                raise Failure(f"{source} is the database itself: name a backup of it")
            _refuse_in_use(database)
        # First: where there is no room for it, the database stays where it is.
        with closing(sqlite3.connect(source)) as good, closing(sqlite3.connect(draft)) as copy:
            good.backup(copy)
        _sync(draft)
        kept = _set_aside(database)
        draft.rename(database)
    except (OSError, sqlite3.Error) as error:
        raise Failure(f"{database} cannot be replaced: {error}") from None
    finally:
        draft.unlink(missing_ok=True)
    return verified, kept


def _files(database: Path) -> list[Path]:
    """A database's file and those beside it, as far as they are there; itself last."""
    names = [database.with_name(database.name + ending) for ending in _SIDE_FILES]
    return [file for file in (*names, database) if file.exists()]


def _set_aside(database: Path) -> Path | None:
    """Rename what is there, also a log whose database was deleted; returns the database's new name."""
    there = _files(database)
    if not there:
        return None
    kept = database.with_name(f"{database.name}.before-restore-{time.strftime('%Y%m%d-%H%M%S')}")
    if _files(kept):
        raise Failure(f"{kept} is there already: wait a second")
    for file in there:
        file.rename(kept.with_name(kept.name + file.name.removeprefix(database.name)))
    return kept


def _refuse_in_use(database: Path) -> None:
    """Leaving WAL mode takes the file for oneself; what cannot even be read is in nobody's use."""
    try:
        with closing(sqlite3.connect(database, timeout=0)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError as error:
        if (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Failure(f"{database} is in use: stop the service first") from None
    except sqlite3.DatabaseError:
        pass


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
