"""Backups: made while somebody writes, verified, and put back."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rosey_cli.backup.copies import back_up, restore, verify
from rosey_cli.data_directory import DataDirectory
from rosey_cli.failure import Failure
from rosey_cli.main import app

INSERT = "INSERT INTO user_stats (username, first_seen, last_seen) VALUES (?, 1, 1)"


def add(database: Path, *names: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executemany(INSERT, [(name,) for name in names])


def users(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return [name for (name,) in connection.execute("SELECT username FROM user_stats ORDER BY username")]


def spoil(database: Path) -> None:
    """Overwrite a page in the middle of a file."""
    with database.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 4096)


@pytest.fixture
def rosey() -> Callable[..., Result]:
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_backup_has_what_was_committed_and_nothing_else(database_file: Path, tmp_path: Path) -> None:
    add(database_file, "Alice")
    with closing(sqlite3.connect(database_file)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute(INSERT, ("Bob",))
        copy = back_up(database_file, tmp_path / "backup.db")
        writer.rollback()
    assert users(copy.path) == ["Alice"]
    assert copy.size == copy.path.stat().st_size > 0
    assert [file.name for file in tmp_path.glob("*backup*")] == ["backup.db"]


def test_a_backup_goes_into_a_new_file(database_file: Path, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("precious")
    with pytest.raises(Failure, match="is there already"):
        back_up(database_file, tmp_path / "there")
    assert (tmp_path / "there").read_text() == "precious"
    with pytest.raises(Failure, match=r"there is no directory .*absent for the backup"):
        back_up(database_file, tmp_path / "absent" / "backup.db")
    with pytest.raises(Failure, match="there is no database"):
        back_up(tmp_path / "absent.db", tmp_path / "backup.db")


def test_a_corrupt_database_makes_no_backup(database_file: Path, tmp_path: Path) -> None:
    spoil(database_file)
    with pytest.raises(Failure, match=r"corrupt|malformed"):
        back_up(database_file, tmp_path / "backup.db")
    assert list(tmp_path.glob("*backup*")) == []


def test_a_restored_database_is_the_backup_and_the_former_one_is_kept(database_file: Path, tmp_path: Path) -> None:
    add(database_file, "Alice")
    copy = back_up(database_file, tmp_path / "backup.db")
    add(database_file, "Bob")
    _, kept = restore(copy.path, database_file)
    assert users(database_file) == ["Alice"]
    assert kept is not None
    assert users(kept) == ["Alice", "Bob"]


def test_a_corrupt_database_is_replaced(database_file: Path, tmp_path: Path) -> None:
    add(database_file, "Alice")
    copy = back_up(database_file, tmp_path / "backup.db")
    database_file.write_bytes(b"no database at all" * 1000)
    _, kept = restore(copy.path, database_file)
    assert users(database_file) == ["Alice"]
    assert kept is not None
    assert kept.read_bytes().startswith(b"no database")


def test_a_database_that_is_not_there_is_made(database_file: Path, tmp_path: Path) -> None:
    add(database_file, "Alice")
    assert restore(database_file, tmp_path / "new.db")[1] is None
    assert users(tmp_path / "new.db") == ["Alice"]


def test_a_database_in_use_is_not_replaced(database_file: Path, tmp_path: Path) -> None:
    copy = back_up(database_file, tmp_path / "backup.db")
    with closing(sqlite3.connect(database_file)) as service:
        service.execute("PRAGMA journal_mode = WAL")
        service.execute("SELECT * FROM user_stats").fetchall()
        with pytest.raises(Failure, match="is in use: stop the service first"):
            restore(copy.path, database_file)


@pytest.mark.parametrize("content", [b"", b"text", b"SQLite format 3\x00"])
def test_what_is_no_backup_replaces_nothing(database_file: Path, tmp_path: Path, content: bytes) -> None:
    add(database_file, "Alice")
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(Failure, match="is no database of Rosey's"):
        restore(tmp_path / "other", database_file)
    assert users(database_file) == ["Alice"]
    with pytest.raises(Failure, match="there is no file"):
        verify(tmp_path / "absent")


def test_the_commands_name_the_database(rosey: Callable[..., Result], database_file: Path, tmp_path: Path) -> None:
    data = DataDirectory(tmp_path / "data")
    data.path.mkdir()
    database_file.rename(data.database)
    made = rosey("backup", tmp_path / "backup.db", "--data", data.path)
    assert made.exit_code == 0, made.stderr
    assert "verified, no events of a stream" in made.stdout
    put_back = rosey("restore", tmp_path / "backup.db", "--data", data.path)
    assert put_back.exit_code == 0, put_back.stderr
    assert "what was there is in" in put_back.stdout
    assert rosey("backup", tmp_path / "second.db", "--database", data.database).exit_code == 0
    assert rosey("restore", tmp_path / "second.db").exit_code == 2
    absent = rosey("restore", tmp_path / "absent.db", "--data", tmp_path / "untouched")
    assert (absent.exit_code, "there is no file" in absent.stderr) == (1, True)
    assert not (tmp_path / "untouched").exists()
    data.acquire()
    held = rosey("restore", tmp_path / "backup.db", "--data", data.path)
    data.release()
    assert held.exit_code == 1
    assert "is at work on" in held.stderr


def test_which_database_must_be_said_where_none_runs(
    rosey: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    result = rosey("backup", tmp_path / "backup.db")
    assert result.exit_code == 2
    assert "say which database" in result.stderr


def test_a_database_is_not_restored_from_itself(database_file: Path) -> None:
    add(database_file, "Alice")
    with pytest.raises(Failure, match="is the database itself"):
        restore(database_file, database_file)
    assert users(database_file) == ["Alice"]


def test_a_copy_that_cannot_be_made_leaves_the_database_in_its_place(
    database_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(database_file, "Alice")
    copy = back_up(database_file, tmp_path / "backup.db")

    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("rosey_cli.backup.copies._sync", full)
    with pytest.raises(Failure, match="No space left"):
        restore(copy.path, database_file)
    assert users(database_file) == ["Alice"]
    assert sorted(file.name for file in database_file.parent.glob(f"*{database_file.name}*")) == [database_file.name]


def test_the_log_of_a_database_that_was_deleted_does_not_spoil_the_restored_one(
    database_file: Path, tmp_path: Path
) -> None:
    add(database_file, "Alice")
    copy = back_up(database_file, tmp_path / "backup.db")
    with closing(sqlite3.connect(database_file)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        add(database_file, *(f"user {number}" for number in range(500)))
        # As a process that is killed leaves it.
        log = database_file.with_name(f"{database_file.name}-wal").read_bytes()
    database_file.unlink()
    database_file.with_name(f"{database_file.name}-wal").write_bytes(log)
    _, kept = restore(copy.path, database_file)
    assert users(database_file) == ["Alice"]
    assert verify(database_file).size == copy.size
    assert kept is not None
    assert kept.with_name(f"{kept.name}-wal").read_bytes() == log
