"""Database files in words: what one is, what is in it, and what an upgrade makes of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rosey_cli.up.baseline import position
from rosey_core.text import one_line
from rosey_database import migrations
from rosey_database.migrations import ORIGINAL, REVISIONS
from rosey_database.migrations.plan import Plan, TablePlan, open_untouched, plan, untouched

_SHOWN_MERGES: Final = 10
_WIDTH: Final = 22


def described_plan(found: Plan, *, dry_run: bool) -> Iterator[str]:
    """What an upgrade does, or with ``dry_run`` would do."""
    would = "would be" if dry_run else "is"
    if not found.is_needed:
        yield f"{found.file} {_kind(found)}: nothing to do"
        return
    yield f"{found.file} {_kind(found)}"
    for table in found.tables:
        yield from _becomes(table)
    if found.revision == ORIGINAL:
        channel = f"the channel {found.channel}" if found.channel else "the channel that is configured first"
        yield f"  its rows belong to {channel}, the default channel"
        yield f"the former file {would} kept in {found.backup}"
    yield f"{found.file} {would} of schema {REVISIONS[-1]}{'; nothing was changed' if dry_run else ' now'}"


def describe(file: Path) -> Iterator[str]:
    """What a file is and what is in it.

    Raises:
        sqlite3.Error: it is no database, or that of another program.
        OSError: it cannot be read.
    """
    found = plan(file)
    yield f"{file} {_kind(found)}"
    with untouched(file) as location, closing(open_untouched(location)) as connection:
        yield f"  size: {file.stat().st_size} bytes"
        if found.revision not in (None, ORIGINAL):
            yield from _channels(connection)
            yield from _stored(connection)
        elif found.channel:
            yield f"  channel: {found.channel}"
        for name, rows in _rows(connection):
            yield f"  {name:<{_WIDTH}} {_counted(rows, 'row')}"
    if found.is_needed and found.revision is not None:
        yield f"run 'rosey database upgrade {file} --dry-run' to see what its upgrade would do"


def _kind(found: Plan) -> str:
    if found.revision is None:
        return "is empty"
    if found.revision == ORIGINAL:
        return f"is of the original Rosey, {'v0.6 to v0.9' if found.is_late else 'v0.1 to v0.5'}"
    newest = "this version's" if found.revision == REVISIONS[-1] else f"this version's is {REVISIONS[-1]}"
    return f"has schema {found.revision}, {newest}"


def _becomes(table: TablePlan) -> Iterator[str]:
    line = f"  {one_line(table.name):<{_WIDTH}} {_counted(table.rows, 'row')}"
    if not table.is_taken_over:
        yield f"{line}, kept as {table.new_name}" if table.new_name else f"{line}, not touched"
        return
    if table.becomes != table.rows:
        line += f", become {table.becomes}" if table.rows else f", becomes {table.becomes}"
    yield f"{line}, hashed: they still validate" if table.hashed else line
    for names in table.merged[:_SHOWN_MERGES]:
        yield f"    one user: {one_line(', '.join(names))}"
    if len(table.merged) > _SHOWN_MERGES:
        yield f"    and {len(table.merged) - _SHOWN_MERGES} more"


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _channels(connection: sqlite3.Connection) -> Iterator[str]:
    keys = [key for (key,) in connection.execute("SELECT key FROM channels ORDER BY id")]
    yield f"  default channel: {keys[0] or 'none yet'}"
    if len(keys) > 1:
        yield f"  other channels: {', '.join(keys[1:])}"


def _stored(connection: sqlite3.Connection) -> Iterator[str]:
    _, sequence = position(connection)
    yield f"  events stored up to: {sequence or 'none of a stream'}"
    (last,) = connection.execute("SELECT max(last_event_time) FROM channels").fetchone()
    if last:
        yield f"  last event: {datetime.fromtimestamp(last, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _rows(connection: sqlite3.Connection) -> Iterator[tuple[str, int]]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name"
    for (name,) in connection.execute(query).fetchall():
        if name != migrations.VERSION_TABLE:
            (rows,) = connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()  # noqa: S608
            yield one_line(name), rows
