"""How many rows each table has, without counting them each time.

To count is to go through an index of the whole table. So that is done at the beginning, and after each sweep of old
rows; between, rows only come, and the last number of a table says how many. What another program deletes is noticed
at the next sweep.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import ScalarSelect, Table, func, literal_column, select

from rosey_database.reader import Reader
from rosey_database.schema import metadata
from rosey_database.statement import Row, Statement

_TABLES: Final = tuple(metadata.sorted_tables)


def _rows(table: Table) -> ScalarSelect[int]:
    return select(func.count()).select_from(table).scalar_subquery()


def _last(table: Table) -> ScalarSelect[int]:
    return select(func.coalesce(func.max(literal_column("rowid")), 0)).select_from(table).scalar_subquery()


def _of_each_table(query: Callable[[Table], ScalarSelect[int]]) -> Statement:
    columns: list[Any] = [query(table).label(table.name) for table in _TABLES]
    return Statement(select(*columns))


_COUNTS: Final = _of_each_table(_rows)
_LAST: Final = _of_each_table(_last)


class RowCounts:
    """The rows of the tables of one database.

    Args:
        reader: of the database.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._counted: Row | None = None
        self._last: Row = {}

    def forget(self) -> None:
        """Count anew the next time: rows were deleted."""
        self._counted = None

    async def read(self) -> dict[str, int]:
        """The rows of each table; a look at the ends of the tables, but the first time and after ``forget``.

        Raises:
            sqlite3.Error: reading failed.
        """
        if self._counted is None:
            counted, self._last = await self._reader.run(_count)
            self._counted = counted
            return dict(counted)
        counted, before = self._counted, self._last
        now = await self._reader.run(lambda connection: _LAST.rows(connection)[0])
        return {table: max(counted[table] + last - before[table], 0) for table, last in now.items()}


def _count(connection: sqlite3.Connection) -> tuple[Row, Row]:
    """The rows of each table and the number of its last one, of one moment."""
    connection.execute("BEGIN")
    try:
        return _COUNTS.rows(connection)[0], _LAST.rows(connection)[0]
    finally:
        connection.execute("ROLLBACK")
