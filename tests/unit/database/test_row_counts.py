"""How many rows there are: as many as a count finds, and no count where a look at the end will do."""

from __future__ import annotations

from pathlib import Path

import pytest

from rosey_database import BotDatabase, row_counts
from rosey_database.sqlite import DatabaseClosed
from tests.support.clock import MovableClock


async def counted(database: BotDatabase) -> dict[str, int]:
    """What a count finds."""
    return {
        table: await database._reader.run(  # type: ignore[union-attr]
            lambda connection, table=table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        )
        for table in await database.row_counts()
    }


async def talk(database: BotDatabase) -> None:
    """Something new in many tables, and something known again."""
    await database.user_joined("Ann")
    await database.user_chat_message("Ann", "hello")
    await database.user_chat_message("Bob", "hello", channel="cellar")
    await database.log_user_action("Ann", "pm_command")
    await database.log_user_count(2, 3)
    await database.enqueue_outbound_message("later")
    await database.generate_api_token()


async def test_rows_are_as_many_as_a_count_finds(temp_database: BotDatabase) -> None:
    assert await temp_database.row_counts() == await counted(temp_database)
    for _ in range(3):
        await talk(temp_database)
        assert await temp_database.row_counts() == await counted(temp_database)
    assert (await temp_database.row_counts())["recent_chat"] == 6
    assert (await temp_database.row_counts())["user_stats"] == 2


async def test_after_a_sweep_they_are_counted_again(temp_database: BotDatabase, clock: MovableClock) -> None:
    await talk(temp_database)
    await temp_database.row_counts()
    clock.move(400 * 86400)
    await talk(temp_database)
    await temp_database.perform_maintenance()
    rows = await temp_database.row_counts()
    assert rows == await counted(temp_database)
    assert rows["recent_chat"] == 2


async def test_nothing_is_counted_where_a_look_at_the_end_will_do(
    temp_database: BotDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    await temp_database.row_counts()

    def count(connection: object) -> None:
        raise AssertionError("counted again")

    monkeypatch.setattr(row_counts, "_count", count)
    await talk(temp_database)
    assert (await temp_database.row_counts())["recent_chat"] == 2


async def test_a_closed_database_has_none(database_file: Path) -> None:
    database = BotDatabase(database_file)
    with pytest.raises(DatabaseClosed):
        await database.row_counts()
