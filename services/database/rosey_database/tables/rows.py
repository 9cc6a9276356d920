"""Many rows in few statements.

A statement for each row costs twice as much where a table has AUTOINCREMENT and three indexes, and each is another
release of Python's lock, which the event loop may then hold for milliseconds while the transaction is open.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Final

_SIZES: Final = (100, 10, 1)
"""Rows a statement: few different ones, so that all stay in the connection's cache of prepared statements."""


def execute(connection: sqlite3.Connection, statement: str, rows: Sequence[tuple[object, ...]]) -> int:
    """Run a statement for all rows, in order; returns how many rows of the database were inserted or updated.

    Args:
        statement: SQL with ``VALUES {rows}``; an upsert takes rows of one key as if they came one by one.
        rows: all of one width.
    """
    changed = begin = 0
    for size in _SIZES:
        if len(rows) - begin < size:
            continue
        sql = _with_places(statement, len(rows[0]), size)
        while len(rows) - begin >= size:
            values = tuple(chain.from_iterable(rows[begin : begin + size]))
            changed += connection.execute(sql, values).rowcount
            begin += size
    return changed


@cache
def _with_places(statement: str, width: int, size: int) -> str:
    row = f"({', '.join('?' * width)})"
    return statement.format(rows=", ".join([row] * size))
