"""``rosey token``: its commands and their options."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from rosey_cli import terminal
from rosey_cli.connection import DataOption
from rosey_cli.database.choice import DatabaseOption, chosen
from rosey_cli.failure import Failure

app = typer.Typer(
    name="token", help="Make and revoke the tokens of programs that use the HTTP API.", no_args_is_help=True
)


@app.command()
def create(
    description: Annotated[str, typer.Option("--description", metavar="TEXT", help="What it is for.")],
    read_only: Annotated[bool, typer.Option("--read-only", help="It may read, and not post.")] = False,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Make a token and print it, this once; the service may be at work."""
    # Not for all commands: it brings SQLAlchemy along, which takes a third of a second.
    from rosey_database import token_command

    _work(lambda file: token_command.create(file, description, read_only=read_only), data, database)


@app.command("list")
def list_all(
    include_revoked: Annotated[bool, typer.Option("--all", help="Also those that are revoked.")] = False,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """List the tokens: how each begins, when it was made and used last (UTC), and what it is for."""
    from rosey_database import token_command

    _work(lambda file: token_command.list_all(file, include_revoked=include_revoked), data, database)


@app.command()
def revoke(
    token: Annotated[
        str, typer.Argument(metavar="TOKEN", help="How it begins, as 'list' shows it; - reads it from standard input.")
    ],
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Revoke a token; the next request with it is refused."""
    from rosey_database import token_command

    _work(lambda file: token_command.revoke(file, token), data, database)


def _work(work: Callable[[Path], None], data: Path | None, database: Path | None) -> NoReturn:
    from rosey_database.token_command import TokenFailure

    def guarded() -> int:
        try:
            work(chosen(data, database))
        except TokenFailure as failure:
            raise Failure(str(failure)) from None
        return 0

    terminal.guarded(guarded)
