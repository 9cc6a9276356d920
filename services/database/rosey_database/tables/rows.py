"""Many rows in few statements.

A statement for each row costs twice as much where a table has AUTOINCREMENT and three indexes, and each is another
release of Python's lock, which the event loop may then hold for milliseconds while the transaction is open.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any, Final

_SIZES: Final = (100, 10, 1)
"""Rows a statement: few different ones, so that all stay in the connection's cache of prepared statements."""


class NewRows:
    """Rows of one table, unique by the id of their event, that a batch adds. Call ``flush`` at its end.

    Args:
        statement: ``INSERT OR IGNORE ... VALUES {rows}``.
    """

    def __init__(self, connection: sqlite3.Connection, statement: str) -> None:
        self._connection = connection
        self._statement = statement
        self._rows: list[tuple[object, ...]] = []

    def add(self, *row: object) -> None:
        """Take one row, in order of arrival."""
        self._rows.append(row)

    def flush(self) -> int:
        """Store those that are new; returns how many were there already."""
        rows, self._rows = self._rows, []
        return len(rows) - execute(self._connection, self._statement, rows)


def execute(connection: sqlite3.Connection, statement: str, rows: Sequence[tuple[object, ...]]) -> int:
    """Run a statement for all rows, in order; returns how many rows of the database were inserted or updated.

    Args:
        statement: SQL with ``VALUES {rows}``; an upsert takes rows of one key as if they came one by one.
        rows: all of one width.
    """
    return sum(connection.execute(sql, values).rowcount for sql, values in _parts(statement, rows))


def select(connection: sqlite3.Connection, statement: str, keys: Sequence[tuple[object, ...]]) -> list[Any]:
    """The rows of the database that a query with ``VALUES {rows}`` finds for all keys."""
    return [row for sql, values in _parts(statement, keys) for row in connection.execute(sql, values)]


def _parts(statement: str, rows: Sequence[tuple[object, ...]]) -> Iterator[tuple[str, tuple[object, ...]]]:
    begin = 0
    for size in _SIZES:
        if len(rows) - begin < size:
            continue
        sql = _with_places(statement, len(rows[0]), size)
        while len(rows) - begin >= size:
            yield sql, tuple(chain.from_iterable(rows[begin : begin + size]))
            begin += size


@cache
def _with_places(statement: str, width: int, size: int) -> str:
    row = f"({', '.join('?' * width)})"
    return statement.format(rows=", ".join([row] * size))
