"""The status of a channel: the newest word on each field."""

from __future__ import annotations

import pytest

from rosey_database import BotDatabase
from tests.support.clock import MovableClock


async def _status(database: BotDatabase, channel: str | None = None) -> dict[str, object]:
    status = await database.get_current_status(channel=channel)
    assert status is not None
    return status


async def test_fields_are_set_and_the_others_stay(temp_database: BotDatabase, clock: MovableClock) -> None:
    await temp_database.update_current_status(
        bot_name="Rosey",
        bot_rank=2.5,
        bot_afk=True,
        channel_name="lobby",
        current_chat_users=3,
        current_connected_users=7,
        playlist_items=12,
        current_media_title="A film",
        current_media_duration="1:30:00",
        bot_start_time=int(clock.now),
        bot_connected=True,
    )
    await temp_database.update_current_status(bot_afk=False, current_media_title=None)
    assert await _status(temp_database) == {
        "id": 1,
        "bot_name": "Rosey",
        "bot_rank": 2.5,
        "bot_afk": 0,
        "channel_name": "lobby",
        "current_chat_users": 3,
        "current_connected_users": 7,
        "playlist_items": 12,
        "current_media_title": None,
        "current_media_duration": "1:30:00",
        "bot_start_time": int(clock.now),
        "bot_connected": 1,
        "last_updated": int(clock.now),
    }


async def test_times_are_whole_seconds(temp_database: BotDatabase) -> None:
    await temp_database.update_current_status(bot_start_time=1234.9)
    assert (await _status(temp_database))["bot_start_time"] == 1234


async def test_each_channel_has_a_status_of_its_own(temp_database: BotDatabase) -> None:
    assert await temp_database.get_current_status(channel="lobby") is None
    await temp_database.update_current_status(bot_name="There", channel="lobby")
    assert (await _status(temp_database, "lobby"))["bot_name"] == "There"
    assert (await _status(temp_database))["bot_name"] is None


async def test_unknown_fields_and_wrong_values_are_refused(temp_database: BotDatabase) -> None:
    with pytest.raises(TypeError, match="mood"):
        await temp_database.update_current_status(bot_name="Rosey", mood="fine")
    with pytest.raises(ValueError, match="playlist_items"):
        await temp_database.update_current_status(playlist_items="many")
    assert (await _status(temp_database))["bot_name"] is None
