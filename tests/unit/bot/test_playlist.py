"""The playlist."""

from __future__ import annotations

import pytest

from rosey_bot.room.playlist import Playlist, PlaylistItem


def entry(uid: int, duration: float = 10) -> PlaylistItem:
    return PlaylistItem(
        uid=uid, id=f"v{uid}", title=f"T{uid}", type="yt", duration=duration, temp=True, queued_by="Alice"
    )


@pytest.fixture
def playlist() -> Playlist:
    playlist = Playlist()
    playlist.replace([entry(0), entry(1), entry(2, duration=0)])
    return playlist


def uids(playlist: Playlist) -> list[int]:
    return [item.uid for item in playlist]


@pytest.mark.parametrize(
    ("after", "order"),
    [
        (0, [0, 7, 1, 2]),
        (2, [0, 1, 2, 7]),
        ("prepend", [7, 0, 1, 2]),
        ("append", [0, 1, 2, 7]),
        (99, [0, 1, 2, 7]),
    ],
)
def test_an_item_goes_where_the_frame_says(playlist: Playlist, after: int | str, order: list[int]) -> None:
    playlist.insert(entry(7), after)
    assert uids(playlist) == order


@pytest.mark.parametrize(
    ("uid", "after", "order"),
    [(2, 0, [0, 2, 1]), (2, "prepend", [2, 0, 1]), (0, "append", [1, 2, 0]), (0, 1, [1, 0, 2])],
)
def test_an_item_moves_where_the_frame_says(playlist: Playlist, uid: int, after: int | str, order: list[int]) -> None:
    assert playlist.move(uid, after) is not None
    assert uids(playlist) == order


def test_unknown_items_change_nothing(playlist: Playlist) -> None:
    assert playlist.remove(99) is None
    assert playlist.move(99, "append") is None
    assert playlist.set_temp(99, False) is None
    assert uids(playlist) == [0, 1, 2]


def test_the_number_zero_is_an_item(playlist: Playlist) -> None:
    first = playlist.get(0)
    assert first is not None
    assert first.uid == 0
    assert playlist.get(None) is None


def test_durations_add_up(playlist: Playlist) -> None:
    assert playlist.duration == 20


def test_temporary_can_be_changed(playlist: Playlist) -> None:
    changed = playlist.set_temp(1, False)
    assert changed is not None
    assert changed.temp is False
    assert playlist.get(1) == changed
