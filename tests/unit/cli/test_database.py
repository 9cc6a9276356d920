"""``rosey database``: what it tells of a file, what it changes, and what it leaves alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rosey_cli.main import app
from rosey_database import migrations
from rosey_database.sqlite import Location
from tests.unit.database.originals import EARLY, EARLY_ROWS, LATE, LATE_ROWS, TOKEN, make

Rosey = Callable[..., Result]


@pytest.fixture
def rosey() -> Rosey:
    return lambda *arguments: CliRunner().invoke(app, ["database", *map(str, arguments)])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return make(tmp_path / "bot_data.db", EARLY, EARLY_ROWS)


def test_a_dry_run_says_what_would_be_done_and_does_nothing(rosey: Rosey, file: Path) -> None:
    before = (file.read_bytes(), sorted(file.parent.iterdir()))
    result = rosey("upgrade", file, "--dry-run")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"{file} is of the original Rosey, v0.1 to v0.5",
        "  user_stats             3 rows, become 2",
        "    one user: Ann, ANN",
        "  user_actions           1 row",
        "  channel_stats          1 row",
        "  user_count_history     1 row",
        "  recent_chat            2 rows",
        "  current_status         1 row",
        "  outbound_messages      2 rows",
        "  api_tokens             2 rows, hashed: they still validate",
        "  its rows belong to the channel lobby, the default channel",
        f"the former file would be kept in {file}.original.bak",
        f"{file} would be of schema {migrations.REVISIONS[-1]}; nothing was changed",
    ]
    assert (file.read_bytes(), sorted(file.parent.iterdir())) == before
    assert TOKEN not in result.output


def test_an_upgrade_says_and_does_the_same(rosey: Rosey, file: Path) -> None:
    told = rosey("upgrade", file, "--dry-run").stdout.splitlines()[:-2]
    done = rosey("upgrade", file).stdout.splitlines()
    assert done[:-2] == told
    assert done[-1] == f"{file} is of schema {migrations.REVISIONS[-1]} now"
    assert Path(f"{file}.original.bak").exists()
    again = rosey("upgrade", file)
    assert (again.exit_code, again.stdout.endswith("this version's: nothing to do\n")) == (0, True)


def test_info_tells_of_a_file_of_the_original(rosey: Rosey, tmp_path: Path) -> None:
    file = make(tmp_path / "late.db", {**LATE, "channels": ["name TEXT"]}, LATE_ROWS)
    shown = rosey("info", file).stdout
    assert f"{file} is of the original Rosey, v0.6 to v0.9\n" in shown
    assert "  channel: lobby\n" in shown
    assert "  plugin_kv_storage      1 row\n" in shown
    assert "rosey database upgrade" in shown
    assert "  channels               0 rows, kept as original_channels\n" in rosey("upgrade", file, "--dry-run").stdout


def test_info_tells_of_a_file_of_ours(rosey: Rosey, database_file: Path) -> None:
    with closing(sqlite3.connect(database_file)) as connection, connection:
        connection.execute("UPDATE channels SET key = 'lobby', last_event_time = 1700000000 WHERE id = 1")
        connection.execute("INSERT INTO channels (id, key) VALUES (2, 'den')")
    shown = rosey("info", database_file).stdout
    assert f"{database_file} has schema {migrations.REVISIONS[-1]}, this version's\n" in shown
    assert "  default channel: lobby\n  other channels: den\n" in shown
    assert "  events stored up to: none of a stream\n  last event: 2023-11-14 22:13:20 UTC\n" in shown
    assert "upgrade" not in shown


def test_many_merged_users_are_told_in_part(rosey: Rosey, tmp_path: Path) -> None:
    names = [name for number in range(12) for name in (f"user\x1b{number}", f"USER\x1b{number}")]
    rows = [{"username": name, "first_seen": 1, "last_seen": 1} for name in names]
    file = make(tmp_path / "many.db", {"user_stats": EARLY["user_stats"]}, {"user_stats": rows})
    result = rosey("upgrade", file, "--dry-run")
    assert "24 rows, become 12" in result.stdout
    assert "    and 2 more\n" in result.stdout
    assert "\x1b" not in result.stdout
    assert "the channel that is configured first" in result.stdout


def test_an_empty_file_becomes_a_database(rosey: Rosey, tmp_path: Path) -> None:
    file = tmp_path / "empty.db"
    file.touch()
    assert rosey("info", file).stdout == f"{file} is empty\n  size: 0 bytes\n"
    assert rosey("upgrade", file).exit_code == 0
    assert migrations.stored_revision(Location.of(file)) == migrations.REVISIONS[-1]


@pytest.mark.parametrize("verb", ["info", "upgrade"])
def test_what_is_no_database_of_ours_is_refused(rosey: Rosey, tmp_path: Path, verb: str) -> None:
    text, foreign = tmp_path / "text.db", make(tmp_path / "foreign.db", {"customers": ["name TEXT"]}, {})
    text.write_text("not a database at all, but long enough to be taken for one" * 10)
    for file, says in ((text, "is not a database"), (foreign, "another program"), (tmp_path / "none", "there is no")):
        result = rosey(verb, file)
        assert result.exit_code == 1
        assert says in result.stderr


def test_a_file_that_cannot_be_read_is_told(rosey: Rosey, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(f"{file}-wal").write_bytes(b"")

    def fail(*arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("shutil.copyfile", fail)
    result = rosey("info", file)
    assert (result.exit_code, result.stderr) == (1, f"rosey: {file} cannot be read: Permission denied\n")
