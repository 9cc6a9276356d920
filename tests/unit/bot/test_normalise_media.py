"""What becomes of the playlist and of what plays."""

from __future__ import annotations

from typing import Any

import pytest

from rosey_core.events import MediaEnded, MediaPlayed, PlaylistChanged
from tests.unit.bot.harness import NOON, RoomHarness, item, media, user


def actions(harness: RoomHarness) -> list[str]:
    return [event.action for event in harness.sink.of(PlaylistChanged)]


def start(harness: RoomHarness, uid: int, what: dict[str, Any]) -> None:
    harness.frame("setCurrent", uid)
    harness.frame("changeMedia", what)


def test_a_play_is_published_with_its_start_after_the_lead_in(harness: RoomHarness) -> None:
    harness.join()
    harness.frame("queue", {"item": item(0, media("abc"), by="Alice"), "after": "prepend"})
    start(harness, 0, media("abc", seconds=100, at=-3, paused=True))
    [play] = harness.sink.of(MediaPlayed)
    assert (play.title, play.type, play.id, play.duration) == ("Title of abc", "yt", "abc", 100)
    assert play.queued_by == "Alice"
    assert play.started == pytest.approx(NOON + 3, abs=0.001)
    assert play.event is not None


def test_a_bot_that_comes_into_the_middle_knows_the_start(harness: RoomHarness) -> None:
    harness.join(playing=media("abc", at=40))
    [play] = harness.sink.of(MediaPlayed)
    assert play.started == pytest.approx(NOON - 40, abs=0.001)


def test_media_of_anonymous_users_are_queued_by_nobody(harness: RoomHarness) -> None:
    harness.join()
    harness.frame("queue", {"item": item(0, media("abc"), by=""), "after": "prepend"})
    start(harness, 0, media("abc"))
    assert harness.sink.of(MediaPlayed)[0].queued_by is None
    assert harness.sink.of(PlaylistChanged)[0].by is None


def test_a_medium_shown_again_is_one_play(harness: RoomHarness) -> None:
    harness.join(playing=media("abc", at=-3, paused=True))
    harness.clock.advance(10)
    start(harness, 0, media("abc", at=7))
    harness.clock.advance(10)
    harness.frame("mediaUpdate", {"currentTime": 17, "paused": False})
    start(harness, 0, media("abc", at=17))
    assert len(harness.sink.of(MediaPlayed)) == 1


def test_a_paused_medium_shown_again_is_one_play(harness: RoomHarness) -> None:
    harness.join(playing=media("abc", at=10))
    harness.frame("mediaUpdate", {"currentTime": 20, "paused": True})
    harness.clock.advance(500)
    start(harness, 0, media("abc", at=20, paused=True))
    assert len(harness.sink.of(MediaPlayed)) == 1


def test_an_item_that_starts_over_is_a_new_play(harness: RoomHarness) -> None:
    harness.join(playing=media("abc", seconds=20))
    harness.clock.advance(25)
    start(harness, 0, media("abc", seconds=20))
    assert len(harness.sink.of(MediaPlayed)) == 2


def test_a_live_item_started_over_is_a_new_play(harness: RoomHarness) -> None:
    harness.join(playing=media("live", seconds=0, at=0))
    harness.clock.advance(60)
    start(harness, 0, media("live", seconds=0, at=0))
    assert len(harness.sink.of(MediaPlayed)) == 2


def test_the_same_medium_as_another_item_is_a_new_play(harness: RoomHarness) -> None:
    harness.join(playing=media("abc"))
    harness.frame("queue", {"item": item(1, media("abc")), "after": 0})
    start(harness, 1, media("abc"))
    assert len(harness.sink.of(MediaPlayed)) == 2


@pytest.mark.parametrize(("seconds", "position"), [(100, 10.0), (0, 0.0)])
def test_a_shuffle_starts_nothing(harness: RoomHarness, seconds: float, position: float) -> None:
    harness.join(playing=media("abc", seconds=seconds, at=0))
    harness.frame("queue", {"item": item(1), "after": 0})
    harness.clock.advance(10)
    harness.frame("playlist", [item(2, media("abc", seconds=seconds)), item(3, media("v1"))])
    start(harness, 2, media("abc", seconds=seconds, at=position))
    assert actions(harness) == ["queued", "shuffled"]
    assert len(harness.sink.of(MediaPlayed)) == 1
    assert harness.room.media is not None
    assert harness.room.media.uid == 2


def test_the_snapshots_of_join_and_login_are_no_changes(harness: RoomHarness) -> None:
    harness.join(playing=media("abc"))
    harness.log_in()
    harness.frame("playlist", [item(0, media("abc"))])
    harness.frame("setCurrent", 0)
    assert actions(harness) == []
    assert len(harness.sink.of(MediaPlayed)) == 1


def test_a_list_first_seen_after_the_login_is_no_change(harness: RoomHarness) -> None:
    harness.join()
    harness.log_in()
    harness.frame("playlist", [item(4), item(5)])
    assert actions(harness) == []
    assert len(harness.room.playlist) == 2


def test_changes_of_the_playlist_say_what_was_changed(harness: RoomHarness) -> None:
    harness.join(playing=media("abc"))
    harness.frame("queue", {"item": item(1, by="Bob", temp=False), "after": 0})
    harness.frame("queue", {"item": item(2), "after": "prepend"})
    harness.frame("moveVideo", {"from": 1, "after": "prepend"})
    harness.frame("setTemp", {"uid": 1, "temp": True})
    harness.frame("delete", {"uid": 2})
    queued, _, moved, temp, removed = harness.sink.of(PlaylistChanged)
    what = {"uid": 1, "title": "Title of v1", "type": "yt", "id": "v1", "duration": 100.0}
    assert (queued.action, queued.by, queued.item) == ("queued", "Bob", {**what, "temp": False, "after": 0})
    assert (moved.action, moved.item) == ("moved", {**what, "temp": False, "after": "prepend"})
    assert (temp.action, temp.item) == ("temp", {**what, "temp": True})
    assert (removed.action, removed.item["uid"]) == ("removed", 2)
    assert [entry.uid for entry in harness.room.playlist] == [1, 0]


def test_what_is_not_on_the_list_is_not_changed(harness: RoomHarness) -> None:
    harness.join(playing=media("abc"))
    harness.frame("delete", {"uid": 99})
    harness.frame("moveVideo", {"from": 99, "after": "append"})
    harness.frame("setTemp", {"uid": 99, "temp": True})
    assert actions(harness) == []


def test_clearing_ends_what_plays(harness: RoomHarness) -> None:
    harness.join(playing=media("abc"))
    harness.frame("playlist", [])
    harness.frame("setPlaylistMeta", {"count": 0, "rawTime": 0, "time": "00:00"})
    assert actions(harness) == ["cleared"]
    assert len(harness.sink.of(MediaEnded)) == 1
    assert harness.room.media is None


def test_clearing_an_empty_list_is_no_change(harness: RoomHarness) -> None:
    harness.join()
    harness.sink.take()
    harness.frame("playlist", [])
    assert harness.sink.events == []


def test_the_end_of_the_last_temporary_item_ends_what_plays(harness: RoomHarness) -> None:
    harness.join(playing=media("abc"))
    harness.frame("delete", {"uid": 0})
    assert len(harness.sink.of(MediaEnded)) == 1


def test_an_item_deleted_while_it_plays_gives_way_to_the_next(harness: RoomHarness) -> None:
    harness.join(playing=media("abc"))
    harness.frame("queue", {"item": item(1), "after": 0})
    harness.frame("delete", {"uid": 0})
    harness.frame("setPlaylistMeta", {"count": 1, "rawTime": 100, "time": "01:40"})
    start(harness, 1, media("v1"))
    assert harness.sink.of(MediaEnded) == []
    assert [play.id for play in harness.sink.of(MediaPlayed)] == ["abc", "v1"]


def test_items_that_vanished_on_the_server_do_not_keep_the_play_going(harness: RoomHarness) -> None:
    harness.join(playing=media("abc"))
    harness.frame("queue", {"item": item(1), "after": 0})
    harness.frame("delete", {"uid": 0})
    harness.frame("setPlaylistMeta", {"count": 0, "rawTime": 0, "time": "00:00"})
    assert len(harness.sink.of(MediaEnded)) == 1
    assert len(harness.room.playlist) == 0


def test_a_room_where_nothing_plays_is_told_once(harness: RoomHarness) -> None:
    harness.join()
    harness.normaliser.disconnected()
    harness.join()
    assert len(harness.sink.of(MediaEnded)) == 1


def test_a_play_that_ended_out_of_sight_has_ended(harness: RoomHarness) -> None:
    harness.join(playing=media("abc"))
    harness.normaliser.disconnected()
    assert harness.sink.of(MediaEnded) == []
    harness.clock.advance(60)
    harness.join()
    assert len(harness.sink.of(MediaEnded)) == 1


def test_a_play_that_goes_on_out_of_sight_keeps_its_start(harness: RoomHarness) -> None:
    harness.join(playing=media("abc", at=10))
    harness.clock.advance(5)
    harness.normaliser.disconnected()
    harness.clock.advance(30)
    harness.join(playing=media("abc", at=44))
    first, second = harness.sink.of(MediaPlayed)
    assert first.started == second.started
    assert first.event != second.event


def test_a_play_resumed_by_a_restarted_server_keeps_its_start(harness: RoomHarness) -> None:
    harness.join(playing=media("abc", at=10))
    harness.clock.advance(5)
    harness.normaliser.disconnected()
    harness.clock.advance(30)
    harness.join(playing=media("abc", at=14))
    first, second = harness.sink.of(MediaPlayed)
    assert first.started == second.started


def test_a_live_medium_after_a_gap_keeps_its_start(harness: RoomHarness) -> None:
    harness.join(playing=media("live", seconds=0, at=0))
    harness.clock.advance(300)
    harness.normaliser.disconnected()
    harness.clock.advance(30)
    harness.join(playing=media("live", seconds=0, at=0))
    first, second = harness.sink.of(MediaPlayed)
    assert first.started == second.started


@pytest.mark.parametrize(
    ("playing", "gap"),
    [(media("abc", at=2), 30), (media("other", at=14), 30), (media("abc", at=14), 120)],
    ids=["started over", "another medium", "over by now"],
)
def test_another_play_after_a_gap_has_a_start_of_its_own(
    harness: RoomHarness, playing: dict[str, Any], gap: float
) -> None:
    harness.join(playing=media("abc", at=10))
    harness.clock.advance(5)
    harness.normaliser.disconnected()
    harness.clock.advance(gap)
    harness.join(playing=playing)
    first, second = harness.sink.of(MediaPlayed)
    assert second.started == pytest.approx(harness.clock.now - playing["currentTime"], abs=0.001)
    assert second.started != first.started


def test_locking_is_a_change_only_where_it_changes(harness: RoomHarness) -> None:
    harness.join()
    harness.frame("setPlaylistLocked", True)
    harness.frame("setPlaylistLocked", False)
    harness.frame("setPlaylistLocked", True)
    assert actions(harness) == ["unlocked", "locked"]


def test_news_of_a_medium_without_a_medium_is_ignored(harness: RoomHarness) -> None:
    harness.join()
    harness.frame("mediaUpdate", {"currentTime": 5, "paused": False})
    assert harness.room.media is None
    assert harness.dispatcher.failed == {}


def test_the_recorded_playlist_gives_the_recorded_changes(harness: RoomHarness) -> None:
    harness.play("playlist")
    assert actions(harness)[:11] == [
        "queued",
        "queued",
        "queued",
        "queued",
        "queued",
        "queued",
        "moved",
        "moved",
        "moved",
        "queued",
        "temp",
    ]
    assert "shuffled" in actions(harness)
    assert "cleared" in actions(harness)
    plays = [play.id for play in harness.sink.of(MediaPlayed)]
    assert plays[:4] == ["streamer_one", "streamer_next", "123;456", "streamer_one"]
    assert plays[4] == "https://example.com/live/stream.m3u8"
    assert plays.count("https://example.com/live/stream.m3u8") == 1
    assert harness.dispatcher.malformed == {}


def test_the_recorded_restart_does_not_end_what_plays(harness: RoomHarness) -> None:
    harness.play("server_restart")
    told = [event for event in harness.sink.events if isinstance(event, MediaPlayed | MediaEnded)]
    assert [type(event) for event in told] == [MediaEnded, MediaPlayed, MediaPlayed, MediaEnded]
    assert len({(play.id, play.started) for play in harness.sink.of(MediaPlayed)}) == 1


def test_a_channel_names_its_page(harness: RoomHarness) -> None:
    harness.join(user("Alice"))
    harness.frame("channelOpts", {"pagetitle": "The Lobby", "password": "secret"})
    assert harness.room.title == "The Lobby"
    assert "secret" not in repr(vars(harness.room))
