"""SQLite's errors: whose fault they are, and what the operator should do."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from rosey_database import sqlite
from rosey_database.sqlite import Location, UnusableDatabase


def error_of(statement: str) -> sqlite3.Error:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE t (a INTEGER NOT NULL)")
        with pytest.raises(sqlite3.Error) as caught:
            connection.execute(statement)
    return caught.value


def test_what_the_data_are_to_blame_for_is_no_fault_of_the_storage() -> None:
    assert not sqlite.is_storage_fault(error_of("INSERT INTO t VALUES (NULL)"))
    assert not sqlite.is_storage_fault(ValueError())


def test_a_full_disk_is_the_storage_s_fault(database_file: Path) -> None:
    location = Location.of(database_file)
    with closing(sqlite.connect(location)) as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(sqlite3.OperationalError) as caught:
            connection.execute(
                "INSERT INTO recent_chat (timestamp, username, message) VALUES (1, 'Ann', ?)", ("x" * 100_000,)
            )
    assert sqlite.is_storage_fault(caught.value)
    assert "make room" in sqlite.advice(caught.value, location)
    assert not sqlite.is_corruption(caught.value)


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    location = Location.of(tmp_path / "missing" / "x.db")
    with pytest.raises(sqlite3.OperationalError) as caught:
        sqlite.connect(location)
    assert "its folder exists" in sqlite.advice(caught.value, location)


def test_a_file_that_is_no_database_is_corrupt(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    file.write_bytes(b"no database at all" * 100)
    with pytest.raises(sqlite3.DatabaseError) as caught:
        sqlite.connect(Location.of(file))
    assert sqlite.is_corruption(caught.value)
    assert "restore a backup" in sqlite.advice(caught.value, Location.of(file))


def test_an_unusable_database_speaks_for_itself(tmp_path: Path) -> None:
    assert sqlite.advice(UnusableDatabase("as it says"), Location.of(tmp_path)) == "as it says"


def test_each_database_in_memory_is_another() -> None:
    assert Location.of(":memory:").uri != Location.of(":memory:").uri
    assert Location.of(":memory:").file is None


@pytest.mark.parametrize("name", ["with space.db", "per%cent.db", "question?.db", "hash#.db", "ünïcode.db"])
def test_every_file_name_will_do(tmp_path: Path, name: str) -> None:
    location = Location.of(tmp_path / name)
    (tmp_path / name).touch()
    sqlite.connect(location).close()
    assert [file.name for file in tmp_path.iterdir()] == [name]
