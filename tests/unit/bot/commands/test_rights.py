"""What the bot may do, known before it asks."""

from __future__ import annotations

import pytest

from rosey_bot.commands.answers import CommandError
from rosey_bot.commands.rights import require, require_told
from rosey_bot.room.room import Room


@pytest.fixture
def room() -> Room:
    room = Room("lobby")
    room.own_rank = 2
    room.permissions.replace({"kick": 1.5, "ban": 3, "none": 1_000_000, "playlistadd": 3, "oplaylistadd": 2.5})
    return room


def test_a_right_that_the_bot_has(room: Room) -> None:
    require(room, "kick", "to kick")
    require_told(room, "kick", "to kick")


def test_a_right_that_it_has_not_says_who_has(room: Room) -> None:
    with pytest.raises(CommandError) as error:
        require(room, "ban", "to ban")
    assert str(error.value) == "The bot's rank is too low to ban: that takes admin, rank 3, and it has rank 2"
    with pytest.raises(CommandError, match="that takes a right that nobody has"):
        require(room, "none", "to do it")


def test_a_right_that_nobody_told_of_is_tried_unless_it_might_cost_a_kick(room: Room) -> None:
    require(room, "unknown", "to do it")
    with pytest.raises(CommandError, match="has not told"):
        require_told(room, "unknown", "to do it")


def test_an_open_playlist_gives_more_rights(room: Room) -> None:
    with pytest.raises(CommandError):
        require(room, "playlistadd", "to add")
    room.playlist.locked = False
    with pytest.raises(CommandError, match=r"takes moderator, rank 2\.5"):
        require(room, "playlistadd", "to add")
    room.own_rank = 2.5
    require(room, "playlistadd", "to add")
    room.playlist.locked = True
    with pytest.raises(CommandError):
        require(room, "playlistadd", "to add")
    room.playlist.locked = False
    with pytest.raises(CommandError):
        require(room, "ban", "to ban")
