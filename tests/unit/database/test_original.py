"""Files of the original are upgraded in place: nothing is lost, a backup is kept, and no token stays readable."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rosey_core import events
from rosey_core.identity import user_key
from rosey_database import BotDatabase, effects, migrations
from rosey_database.effects import Received
from rosey_database.migrations import migration
from rosey_database.migrations.plan import plan
from rosey_database.sqlite import Location
from rosey_database.writer import Transaction
from tests.unit.database.originals import (
    EARLY,
    EARLY_ROWS,
    FIRST,
    GROWN,
    LATE,
    LATE_ROWS,
    REVOKED,
    TOKEN,
    Rows,
    make,
    read,
)

GENERATIONS = pytest.mark.parametrize(
    ("tables", "rows"), [(EARLY, EARLY_ROWS), (LATE, LATE_ROWS)], ids=["v0.2 to v0.5", "v0.6 to v0.9"]
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bot_data.db"


def test_text_where_a_number_should_be_keeps_no_file_from_being_upgraded(file: Path) -> None:
    make(file, EARLY, EARLY_ROWS)
    with closing(sqlite3.connect(file)) as connection:
        for table, column in (
            ("user_stats", "total_chat_lines"),
            ("user_stats", "last_seen"),
            ("recent_chat", "timestamp"),
        ):
            connection.execute(f"UPDATE {table} SET {column} = 'many' WHERE rowid = (SELECT min(rowid) FROM {table})")
        connection.commit()
    migrations.upgrade(Location.of(file))
    assert migrations.stored_revision(Location.of(file)) == migrations.REVISIONS[-1]


def test_an_upgrade_that_fails_leaves_the_file_as_it_was_and_no_backup(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(file, EARLY, EARLY_ROWS)

    def fail(location: Location) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(migration, "run", fail)
    for _ in range(2):
        with pytest.raises(sqlite3.OperationalError):
            migrations.upgrade(Location.of(file))
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@GENERATIONS
async def test_everything_is_there_after_the_upgrade(file: Path, tables: dict[str, list[str]], rows: Rows) -> None:
    make(file, tables, rows)
    database = BotDatabase(file)
    await database.connect()
    assert database.default_channel == "lobby"
    assert await database.get_user_stats("ann") == {
        "username": "Ann",
        "first_seen": 50,
        "last_seen": 900,
        "total_chat_lines": 10,
        "total_time_connected": 510,
        "current_session_start": 850,
    }
    assert await database.get_total_users_seen() == 2
    assert await database.get_high_water_mark(channel="lobby") == (12, 400)
    assert await database.get_high_water_mark_connected() == (30, 410)
    assert await database.get_user_count_history(hours=10**6) == [
        {"timestamp": 600, "chat_users": 0, "connected_users": 5}
    ]
    assert await database.get_recent_messages() == [
        {"id": 3, "timestamp": 710, "username": "Bob", "message": "0"},
        {"id": 2, "timestamp": 700, "username": "Ann", "message": "hi"},
    ]
    status = await database.get_current_status()
    assert status is not None
    for name, value in {
        "bot_name": "Rosey",
        "bot_rank": 3.0,
        "channel_name": "Lobby",
        "current_chat_users": 4,
        "current_connected_users": 6,
        "last_updated": 950,
    }.items():
        assert status[name] == value, name
    assert await database.get_unsent_outbound_messages() == [
        {"id": 6, "timestamp": 810, "message": "waiting", "retry_count": 2, "last_error": "muted"}
    ]
    assert await database.validate_api_token(TOKEN)
    found = await database.find_api_token(TOKEN)
    assert found is not None
    assert not found.read_only
    assert not await database.validate_api_token(REVOKED)
    listed = await database.list_api_tokens(include_revoked=True)
    assert [(token["description"] or "", token["created_at"], token["revoked"]) for token in listed] == [
        ("web page", 10, False),
        (rows["api_tokens"][1].get("description") or "", 11, True),
    ]
    await database.close()
    assert read(file, "user_actions", "id, timestamp, username, action_type, details") == rows["user_actions"]
    for table in ("plugin_kv_storage", "plugin_table_schemas", "alembic_version"):
        if table in tables:
            assert [{**row, **given} for row, given in zip(read(file, table), rows[table], strict=True)] == read(
                file, table
            )


def test_columns_that_we_do_not_have_stay(file: Path) -> None:
    make(file, LATE, LATE_ROWS)
    migrations.upgrade(Location.of(file))
    assert read(file, "current_status", "status") == [{"status": "running"}]
    assert read(file, "api_tokens", "id, name, permissions") == [
        {"id": 1, "name": "web page", "permissions": '["read"]'},
        {"id": 2, "name": "old", "permissions": None},
    ]


@GENERATIONS
def test_the_backup_is_the_file_as_it_was(file: Path, tables: dict[str, list[str]], rows: Rows) -> None:
    make(file, tables, rows)
    before = {table: read(file, table) for table in tables}
    migrations.upgrade(Location.of(file))
    backup = file.with_name("bot_data.db.original.bak")
    assert {table: read(backup, table) for table in tables} == before
    assert migrations.stored_revision(Location.of(backup)) == migrations.ORIGINAL
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert sorted(path.name for path in file.parent.iterdir()) == ["bot_data.db", backup.name]


def test_no_backup_is_overwritten(file: Path) -> None:
    for name in ("bot_data.db.original.bak", "bot_data.db.original.2.bak"):
        make(file, EARLY, EARLY_ROWS)
        migrations.upgrade(Location.of(file))
        assert migrations.stored_revision(Location.of(file.with_name(name))) == migrations.ORIGINAL
        file.unlink()


def test_no_token_stays_readable(file: Path) -> None:
    make(file, EARLY, EARLY_ROWS)
    assert TOKEN.encode() in file.read_bytes()
    migrations.upgrade(Location.of(file))
    assert TOKEN.encode() not in file.read_bytes()
    assert not file.with_name("bot_data.db-wal").exists()


def test_what_the_file_is_afterwards_is_what_a_new_one_is(file: Path, empty_database: Path) -> None:
    make(file, EARLY, EARLY_ROWS)
    migrations.upgrade(Location.of(file))

    def made(path: Path) -> dict[str, str]:
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            return dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))

    assert made(file) == made(Path(shutil.copy(empty_database, file.with_name("new.db"))))
    assert migrations.stored_revision(Location.of(file)) == migrations.REVISIONS[-1]


def test_ids_that_were_given_are_not_given_again(file: Path) -> None:
    make(file, EARLY, EARLY_ROWS)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DELETE FROM outbound_messages WHERE id = 6")
        connection.commit()
    migrations.upgrade(Location.of(file))
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("INSERT INTO outbound_messages (timestamp, message) VALUES (1, 'new')")
        assert connection.execute("SELECT max(id) FROM outbound_messages").fetchone() == (7,)


async def _tell(database: BotDatabase, event: events.Event, time: float) -> None:
    received = Received(event, "lobby", bytes(16), time, 10**6)

    def apply(work: Transaction) -> None:
        effects.apply(work.connection, work.channel_ids, [received])

    await database.writer.run(apply)


async def test_lines_that_the_original_counted_are_not_counted_again_when_they_are_replayed(file: Path) -> None:
    make(file, EARLY, EARLY_ROWS)
    database = BotDatabase(file)
    await database.connect()
    for said in (700.25, 710, 949.5):
        await _tell(database, events.ChatMessage(username="Bob", message="0", replayed=True), said)
    bob = await database.get_user_stats("Bob")
    assert bob is not None
    assert bob["total_chat_lines"] == 0
    await _tell(database, events.ChatMessage(username="Bob", message="while away", replayed=True), 2000)
    bob = await database.get_user_stats("Bob")
    assert bob is not None
    assert bob["total_chat_lines"] == 1
    await database.close(end_sessions=False)


async def test_a_session_left_open_ends_at_the_original_s_last_sign_of_life(file: Path) -> None:
    make(file, EARLY, EARLY_ROWS)
    database = BotDatabase(file)
    await database.connect()
    await _tell(database, events.UsersPresent(users=[]), 50_000)
    ann = await database.get_user_stats("Ann")
    assert ann is not None
    assert (ann["total_time_connected"], ann["current_session_start"]) == (510 + 100, None)
    await database.close()


async def test_times_to_come_say_nothing_of_the_last_sign_of_life(file: Path) -> None:
    make(file, EARLY, EARLY_ROWS)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE user_stats SET last_seen = 99999999999 WHERE username = 'Bob'")
        connection.execute("UPDATE recent_chat SET timestamp = 4611686018427387904 WHERE id = 3")
        connection.commit()
    database = BotDatabase(file)
    await database.connect()
    await _tell(database, events.UsersPresent(users=[]), 50_000)
    ann = await database.get_user_stats("Ann")
    assert ann is not None
    assert (ann["total_time_connected"], ann["current_session_start"]) == (510 + 100, None)
    await _tell(database, events.ChatMessage(username="Ann", message="while away", replayed=True), 2000)
    ann = await database.get_user_stats("Ann")
    assert ann is not None
    assert ann["total_chat_lines"] == 11
    await database.close(end_sessions=False)


async def test_two_spellings_in_the_room_are_one_session(file: Path) -> None:
    rows = {"user_stats": [{**EARLY_ROWS["user_stats"][0], "username": name} for name in ("Ann", "ann")]}
    rows["user_stats"][1]["current_session_start"] = 820
    make(file, {"user_stats": EARLY["user_stats"]}, rows)
    database = BotDatabase(file)
    await database.connect()
    assert database.default_channel == ""
    ann = await database.get_user_stats("ANN")
    assert ann is not None
    assert ann["current_session_start"] == 820
    await database.close()


async def test_a_channel_name_that_is_none_leaves_the_default_open(file: Path) -> None:
    rows = {"current_status": [{"id": 1, "channel_name": "no such name!"}]}
    make(file, {"current_status": EARLY["current_status"]}, rows)
    database = BotDatabase(file)
    await database.connect()
    assert database.default_channel == ""
    assert await database.choose_default_channel("lobby")
    await database.close()


def test_a_table_of_ours_that_is_a_stranger_s_stays_aside(file: Path) -> None:
    make(file, {**EARLY, "channels": ["name TEXT"]}, {"channels": [{"name": "kept"}]})
    migrations.upgrade(Location.of(file))
    assert read(file, "original_channels") == [{"name": "kept"}]


def test_views_and_references_go_on_naming_the_tables(file: Path) -> None:
    make(file, EARLY, EARLY_ROWS)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE VIEW talkers AS SELECT username FROM user_stats WHERE total_chat_lines > 0")
        connection.execute(
            "CREATE TABLE plugin_points (username TEXT REFERENCES user_stats (username), points INTEGER)"
        )
        before = sorted(connection.execute("SELECT username FROM talkers"))
        connection.commit()
    migrations.upgrade(Location.of(file))
    with closing(sqlite3.connect(file)) as connection:
        assert {name.lower() for (name,) in connection.execute("SELECT username FROM talkers")} == {
            name.lower() for (name,) in before
        }
        ((_, _, table, *_),) = connection.execute("PRAGMA foreign_key_list(plugin_points)").fetchall()
        assert table == "user_stats"


def test_an_upgrade_that_fails_leaves_the_file_as_it_was(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(file, EARLY, EARLY_ROWS)
    before = {table: read(file, table) for table in EARLY}
    with monkeypatch.context() as patch:
        patch.setattr("rosey_database.migrations.original._note_last_sign_of_life", lambda connection: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            migrations.upgrade(Location.of(file))
    assert {table: read(file, table) for table in EARLY} == before
    assert migrations.stored_revision(Location.of(file)) == migrations.ORIGINAL
    migrations.upgrade(Location.of(file))
    assert len(read(file, "user_stats")) == 2


async def test_without_a_backup_there_is_no_upgrade(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(file, EARLY, EARLY_ROWS)
    before = file.read_bytes()  # noqa: ASYNC240

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(aiosqlite.Error, match="no backup"):
            await BotDatabase(file).connect()
    assert file.read_bytes() == before  # noqa: ASYNC240
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_file_that_cannot_be_compacted_is_upgraded_all_the_same(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make(file, EARLY, EARLY_ROWS)

    def fail(location: Location) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(migration, "_compact", fail)
    migrations.upgrade(Location.of(file))
    assert "could not be compacted" in caplog.text
    assert migrations.stored_revision(Location.of(file)) == migrations.REVISIONS[-1]


GROWN_ROWS: Rows = {
    "user_stats": EARLY_ROWS["user_stats"],
    "current_status": [
        {**EARLY_ROWS["current_status"][0], "status": "running", "current_users": 40, "connected_users": 6}
    ],
    "outbound_messages": [
        {"id": 1, "timestamp": 1, "message": "a", "last_error": "old", "error_message": "new"},
        {"id": 2, "timestamp": 2, "message": "b", "error_message": "muted"},
    ],
    "api_tokens": [
        {"token": TOKEN, "name": "page", "description": "web page", "created_at": 1, "revoked": 0, "is_active": 1},
        {"token": REVOKED, "name": "old", "created_at": 2, "revoked": 0, "is_active": 0},
    ],
}


async def test_where_two_generations_disagree_both_values_stay(file: Path) -> None:
    make(file, GROWN, GROWN_ROWS)
    migrations.upgrade(Location.of(file))
    assert read(file, "current_status", "current_chat_users, current_users, current_connected_users, status") == [
        {"current_chat_users": 4, "current_users": 40, "current_connected_users": 6, "status": "running"}
    ]
    assert read(file, "outbound_messages", "id, last_error, error_message") == [
        {"id": 1, "last_error": "old", "error_message": "new"},
        {"id": 2, "last_error": "muted", "error_message": "muted"},
    ]
    database = BotDatabase(file)
    await database.connect()
    assert await database.validate_api_token(TOKEN)
    assert not await database.validate_api_token(REVOKED)
    await database.close()


async def test_the_first_generation_lacks_what_came_later(file: Path) -> None:
    rows = {table: [{**row} for row in found] for table, found in EARLY_ROWS.items() if table in FIRST}
    for row in (*rows["channel_stats"], *rows["outbound_messages"]):
        for column in ("max_connected", "max_connected_timestamp", "retry_count", "last_error"):
            row.pop(column, None)
    make(file, FIRST, rows)
    database = BotDatabase(file)
    await database.connect()
    assert await database.get_high_water_mark() == (12, 400)
    assert await database.get_high_water_mark_connected() == (0, None)
    assert await database.get_unsent_outbound_messages() == [
        {"id": 6, "timestamp": 810, "message": "waiting", "retry_count": 0, "last_error": None}
    ]
    await database.close()
    assert read(file, "user_actions", "id, timestamp, username, action_type, details") == rows["user_actions"]


def _row(table: str, columns: list[str], number: int) -> dict[str, Any]:
    """A made-up row with a value in each of these columns."""
    row: dict[str, Any] = {}
    for column in columns:
        name, kind = column.split()[:2]
        if name in ("id", "PRIMARY"):
            continue
        row[name] = f"{table} {number}" if kind in ("TEXT", "VARCHAR(32)") else 100 + number
    return row


@given(st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_subset_of_tables_and_columns_is_taken_over(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    tables: dict[str, list[str]] = {}
    rows: Rows = {}
    for table, columns in data.draw(st.sampled_from([FIRST, EARLY, LATE, GROWN])).items():
        if not data.draw(st.booleans(), label=table):
            continue
        key = {"user_stats": "username", "api_tokens": "token"}.get(table)
        tables[table] = [
            column
            for column in columns
            if column.split()[0] in (key, "id", "PRIMARY", "plugin_name", "key") or data.draw(st.booleans())
        ]
        single = table in ("channel_stats", "current_status", "alembic_version")
        rows[table] = [_row(table, tables[table], number) for number in range(1 if single else 3)]
        rows[table] = [row for row in rows[table] if row]
    tables = {table: columns for table, columns in tables.items() if columns}
    file = make(tmp_path_factory.mktemp("original") / "bot_data.db", tables, rows)
    before = {table: read(file, table) for table in tables}
    planned = {table.name: table.becomes for table in plan(file).tables} if tables else {}
    migration.run(Location.of(file))
    assert planned == {table: len(read(file, table)) for table in tables}
    for table, kept in before.items():
        after = read(file, table)
        assert len(after) >= len(kept), table
        if table != "api_tokens":
            for row in kept:
                shared = [found for found in after if all(found[name] == row[name] for name in row if name in found)]
                assert shared, (table, row, after)
    if "api_tokens" in tables:
        assert len(read(file, "api_tokens")) == len(before["api_tokens"])
    names = {user_key(row["username"]) for row in before.get("user_stats", [])}
    assert {row["user_key"] for row in read(file, "user_stats")} == names
