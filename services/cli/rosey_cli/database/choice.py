"""Which database a command means."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rosey_cli.data_directory import DataDirectory, held_directories
from rosey_cli.failure import Failure
from rosey_core.service import BAD_CONFIGURATION

DatabaseOption = Annotated[
    Path | None, typer.Option("--database", metavar="FILE", help="The database, where it is not in a data directory.")
]


def chosen(data: Path | None, database: Path | None) -> Path:
    """The file that was named, that of a data directory, or that of the only ``rosey up`` that runs here.

    Raises:
        Failure: none is named, and not one runs here.
    """
    if database is not None:
        return database.expanduser()
    if data is not None:
        return DataDirectory(data.expanduser().absolute()).database
    here = held_directories()
    if len(here) != 1:
        raise Failure("say which database: --data DIR or --database FILE", BAD_CONFIGURATION)
    return here[0].database
