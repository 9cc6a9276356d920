"""``rosey backup`` and ``rosey restore``: their options."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rosey_cli import terminal
from rosey_cli.backup import copies
from rosey_cli.connection import DataOption
from rosey_cli.data_directory import DataDirectory
from rosey_cli.database.choice import DatabaseOption, chosen
from rosey_cli.failure import Failure
from rosey_core.service import BAD_CONFIGURATION


def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.")],
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Copy the database into a file, while the service is at work, and verify the copy."""

    def work() -> int:
        found = copies.back_up(chosen(data, database), target.expanduser())
        sys.stdout.write(f"{found.path}: {found.size} bytes, verified, {_events(found)}\n")
        return 0

    terminal.guarded(work)


def restore(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A backup.")],
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Put a backup in the place of the database; the service must be stopped.

    What came since is read from the event stream again when the service starts, as far as the stream goes back.
    """

    def work() -> int:
        if (data is None) == (database is None):
            raise Failure("say which database: --data DIR or --database FILE", BAD_CONFIGURATION)
        backup = source.expanduser()
        if not backup.is_file():
            # Before a data directory is made to put it into.
            raise Failure(f"there is no file {backup}")
        directory = None if data is None else DataDirectory(data.expanduser().absolute())
        if directory is not None:
            directory.acquire()
        try:
            found, kept = copies.restore(backup, chosen(data, database))
        finally:
            if directory is not None:
                directory.release()
        sys.stdout.write(f"restored from {found.path}, {_events(found)}\n")
        if kept is not None:
            sys.stdout.write(f"what was there is in {kept}\n")
        return 0

    terminal.guarded(work)


def _events(copy: copies.Copy) -> str:
    return f"events stored up to {copy.sequence}" if copy.sequence else "no events of a stream"
