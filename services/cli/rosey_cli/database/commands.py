"""``rosey database``: its commands and their options."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import typer

from rosey_cli import terminal
from rosey_cli.database.description import describe, described_plan
from rosey_cli.failure import Failure
from rosey_database import migrations, sqlite
from rosey_database.migrations.plan import plan
from rosey_database.sqlite import Location

app = typer.Typer(name="database", help="Say what a database file is, and bring it to this version.")

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A database file.")]


@app.command()
def upgrade(
    file: FileArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")] = False,
) -> None:
    """Bring a database to this version in place; of a file of the original a backup is kept (.original.bak).

    The database service does the same by itself when it starts. Whoever uses the file must be stopped.
    """

    def work(file: Path) -> Iterable[str]:
        found = plan(file)
        lines = described_plan(found, dry_run=dry_run)
        if found.is_needed and not dry_run:
            migrations.upgrade(Location.of(file))
        return lines

    _of_file(file, work)


@app.command()
def info(file: FileArgument) -> None:
    """Say what a database file is and what is in it, without touching it."""
    _of_file(file, describe)


def _of_file(file: Path, work: Callable[[Path], Iterable[str]]) -> None:
    path = file.expanduser()

    def guarded() -> int:
        if not path.is_file():
            raise Failure(f"there is no file {file}")
        try:
            lines = list(work(path))
        except sqlite3.Error as error:
            raise Failure(sqlite.advice(error, Location.of(path))) from None
        except OSError as error:
            raise Failure(f"{file} cannot be read: {error.strerror}") from None
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        return 0

    terminal.guarded(guarded)
