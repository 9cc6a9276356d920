"""Statements of SQLAlchemy Core, compiled once: to build and compile one costs ten times what SQLite needs for it."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from sqlalchemy import Select
from sqlalchemy.dialects.sqlite.base import SQLiteDialect

Row = dict[str, Any]

_DIALECT: Final = SQLiteDialect(paramstyle="named")


class Statement:
    """A statement that is executed again and again.

    Args:
        source: its ``bindparam`` without a value are the parameters of each execution.

    Attributes:
        text: SQL.
    """

    def __init__(self, source: Select[Any]) -> None:
        compiled = source.compile(dialect=_DIALECT)
        self.text: Final = str(compiled)
        self._values: Final[dict[str, Any]] = dict(compiled.params)

    def rows(self, connection: sqlite3.Connection, **parameters: object) -> list[Row]:
        """Execute it; each row by the names of its columns.

        Raises:
            sqlite3.Error: as SQLite says.
        """
        cursor = connection.execute(self.text, {**self._values, **parameters})
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]
