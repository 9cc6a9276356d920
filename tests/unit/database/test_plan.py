"""Plans of upgrades: they say what the upgrade then does, and touch nothing, whatever lies beside the file."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from rosey_database import migrations
from rosey_database.migrations.plan import Plan, TablePlan, plan
from rosey_database.sqlite import Location, UnusableDatabase
from tests.unit.database.originals import EARLY, EARLY_ROWS, LATE, LATE_ROWS, make, read

ADD = "INSERT INTO recent_chat (timestamp, username, message) VALUES (1, 'Cid', 'in the log')"


def state(folder: Path) -> dict[str, str]:
    """Every file with the hash of what is in it; the shared memory's is what readers scribble on."""
    return {
        path.name: "" if path.name.endswith("-shm") else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
    }


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bot_data.db"


def table(found: Plan, name: str) -> TablePlan:
    return next(table for table in found.tables if table.name == name)


def test_it_says_what_becomes_of_each_table(file: Path) -> None:
    make(file, {**LATE, "channels": ["name TEXT"]}, LATE_ROWS)
    before = state(file.parent)
    found = plan(file)
    assert (found.revision, found.is_late, found.channel) == (migrations.ORIGINAL, True, "lobby")
    assert found.backup == file.with_name("bot_data.db.original.bak")
    assert table(found, "user_stats") == TablePlan(name="user_stats", rows=3, becomes=2, merged=(("Ann", "ANN"),))
    assert table(found, "api_tokens").hashed == 2
    assert table(found, "channels").new_name == "original_channels"
    assert not table(found, "plugin_kv_storage").is_taken_over
    assert state(file.parent) == before


def test_the_upgrade_does_what_it_says(file: Path) -> None:
    make(file, EARLY, EARLY_ROWS)
    found = plan(file)
    assert not found.is_late
    migrations.upgrade(Location.of(file))
    assert {planned.name: planned.becomes for planned in found.tables} == {
        name: len(read(file, name)) for name in EARLY
    }
    assert found.backup is not None
    assert found.backup.exists()
    assert not plan(file).is_needed


def test_the_next_backup_has_another_name(file: Path) -> None:
    make(file, EARLY, EARLY_ROWS)
    file.with_name("bot_data.db.original.bak").write_text("precious")
    assert plan(file).backup == file.with_name("bot_data.db.original.2.bak")


@pytest.mark.parametrize("name", ["", "no such name!"])
def test_a_file_may_name_no_channel(file: Path, name: str) -> None:
    make(file, {"current_status": EARLY["current_status"]}, {"current_status": [{"id": 1, "channel_name": name}]})
    assert plan(file).channel == ""
    file.unlink()
    make(file, {"current_status": ["id INTEGER"]}, {})
    assert plan(file).channel == ""


@pytest.mark.parametrize("in_use", [False, True], ids=["left by a crash", "in use"])
def test_what_is_in_the_log_counts_and_stays_there(file: Path, tmp_path: Path, in_use: bool) -> None:
    folder = tmp_path / "live"
    folder.mkdir()
    live = make(folder / file.name, EARLY, EARLY_ROWS)
    with closing(sqlite3.connect(live)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(ADD)
        connection.commit()
        if not in_use:
            for ending in ("", "-wal"):
                shutil.copyfile(f"{live}{ending}", f"{file}{ending}")
            shutil.rmtree(folder, ignore_errors=True)
            live = file
        before = state(live.parent)
        assert table(plan(live), "recent_chat").rows == 3
        assert state(live.parent) == before


def test_a_transaction_that_a_crash_cut_off_does_not_count(file: Path, tmp_path: Path) -> None:
    live = make(tmp_path / "live.db", EARLY, EARLY_ROWS)
    with closing(sqlite3.connect(live, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        for _ in range(200):
            connection.execute(
                "INSERT INTO recent_chat (timestamp, username, message) VALUES (1, 'Cid', zeroblob(4000))"
            )
        for ending in ("", "-journal"):
            shutil.copyfile(f"{live}{ending}", f"{file}{ending}")
        connection.execute("ROLLBACK")
    live.unlink()
    before = state(tmp_path)
    assert table(plan(file), "recent_chat").rows == 2
    assert state(tmp_path) == before


def test_an_empty_file_has_no_plan_for_tables(file: Path) -> None:
    file.touch()
    assert plan(file) == Plan(file=file, revision=None)


@pytest.mark.parametrize(
    "tables",
    [
        {"customers": ["name TEXT"]},
        {"user_stats": ["id INTEGER", "visits INTEGER"]},
        {"user_stats": ["id INTEGER", "username TEXT", "email TEXT", "score REAL"]},
        {"user_actions": ["id INTEGER", "verb TEXT"], "customers": ["name TEXT"]},
        {"api_tokens": ["id INTEGER", "user_id INTEGER", "hash TEXT"], "alembic_version": ["version_num TEXT"]},
        {**EARLY, "recent_chat": ["id INTEGER", "room INTEGER", "body TEXT"]},
    ],
)
def test_what_is_not_ours_is_refused(file: Path, tables: dict[str, list[str]]) -> None:
    make(file, tables, {})
    before = file.read_bytes()
    with pytest.raises(UnusableDatabase, match="another program"):
        plan(file)
    with pytest.raises(UnusableDatabase, match="another program"):
        migrations.upgrade(Location.of(file))
    assert file.read_bytes() == before
