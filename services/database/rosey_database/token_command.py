"""``rosey-database token``: making, listing and revoking API tokens on a database file, beside the service at work.

``rosey token`` does the same. It stands here, too, since the service's image has only the service in it.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from rosey_core.text import one_line
from rosey_database import migrations, sqlite
from rosey_database.database import BotDatabase
from rosey_database.sqlite import Location
from rosey_database.tables.tokens import PREFIX_MIN, PREVIEW_MAX, AmbiguousPrefix

PROGRAM: Final = "rosey-database"
FROM_INPUT: Final = "-"
DESCRIPTION_MAX: Final = 200
_TIME: Final = "%Y-%m-%d %H:%M"

T = TypeVar("T")


class TokenFailure(Exception):
    """It cannot be done; the text says why, and what to do."""


def create(file: Path, description: str, *, read_only: bool) -> None:
    """Make a token and print it alone; what is to be said of it goes to standard error.

    Raises:
        TokenFailure: the description is none, or the database cannot be used.
    """
    description = description.strip()
    if not 0 < len(description) <= DESCRIPTION_MAX:
        raise TokenFailure(f"say in 1 to {DESCRIPTION_MAX} characters what the token is for")
    token = _with(file, lambda database: database.generate_api_token(description, read_only=read_only))
    sys.stdout.write(f"{token}\n")
    sys.stdout.flush()
    may = "can read what is stored" if read_only else "can read what is stored, and post"
    sys.stderr.write(f"Keep this token: it is shown this once. Whoever has it {may}.\n")


def list_all(file: Path, *, include_revoked: bool) -> None:
    """Print a line for each token: its beginning, when it was made and used last (UTC), what it may, what it is for.

    Raises:
        TokenFailure: the database cannot be used.
    """
    rows = _with(file, lambda database: database.queries.tokens(include_revoked))
    lines = [("TOKEN", "MADE", "USED LAST", "MAY", "FOR")]
    for row in rows:
        purpose = one_line(row["description"] or "")
        lines.append(
            (
                row["token_preview"],
                _moment(row["created_at"]),
                "never" if row["last_used"] is None else _moment(row["last_used"]),
                "read" if row["read_only"] else "read, post",
                f"{purpose} (revoked)" if row["revoked"] else purpose,
            )
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        row_text = "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True))
        sys.stdout.write(f"{row_text.rstrip()}\n")


def revoke(file: Path, token: str) -> None:
    """Revoke a token that is named by its beginning, or read whole from standard input where ``-`` is given.

    Raises:
        TokenFailure: it is named whole, there is none or more than one like that, or the database cannot be used.
    """
    if token == FROM_INPUT:
        named = sys.stdin.readline().strip()
    elif len(token.removesuffix("...")) <= PREVIEW_MAX:
        named = token
    else:
        raise TokenFailure(
            "others can read a command line, so no token belongs there: name it by its first "
            f"{PREFIX_MIN} to {PREVIEW_MAX} characters, or write - and give it on standard input"
        )
    try:
        revoked = _with(file, lambda database: database.revoke_api_token(named))
    except AmbiguousPrefix as error:
        raise TokenFailure(str(error)) from None
    if not revoked:
        raise TokenFailure(f"no token in use begins like this; 'list' shows {PREFIX_MIN} characters of each")
    sys.stdout.write("revoked: the next request with it is refused\n")


def main(arguments: Sequence[str]) -> int:
    """Run ``rosey-database token``; returns the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format=f"{PROGRAM}: %(message)s")
    try:
        options.work(options)
    except TokenFailure as failure:
        sys.stderr.write(f"{PROGRAM}: {failure}\n")
        return 1
    return 0


def _create(given: argparse.Namespace) -> None:
    create(given.database, given.description, read_only=given.read_only)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"{PROGRAM} token", description="Tokens of programs that use the HTTP API.")
    commands = parser.add_subparsers(required=True, metavar="create|list|revoke")
    file = argparse.ArgumentParser(add_help=False)
    file.add_argument("--database", metavar="FILE", type=Path, required=True, help="the database of the service")

    def add(name: str, summary: str, work: Callable[[argparse.Namespace], None]) -> argparse.ArgumentParser:
        command = commands.add_parser(name, parents=[file], help=summary, description=summary)
        command.set_defaults(work=work)
        return command

    making = add("create", "Make a token, and print it.", _create)
    making.add_argument("--description", metavar="TEXT", required=True, help="what it is for")
    making.add_argument("--read-only", action="store_true", help="it may read, and not post")
    listing = add("list", "List the tokens.", lambda given: list_all(given.database, include_revoked=given.all))
    listing.add_argument("--all", action="store_true", help="also those that are revoked")
    ending = add("revoke", "Revoke a token.", lambda given: revoke(given.database, given.token))
    ending.add_argument("token", metavar="TOKEN", help="its beginning, as 'list' shows it, or - for standard input")
    return parser


def _with(file: Path, work: Callable[[BotDatabase], Awaitable[T]]) -> T:
    """Do ``work`` with a database that is up to date already: to upgrade it is for the service, or a command."""
    location = Location.of(file)
    try:
        if not file.is_file():
            raise TokenFailure(f"there is no file {file}")
        if migrations.is_upgraded(migrations.stored_revision(location)):
            raise TokenFailure(f"{file} is not of this version: start its service first, which brings it there")
        return asyncio.run(_work(file, work))
    except sqlite3.Error as error:
        raise TokenFailure(sqlite.advice(error, location)) from None
    except OSError as error:
        raise TokenFailure(f"{file} cannot be read: {error.strerror}") from None


async def _work(file: Path, work: Callable[[BotDatabase], Awaitable[T]]) -> T:
    database = BotDatabase(file)
    await database.connect()
    try:
        return await work(database)
    finally:
        # Who is in the room is the service's business.
        await database.close(end_sessions=False)


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(_TIME)
