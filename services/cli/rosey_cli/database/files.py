"""What is done with a database file that a person names."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rosey_cli.database.description import describe, described_plan
from rosey_cli.failure import Failure
from rosey_database import migrations, sqlite
from rosey_database.migrations.plan import plan
from rosey_database.sqlite import Location


def upgrade(file: Path, *, dry_run: bool) -> list[str]:
    """Bring a file to this version, or with ``dry_run`` find out what that would do; returns what is to be told.

    Raises:
        Failure: it is not there, is no database of Rosey's, or cannot be upgraded; then it is as it was.
    """
    with _failures(file):
        found = plan(file)
        if found.is_needed and not dry_run:
            migrations.upgrade(Location.of(file))
        return list(described_plan(found, dry_run=dry_run))


def info(file: Path) -> list[str]:
    """What a file is and what is in it.

    Raises:
        Failure: it is not there, or is no database of Rosey's.
    """
    with _failures(file):
        return list(describe(file))


@contextmanager
def _failures(file: Path) -> Iterator[None]:
    if not file.is_file():
        raise Failure(f"there is no file {file}")
    try:
        yield
    except sqlite3.Error as error:
        raise Failure(sqlite.advice(error, Location.of(file))) from None
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}") from None
