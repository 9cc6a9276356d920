"""``rosey database``: its commands and their options."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rosey_cli import terminal

app = typer.Typer(
    name="database", help="Say what a database file is, and bring it to this version.", no_args_is_help=True
)

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A database file.")]


@app.command()
def upgrade(
    file: FileArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")] = False,
) -> None:
    """Bring a database to this version in place; of a file of the original a backup is kept (.original.bak).

    The database service does the same by itself when it starts. Whoever uses the file must be stopped.
    """

    def work() -> int:
        # Not for all commands: it brings SQLAlchemy along, which takes a third of a second.
        from rosey_cli.database import files

        return _tell(files.upgrade(file.expanduser(), dry_run=dry_run))

    terminal.guarded(work)


@app.command()
def info(file: FileArgument) -> None:
    """Say what a database file is and what is in it, without touching it."""

    def work() -> int:
        from rosey_cli.database import files

        return _tell(files.info(file.expanduser()))

    terminal.guarded(work)


def _tell(lines: list[str]) -> int:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0
