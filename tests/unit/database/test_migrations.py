"""Migrations: what they make is the schema, all at once or not at all, and no foreign file is touched."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import aiosqlite
import pytest
import sqlalchemy
from alembic.script import ScriptDirectory

from rosey_database import BotDatabase, migrations, schema
from rosey_database.migrations import migration
from rosey_database.sqlite import Location, UnusableDatabase

TABLES = {
    "user_stats": "username first_seen last_seen total_chat_lines total_time_connected current_session_start",
    "user_actions": "id timestamp username action_type details",
    "channel_stats": "id max_users max_users_timestamp max_connected max_connected_timestamp last_updated",
    "user_count_history": "id timestamp chat_users connected_users",
    "recent_chat": "id timestamp username message",
    "current_status": "id bot_name bot_rank bot_afk channel_name current_chat_users current_connected_users "
    "playlist_items current_media_title current_media_duration bot_start_time bot_connected last_updated",
    "outbound_messages": "id timestamp message sent sent_timestamp retry_count last_error",
    "api_tokens": "token description created_at last_used revoked",
    "media_played": "started title type media_id duration queued_by ended skipped",
}
"""What programs of others rely on."""


def schema_of(connection: sqlite3.Connection) -> dict[str, str]:
    """Each table, index and trigger with the SQL that makes it, white space aside."""
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {name: " ".join(sql.split()) for name, sql in rows}


@pytest.fixture
def intended_schema() -> Iterator[dict[str, str]]:
    connection = sqlite3.connect(":memory:")
    engine = sqlalchemy.create_engine("sqlite://", creator=lambda: connection)
    schema.metadata.create_all(engine)
    for trigger in schema.TRIGGERS:
        connection.execute(trigger)
    yield schema_of(connection)
    engine.dispose()
    connection.close()


async def test_migrations_create_all_tables(tmp_path: Path) -> None:
    database = BotDatabase(tmp_path / "new.db")
    await database.connect()
    assert database.conn is not None
    for table, columns in TABLES.items():
        async with database.conn.execute(f"PRAGMA table_info({table})") as cursor:
            there = {row["name"] for row in await cursor.fetchall()}
        assert set(columns.split()) <= there, table
    await database.close()


async def test_database_initialization_and_schema(temp_database: BotDatabase) -> None:
    assert await temp_database.get_high_water_mark() == (0, None)
    assert await temp_database.get_high_water_mark_connected() == (0, None)
    status = await temp_database.get_current_status()
    assert status is not None
    assert status["id"] == 1
    assert status["bot_connected"] == 0
    assert temp_database.default_channel == ""
    assert temp_database.conn is not None
    indexed = {
        "user_count_history": ["timestamp"],
        "recent_chat": ["timestamp"],
        "outbound_messages": ["sent", "timestamp"],
        "api_tokens": ["revoked", "token"],
    }
    for table, columns in indexed.items():
        async with temp_database.conn.execute(f"PRAGMA index_list({table})") as cursor:
            names = [row["name"] for row in await cursor.fetchall()]
        found = []
        for name in names:
            async with temp_database.conn.execute(f"PRAGMA index_info({name})") as cursor:
                found.append([row["name"] for row in await cursor.fetchall()])
        assert columns in found, table


def test_what_migrations_make_is_the_schema(database_file: Path, intended_schema: dict[str, str]) -> None:
    with closing(sqlite3.connect(database_file)) as connection:
        made = schema_of(connection)
    del made[migrations.VERSION_TABLE]
    assert made == intended_schema


async def test_each_column_of_ours_has_a_default(temp_database: BotDatabase) -> None:
    """An INSERT that names only the columns that others know is enough."""
    assert temp_database.conn is not None
    for table, names in TABLES.items():
        columns = [name for name in names.split() if name != "id"]
        values = ", ".join("1" for _ in columns)
        if table in ("channel_stats", "current_status"):
            statement = f"UPDATE {table} SET ({', '.join(columns)}) = ({values}) WHERE id = 1"
        else:
            statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})"
        assert (await temp_database.conn.execute(statement)).rowcount == 1, table


async def test_a_token_from_before_there_were_such_that_only_read_may_do_both(database_file: Path) -> None:
    database = BotDatabase(database_file)
    await database.connect()
    token = await database.generate_api_token("an old one")
    await database.close()
    with closing(sqlite3.connect(database_file)) as connection, connection:
        connection.execute("ALTER TABLE api_tokens DROP COLUMN read_only")
        connection.execute(f"UPDATE {migrations.VERSION_TABLE} SET version_num = '0002'")
    await database.connect()
    found = await database.find_api_token(token)
    assert found is not None
    assert not found.read_only
    await database.close()


def test_revisions_are_known_without_alembic() -> None:
    script = ScriptDirectory.from_config(migration.config())
    assert [revision.revision for revision in reversed(list(script.walk_revisions()))] == list(migrations.REVISIONS)


def test_migrating_again_changes_nothing(database_file: Path) -> None:
    def content() -> list[str]:
        with closing(sqlite3.connect(database_file)) as connection:
            return list(connection.iterdump())

    before, rows = database_file.read_bytes(), content()
    migrations.upgrade(Location.of(database_file))
    assert database_file.read_bytes() == before
    migration.run(Location.of(database_file))
    assert content() == rows


def test_services_that_start_at_once_migrate_once(tmp_path: Path) -> None:
    location = Location.of(tmp_path / "new.db")
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: migration.run(location), range(4)))
    with closing(sqlite3.connect(location.path)) as connection:
        assert connection.execute("SELECT count(*) FROM rosey_info").fetchone() == (2,)


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    location = Location.of(tmp_path / "new.db")

    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("in the middle")

    with monkeypatch.context() as patch:
        patch.setattr("alembic.op.create_index", fail)
        with pytest.raises(RuntimeError, match="in the middle"):
            migration.run(location)
    with closing(sqlite3.connect(location.path)) as connection:
        assert schema_of(connection) == {}
    migrations.upgrade(location)
    assert migrations.stored_revision(location) == migrations.REVISIONS[-1]


def test_space_can_be_given_back(database_file: Path) -> None:
    with closing(sqlite3.connect(database_file)) as connection:
        incremental = 2
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (incremental,)


def test_each_database_has_an_id_of_its_own(database_file: Path, tmp_path: Path) -> None:
    ids = set()
    other = tmp_path / "other.db"
    migrations.upgrade(Location.of(other))
    for file in (database_file, other):
        with closing(sqlite3.connect(file)) as connection:
            ((value,),) = connection.execute("SELECT value FROM rosey_info WHERE key = 'database_id'")
            ids.add(value)
    assert len(ids) == 2
    assert {len(value) for value in ids} == {32}


@pytest.fixture
def newer_file(database_file: Path) -> Path:
    with closing(sqlite3.connect(database_file)) as connection:
        connection.execute(f"UPDATE {migrations.VERSION_TABLE} SET version_num = '9999'")
        connection.execute("UPDATE rosey_info SET value = '9998' WHERE key = 'oldest_at_work'")
        connection.commit()
    return database_file


async def test_a_newer_schema_that_only_adds_to_this_one_is_worked_on_and_left_as_it_is(
    database_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(sqlite3.connect(database_file)) as connection:
        connection.execute(f"UPDATE {migrations.VERSION_TABLE} SET version_num = '9999'")
        connection.execute("ALTER TABLE recent_chat ADD COLUMN mood TEXT")
        connection.commit()
    database = BotDatabase(database_file)
    await database.connect()
    await database.log_chat("Ann", "hi")
    assert [line["message"] for line in await database.get_recent_chat()] == ["hi"]
    await database.close()
    assert "has schema 9999 of a newer Rosey" in caplog.text
    assert migrations.stored_revision(Location.of(database_file)) == "9999"


@pytest.fixture
def foreign_file(tmp_path: Path) -> Path:
    file = tmp_path / "foreign.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE customers (name TEXT)")
    return file


@pytest.mark.parametrize(
    ("fixture", "says"), [("newer_file", "belongs to a newer Rosey"), ("foreign_file", "another program")]
)
async def test_a_file_that_is_not_ours_is_refused_and_not_touched(
    request: pytest.FixtureRequest, fixture: str, says: str
) -> None:
    file: Path = request.getfixturevalue(fixture)
    folder = file.parent
    before = await asyncio.to_thread(lambda: (file.read_bytes(), sorted(folder.iterdir())))
    with pytest.raises(UnusableDatabase, match=says) as caught:
        await BotDatabase(file).connect()
    assert str(file) in str(caught.value)
    assert "not touched" in str(caught.value)
    assert isinstance(caught.value, aiosqlite.Error)
    assert await asyncio.to_thread(lambda: (file.read_bytes(), sorted(folder.iterdir()))) == before
