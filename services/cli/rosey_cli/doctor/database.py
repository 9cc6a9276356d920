"""Checks of the database file, which leave it as it is."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from rosey_cli.doctor import machine
from rosey_cli.doctor.finding import Finding, ok, problem, warning
from rosey_cli.up.baseline import position
from rosey_core.config import Config
from rosey_database import sqlite
from rosey_database.migrations import ORIGINAL, REVISIONS, is_upgraded
from rosey_database.migrations.plan import open_untouched, plan, untouched
from rosey_database.sqlite import Location

LOCK_WAIT_S: Final = 1.0
QUICK_CHECK_S: Final = 10.0
_STEPS: Final = 10_000
"""Steps of SQLite's machine between two looks at the clock."""


def path(config: Config) -> Path | None:
    """The database's file, ``None`` where it is none on a disk."""
    url = config.database.url
    text = config.database.path
    if url is not None:
        scheme, _, text = url.get_secret_value().partition(":///")
        if scheme != "sqlite":
            return None
    return None if text == sqlite.MEMORY else Path(text)


def check(file: Path) -> Iterator[Finding]:
    """Look at a database file: whether it is there, can be written, fits this version, is whole and free."""
    name = "database"
    if not file.exists():
        there = machine.folder(name, file.absolute().parent)
        if not file.absolute().parent.is_dir():
            yield problem(name, f"its folder {file.absolute().parent} is not there", "make it, or set database.path")
        else:
            yield there if there.advice else ok(name, f"{file} is not there yet; the service makes it")
            yield machine.disk(file)
        return
    yield machine.disk(file)
    if not os.access(file, os.W_OK) or not os.access(file.absolute().parent, os.W_OK):
        yield problem(name, f"{file} or its folder cannot be written", "give both to the user that the service runs as")
    try:
        revision = plan(file).revision
        yield _revision(file, revision)
        if revision is not None:
            yield from _whole(file)
            yield _free(file)
    except (sqlite3.Error, OSError) as error:
        yield _fault(file, error)


def stored_position(file: Path) -> tuple[int, int] | None:
    """What a file has stored last: the stream's creation (Unix microseconds) and the sequence; ``None`` for nothing."""
    try:
        with untouched(file) as location, closing(open_untouched(location)) as connection:
            created, sequence = position(connection)
    except (sqlite3.Error, OSError):
        return None
    return (created, sequence) if created else None


def _revision(file: Path, revision: str | None) -> Finding:
    if revision is None:
        return ok("database", f"{file} is empty")
    if not is_upgraded(revision):
        newest = "this version's schema" if revision == REVISIONS[-1] else "a newer schema, on which this version works"
        return ok("database", f"{file} has {newest}")
    kind = "is of the original Rosey" if revision == ORIGINAL else f"has the older schema {revision}"
    return warning(
        "database",
        f"{file} {kind}",
        f"the service upgrades it when it starts; rosey database upgrade {file} --dry-run tells what that does",
    )


def _whole(file: Path) -> Iterator[Finding]:
    with untouched(file) as location, closing(open_untouched(location)) as connection:
        deadline = time.monotonic() + QUICK_CHECK_S
        connection.set_progress_handler(lambda: int(time.monotonic() > deadline), _STEPS)
        try:
            (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            yield ok("database", f"nothing wrong found in {QUICK_CHECK_S:.0f} s; too large to be looked at in full")
            return
    if answer == "ok":
        yield ok("database", "is whole")
    else:
        yield problem("database", f"is corrupt: {answer}", _RESTORE)


_RESTORE: Final = "stop the service, and restore a backup (rosey restore)"


def _free(file: Path) -> Finding:
    """Whether somebody who has finished writing soon lets others write."""
    connection = sqlite3.connect(
        f"{Location.of(file).uri}?mode=rw", uri=True, timeout=LOCK_WAIT_S, isolation_level=None
    )
    with closing(connection):
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            return problem(
                "database",
                f"another process holds a lock on {file}",
                "end what has it open for writing, such as a database browser with changes that it has not saved",
            )
    return ok("database", "is not locked")


def _fault(file: Path, error: Exception) -> Finding:
    if isinstance(error, sqlite.UnusableDatabase):
        return problem("database", str(error), "use that version of Rosey, or another file (database.path)")
    if sqlite.is_corruption(error):
        return problem("database", f"{file} is corrupt: {error}", _RESTORE)
    return problem("database", sqlite.advice(error, Location.of(file)), "see that the service's user can use it")
