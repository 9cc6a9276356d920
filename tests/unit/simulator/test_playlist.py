from __future__ import annotations

import random
from typing import Any

import pytest

from rosey_simulator.playlist.media import Media, MediaLibrary, MediaUnavailable, clock_time
from tests.unit.simulator.stage import Client, Stage


def queue(client: Client, name: str, seconds: int = 0, **more: Any) -> None:
    client.send("queue", {"id": name, "type": "tw", "pos": "end", "temp": False, "duration": seconds, **more})


def order(stage: Stage) -> list[str]:
    return [item.media.id for item in stage.room.playlist.items]


@pytest.fixture
def mod(stage: Stage) -> Client:
    return stage.account("Mod")


def test_an_item_on_an_empty_list_plays(stage: Stage, mod: Client) -> None:
    queue(mod, "one", 9)
    assert mod.events == [
        "queue",
        "setPlaylistMeta",
        "setCurrent",
        "changeMedia",
        "drinkCount",
        "voteskip",
    ]
    assert mod.last("queue")["after"] == "prepend"
    assert mod.last("setCurrent") == 0
    assert mod.last("changeMedia") == {
        "id": "one",
        "title": "Twitch.tv - one",
        "seconds": 9,
        "duration": "00:09",
        "type": "tw",
        "meta": {},
        "currentTime": -3,
        "paused": True,
    }


def test_what_has_no_end_starts_at_once_and_never_ends(stage: Stage, mod: Client) -> None:
    queue(mod, "one")
    assert (mod.last("changeMedia")["currentTime"], mod.last("changeMedia")["paused"]) == (0, False)
    mod.forget()
    stage.tick(100)
    assert "mediaUpdate" not in mod.events


def test_the_clock_leads_in_updates_and_goes_on(stage: Stage, mod: Client) -> None:
    queue(mod, "one", 9)
    queue(mod, "two", 9)
    stage.tick(13.5)
    assert mod.heard("mediaUpdate") == [
        {"currentTime": 0, "paused": False},
        {"currentTime": 5, "paused": False},
        {"currentTime": 10, "paused": False},
    ]
    assert mod.last("setCurrent") == 0
    stage.tick(1)
    assert mod.last("setCurrent") == 1


def test_the_list_loops_and_temporary_items_leave_it(stage: Stage, mod: Client) -> None:
    queue(mod, "stays")
    queue(mod, "goes", temp=True)
    mod.send("playNext")
    assert mod.last("setCurrent") == 1
    mod.send("playNext")
    assert order(stage) == ["stays"]
    assert mod.last("setCurrent") == 0
    assert mod.last("setPlaylistMeta")["count"] == 1


def test_nothing_plays_after_the_last_temporary_item(stage: Stage, mod: Client) -> None:
    queue(mod, "goes", temp=True)
    mod.forget()
    mod.send("playNext")
    assert mod.events == ["delete", "setPlaylistMeta"]
    assert stage.room.playlist.current is None
    mod.send("playNext")
    assert mod.events == ["delete", "setPlaylistMeta"]


def test_jump_deletes_a_temporary_item_that_played(stage: Stage, mod: Client) -> None:
    queue(mod, "goes", temp=True)
    queue(mod, "two")
    mod.forget()
    mod.send("jumpTo", 1)
    assert mod.events[:4] == ["delete", "setPlaylistMeta", "setCurrent", "changeMedia"]
    mod.forget()
    mod.send("jumpTo", 99)
    mod.send("jumpTo", "1")
    mod.send("jumpTo", True)
    assert mod.events == []


def test_items_are_moved(stage: Stage, mod: Client) -> None:
    for name in ("a", "b", "c"):
        queue(mod, name)
    mod.send("moveMedia", {"from": 0, "after": 1})
    assert order(stage) == ["b", "a", "c"]
    mod.send("moveMedia", {"from": 2, "after": "prepend"})
    assert order(stage) == ["c", "b", "a"]
    mod.send("moveMedia", {"from": 2, "after": "append"})
    assert order(stage) == ["b", "a", "c"]
    mod.send("moveMedia", {"from": 99, "after": "append"})
    assert len(mod.heard("moveVideo")) == 3


def test_an_item_moved_behind_nothing_is_lost_without_a_word(stage: Stage, mod: Client) -> None:
    queue(mod, "a")
    queue(mod, "b")
    mod.forget()
    mod.send("moveMedia", {"from": 1, "after": 99})
    assert mod.events == []
    assert order(stage) == ["a"]
    mod.send("requestPlaylist")
    assert mod.last("setPlaylistMeta")["count"] == 2


def test_deleting_the_current_item_plays_the_next(stage: Stage, mod: Client) -> None:
    queue(mod, "a")
    queue(mod, "b")
    mod.send("delete", {"uid": 0})
    assert order(stage) == ["a", "b"]
    mod.send("delete", 0)
    assert mod.last("setCurrent") == 1
    mod.send("delete", 0)
    assert len(mod.heard("delete")) == 1


def test_next_puts_behind_the_current_item(stage: Stage, mod: Client) -> None:
    for name in ("a", "b"):
        queue(mod, name)
    queue(mod, "c", pos="next")
    assert order(stage) == ["a", "c", "b"]


def test_next_of_what_is_listed_moves_it_with_a_new_uid(stage: Stage, mod: Client) -> None:
    for name in ("a", "b", "c"):
        queue(mod, name)
    queue(mod, "c", pos="next", temp=True)
    assert order(stage) == ["a", "c", "b"]
    moved = stage.room.playlist.items[1]
    assert (moved.uid, moved.temp) == (3, False)


def test_what_is_listed_is_not_added_again_unless_allowed(stage: Stage, mod: Client) -> None:
    queue(mod, "a")
    queue(mod, "a")
    assert mod.last("queueFail") == {
        "msg": "This item is already on the playlist",
        "link": "https://twitch.tv/a",
        "id": "a",
    }
    mod.send("setOptions", {"allow_dupes": True})
    queue(mod, "a")
    assert order(stage) == ["a", "a"]


def test_temp_is_set_and_forced(stage: Stage, mod: Client) -> None:
    user = stage.account("User")
    queue(mod, "a")
    mod.send("setTemp", {"uid": 0, "temp": True})
    mod.send("setTemp", {"uid": 9, "temp": True})
    assert user.heard("setTemp") == [{"uid": 0, "temp": True}]
    mod.send("togglePlaylistLock")
    stage.room.permissions.nodes["playlistaddlive"] = -1
    queue(user, "b", temp=False)
    assert stage.room.playlist.items[1].temp


def test_shuffle_keeps_the_current_item_first_and_renumbers(stage: Stage, mod: Client) -> None:
    stage.room.playlist.random = random.Random(3)
    for name in "abcdef":
        queue(mod, name)
    mod.send("jumpTo", 2)
    mod.send("shufflePlaylist")
    items = stage.room.playlist.items
    assert items[0].media.id == "c"
    assert sorted(order(stage)) == list("abcdef")
    assert min(item.uid for item in items) == 6
    assert mod.last("setCurrent") == items[0].uid


def test_clear_empties_the_list(stage: Stage, mod: Client) -> None:
    queue(mod, "a", 10)
    mod.forget()
    mod.send("clearPlaylist")
    assert mod.events == ["playlist", "setPlaylistMeta"]
    stage.tick(60)
    assert "changeMedia" not in mod.events
    assert "mediaUpdate" not in mod.events


def test_acts_without_the_right_are_met_with_silence(stage: Stage, mod: Client) -> None:
    user = stage.account("User")
    queue(mod, "a")
    user.forget()
    queue(user, "b")
    for event, data in (
        ("delete", 0),
        ("moveMedia", {"from": 0, "after": "append"}),
        ("jumpTo", 0),
        ("setTemp", {"uid": 0, "temp": True}),
        ("queuePlaylist", {"name": "x", "pos": "end"}),
    ):
        user.send(event, data)
    for event in ("playNext", "shufflePlaylist", "clearPlaylist", "togglePlaylistLock"):
        user.send(event)
    assert user.events == []
    assert order(stage) == ["a"]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"id": "x", "type": "tw"}, "You don't have permission to add live media"),
        ({"id": "x", "type": "yp"}, "You don't have permission to add playlists"),
        ({"id": "https://x/a.mp4", "type": "fi"}, "You don't have permission to add raw video files"),
    ],
)
def test_types_that_take_a_right_of_their_own(stage: Stage, mod: Client, request_: Any, message: str) -> None:
    mod.send("togglePlaylistLock")
    user = stage.account("User")
    user.send("queue", {**request_, "pos": "end"})
    assert user.last("queueFail")["msg"] == message


def test_custom_embeds_take_a_right_of_their_own(stage: Stage, mod: Client) -> None:
    mod.send("queue", {"id": "<iframe src='https://x/y'></iframe>", "type": "cu", "pos": "end"})
    assert mod.last("queueFail")["msg"] == "You don't have permission to add custom embeds"


def test_adding_too_quickly_fails(stage: Stage, mod: Client) -> None:
    for number in range(12):
        queue(mod, f"v{number}")
    assert [failure["id"] for failure in mod.heard("queueFail")] == ["v10", "v11"]


def test_limits_of_a_channel(stage: Stage, mod: Client) -> None:
    mod.send("togglePlaylistLock")
    stage.room.permissions.nodes["playlistaddlive"] = -1
    user = stage.account("User")
    options = stage.room.options.values
    options["maxlength"] = 20
    queue(user, "long", 50)
    options.update(maxlength=0, playlist_max_per_user=1)
    queue(user, "first", 5)
    queue(user, "second", 5)
    options.update(playlist_max_per_user=0, playlist_max_duration_per_user=8)
    stage.tick(4)
    queue(user, "third", 5)
    assert [failure["msg"][:25] for failure in user.heard("queueFail")] == [
        "Video exceeds the maximum",
        "Channel limit exceeded: m",
        "Channel limit exceeded: m",
    ]
    assert order(stage) == ["first"]


def test_the_list_is_sent_on_request_once_a_minute(stage: Stage, mod: Client) -> None:
    mod.send("requestPlaylist")
    mod.send("requestPlaylist")
    assert mod.events == ["setPlaylistMeta", "playlist", "errorMsg"]
    assert mod.last("errorMsg")["code"] == "REQ_PLAYLIST_LIMIT_REACHED"
    stage.tick(61)
    mod.forget()
    mod.send("requestPlaylist")
    assert mod.events == ["setPlaylistMeta", "playlist"]


def test_a_leader_stops_the_clock_and_is_followed(stage: Stage, mod: Client) -> None:
    user = stage.account("User")
    stage.site.add_media(Media("abc", "A film", 600))
    mod.send("queue", {"id": "abc", "type": "yt", "pos": "end"})
    stage.tick(4)
    mod.send("assignLeader", {"name": "user"})
    assert "could not find user" in mod.last("errorMsg")["msg"]
    mod.send("assignLeader", {"name": "User"})
    assert user.last("rank") == 1.5
    assert stage.anonymous().last("setLeader") == "User"
    user.forget()
    stage.tick(20)
    assert "mediaUpdate" not in user.events
    mod.send("mediaUpdate", {"id": "abc", "currentTime": 99})
    user.send("mediaUpdate", {"id": "other", "currentTime": 99})
    user.send("mediaUpdate", {"id": "abc", "currentTime": 33.5, "paused": True})
    assert mod.last("mediaUpdate") == {"currentTime": 33.5, "paused": True}
    mod.send("jumpTo", 0)
    assert mod.last("changeMedia")["currentTime"] == 0
    user.session.close()
    assert mod.last("setLeader") == ""
    assert mod.last("mediaUpdate") == {"currentTime": 0, "paused": False}
    stage.tick(4)
    assert mod.last("mediaUpdate")["currentTime"] == 4


def test_a_leader_of_higher_rank_keeps_it(stage: Stage, mod: Client) -> None:
    mod.send("assignLeader", {"name": "Mod"})
    assert mod.member.rank == 2
    assert mod.events == ["setLeader", "setUserRank"]
    mod.send("assignLeader", {"name": ""})
    assert mod.events == ["setLeader", "setUserRank", "setLeader"]


def test_list_and_position_outlive_the_members_with_new_uids(stage: Stage, mod: Client) -> None:
    for name in ("a", "b", "c"):
        queue(mod, name, 100)
    mod.send("delete", 1)
    stage.tick(10)
    mod.session.close()
    stage.tick(1000)
    late = stage.anonymous()
    assert [item["uid"] for item in late.last("playlist")] == [0, 1]
    assert late.last("changeMedia")["currentTime"] == 7
    stage.tick(5)
    assert late.last("mediaUpdate")["currentTime"] == 12


def test_saved_lists(stage: Stage, mod: Client) -> None:
    user = stage.account("User")
    queue(mod, "a", 60)
    queue(mod, "b")
    mod.send("clonePlaylist", {"name": "mine"})
    assert mod.last("listPlaylists") == [{"name": "mine", "count": 2, "duration": 60}]
    mod.send("clearPlaylist")
    mod.send("queuePlaylist", {"name": "none", "pos": "end"})
    mod.send("queuePlaylist", {"name": "mine", "pos": "end", "temp": True})
    assert order(stage) == ["a", "b"]
    assert user.last("setCurrent") == 2
    mod.send("deletePlaylist", {"name": "mine"})
    mod.send("listPlaylists")
    assert mod.last("listPlaylists") == []
    guest = stage.guest("Guest")
    for event in ("clonePlaylist", "deletePlaylist"):
        guest.send(event, {"name": "x"})
    guest.send("listPlaylists")
    assert guest.events == []


def test_cleaning_by_queuer_and_by_title(stage: Stage, mod: Client) -> None:
    for name in ("a", "b"):
        queue(mod, name)
    mod.say("/cleantitle  - b$")
    mod.say("/clean ^mod$")
    assert order(stage) == ["a"]
    mod.say("/clean")
    mod.say("/clean (")
    assert mod.last("errorMsg")["msg"].startswith("Invalid regex")
    mod.say("/clean -i ^mod$")
    assert order(stage) == []


def test_a_search_finds_nothing(stage: Stage, mod: Client) -> None:
    mod.send("searchMedia", {"query": "x"})
    assert mod.last("searchResults") == {"source": "library", "results": []}


@pytest.mark.parametrize("data", [{"id": "", "type": "tw"}, {"id": True, "type": "tw"}, {"id": "x", "type": "tw"}])
def test_senseless_requests_are_ignored(stage: Stage, mod: Client, data: dict[str, Any]) -> None:
    mod.send("queue", {**data, "pos": "start" if data["id"] == "x" else "end"})
    assert mod.events == []


@pytest.mark.parametrize("duration", ["x", -5, float("inf"), True, [], None])
def test_senseless_durations_count_as_none(duration: Any) -> None:
    stage = Stage()
    room, mod = stage.room, stage.account("Mod")
    room.playlist.request(mod.member, {"id": "x", "type": "tw", "pos": "end", "duration": duration})
    assert room.playlist.items[0].media.seconds == 0


@pytest.mark.parametrize(
    ("media_type", "media_id", "message"),
    [
        ("li", "x", "Invalid ID"),
        ("hl", "http://x", "HLS links must start with HTTPS"),
        ("cu", "<b>", "Invalid embed"),
        ("cu", "<iframe src='http://x/y'>", "must begin with https"),
        ("fi", "https://x", "Raw file playback"),
        ("sc", "x", "Soundcloud"),
        ("yt", "x", "YouTube API"),
        ("zz", "x", "Unknown media type &#39;zz&#39;"),
    ],
)
def test_media_that_cannot_be_had(media_type: str, media_id: str, message: str) -> None:
    with pytest.raises(MediaUnavailable) as caught:
        MediaLibrary().look_up(media_type, media_id, None, 0)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("media_type", "media_id", "title"),
    [
        ("tw", "x", "Twitch.tv - x"),
        ("li", "1;2", "Livestream.com"),
        ("rt", "rtmp://x", "Livestream"),
        ("hl", "https://x", "Livestream"),
        ("cu", '<iframe src="https://x/y">', "Custom Media (https://x/y)"),
    ],
)
def test_media_that_need_no_network(media_type: str, media_id: str, title: str) -> None:
    assert MediaLibrary().look_up(media_type, media_id, None, 5).title == title


def test_lengths_are_written_as_clocks() -> None:
    assert [clock_time(seconds) for seconds in (0, 61, 3661)] == ["00:00", "01:01", "01:01:01"]
