"""What an observer can know: the rules, one by one, against a real room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rosey_simulator.crowd.clock import ManualClock
from rosey_simulator.crowd.record import Record
from rosey_simulator.crowd.summary import Summary, summarize
from rosey_simulator.playlist.media import Media
from rosey_simulator.room import Room
from rosey_simulator.site import Site

T0 = 1_700_000_000
Enter = Callable[..., Any]
PassTime = Callable[[float], None]


@pytest.fixture
def known(record: Record) -> Callable[..., Summary]:
    def known(observer: str | None = None) -> Summary:
        return summarize(record.entries, "demo", observer)

    return known


Known = Callable[..., Summary]


class TestUsers:
    def test_a_session_lasts_from_whole_second_to_whole_second(
        self, enter: Enter, pass_time: PassTime, known: Known
    ) -> None:
        pass_time(0.9)
        bob = enter("Bob")
        pass_time(5.2)
        bob.leave()
        assert known().users["bob"] == {
            "username": "Bob",
            "first_seen": T0,
            "last_seen": T0 + 6,
            "total_chat_lines": 0,
            "total_time_connected": 6,
            "current_session_start": None,
        }

    def test_spellings_of_one_name_are_one_user_shown_as_last_spelled(
        self, enter: Enter, pass_time: PassTime, known: Known
    ) -> None:
        enter("Bob").leave()
        pass_time(10)
        enter("BOB").say("hi")
        assert known().users["bob"]["username"] == "BOB"
        assert known().users["bob"]["total_chat_lines"] == 1
        assert known().present == {"bob"}

    def test_a_second_connection_of_one_name_ends_the_first_session(
        self, enter: Enter, pass_time: PassTime, known: Known
    ) -> None:
        enter("Bob")
        pass_time(10)
        enter("bob")
        assert known().users["bob"]["total_time_connected"] == 10
        assert known().users["bob"]["current_session_start"] == T0 + 10

    def test_connections_without_a_name_are_no_users(self, enter: Enter, known: Known) -> None:
        anonymous = enter()
        assert known().users == {}
        anonymous.log_in("Late")
        assert known().present == {"late"}

    def test_who_was_there_before_the_record_is_there(self, enter: Enter, room: Room) -> None:
        enter("Early")
        record = Record()
        record.watch(room)
        assert summarize(record.entries, "demo").present == {"early"}

    def test_rooms_are_kept_apart(self, enter: Enter, site: Site, record: Record, known: Known) -> None:
        record.watch(site.add_channel("other"))
        enter("Bob")
        assert summarize(record.entries, "other").users == {}
        assert known().present == {"bob"}


class TestChat:
    def test_a_line_is_what_a_client_reads(self, enter: Enter, known: Known) -> None:
        enter("Bob").say('a <b>&amp; "c" *bold* https://example.org/?a=1&b=2')
        assert known().lines == [
            {
                "time": T0 * 1000,
                "username": "Bob",
                "text": 'a <b>&amp; "c" bold https://example.org/?a=1&b=2',
                "counted": True,
            }
        ]

    def test_equal_lines_of_one_millisecond_both_count(self, enter: Enter, known: Known) -> None:
        bob = enter("Bob")
        bob.say("again")
        bob.say("again")
        assert known().users["bob"]["total_chat_lines"] == 2

    def test_what_nobody_heard_does_not_count(self, enter: Enter, known: Known, pass_time: PassTime) -> None:
        moderator, bob, carol = enter("Mod", rank=3), enter("Bob"), enter("Carol")
        bob.say("heard")
        moderator.say("/mute Bob")
        bob.say("muted")
        moderator.say("/smute Carol")
        carol.say("shadow-muted")
        moderator.say("/clear")
        for _ in range(30):
            moderator.say("flood")
        lines = known().users
        assert (lines["bob"]["total_chat_lines"], lines["carol"]["total_chat_lines"]) == (1, 0)
        # Three commands and 17 lines are a burst of 20.
        assert lines["mod"]["total_chat_lines"] == 17

    def test_the_server_itself_is_no_user(self, enter: Enter, known: Known, room: Room) -> None:
        enter("Bob")
        room.announce("[voteskip]", "Voteskip passed")
        room.whisper("cleared", everybody=True)
        assert known().lines == []
        assert set(known().users) == {"bob"}


class TestGaps:
    """An observer that is not always there."""

    def test_nothing_is_known_before_the_first_list_of_users(self, enter: Enter, known: Known) -> None:
        bob = enter("Bob")
        bob.say("unheard of, but replayed")
        enter("Carol").leave()
        enter("Eve", has_socket=True)
        summary = known("eve")
        assert set(summary.users) == {"bob", "eve"}
        assert summary.lines[0]["counted"] is False
        assert summary.users["bob"]["total_chat_lines"] == 0

    def test_without_the_observer_nothing_is_known(self, enter: Enter, known: Known) -> None:
        enter("Bob")
        assert known("Nobody").users == {}

    def test_lines_said_in_a_gap_count_once_as_far_as_they_are_replayed(
        self, enter: Enter, known: Known, pass_time: PassTime
    ) -> None:
        bob = enter("Bob")
        eve = enter("Eve", has_socket=True)
        bob.say("seen")
        eve.leave()
        for number in range(20):
            pass_time(1)
            bob.say(f"line {number}")
        enter("Eve", has_socket=True)
        assert known("Eve").users["bob"]["total_chat_lines"] == 1 + 15
        assert [line["text"] for line in known("Eve").lines][:3] == ["seen", "line 5", "line 6"]

    def test_lines_seen_before_the_gap_do_not_count_again(
        self, enter: Enter, known: Known, pass_time: PassTime
    ) -> None:
        bob = enter("Bob")
        eve = enter("Eve", has_socket=True)
        bob.say("twice")
        bob.say("twice")
        eve.leave()
        pass_time(3)
        enter("Eve", has_socket=True).leave()
        enter("Eve", has_socket=True)
        assert known("Eve").users["bob"]["total_chat_lines"] == 2

    def test_who_left_in_a_gap_left_when_it_began(self, enter: Enter, known: Known, pass_time: PassTime) -> None:
        bob, carol = enter("Bob"), enter("Carol")
        eve = enter("Eve", has_socket=True)
        pass_time(10)
        eve.leave()
        pass_time(5)
        bob.leave()
        enter("Dave").leave()
        carol.leave()
        enter("CAROL")
        pass_time(5)
        enter(has_socket=True).log_in("Eve")
        users = known("Eve").users
        assert users["bob"]["total_time_connected"] == 10
        assert users["bob"]["last_seen"] == T0 + 10
        assert users["carol"]["total_time_connected"] == 0
        assert users["carol"]["current_session_start"] == T0
        assert "dave" not in users
        assert users["eve"]["total_time_connected"] == 10
        assert users["eve"]["current_session_start"] == T0 + 20

    def test_who_left_while_no_process_observed_left_at_the_last_thing_it_saw(
        self, enter: Enter, known: Known, pass_time: PassTime, record: Record, room: Room
    ) -> None:
        bob, carol = enter("Bob"), enter("Carol")
        eve = enter("Eve", has_socket=True)
        pass_time(10)
        carol.say("the last thing")
        pass_time(10)
        record.observer_ended(room)
        eve.leave()
        bob.leave()
        enter("Eve", has_socket=True)
        assert known("Eve").users["bob"]["total_time_connected"] == 10

    def test_a_restart_of_the_server_is_a_gap(
        self, enter: Enter, known: Known, pass_time: PassTime, site: Site
    ) -> None:
        enter("Bob")
        enter("Eve", has_socket=True)
        pass_time(10)
        site.unload()
        pass_time(10)
        enter("Eve", has_socket=True)
        assert known("Eve").users["bob"]["total_time_connected"] == 10
        assert known("Eve").present == {"eve"}


class TestCounts:
    def test_the_most_users_are_those_shown_and_the_most_connections_those_counted(
        self, enter: Enter, known: Known, pass_time: PassTime
    ) -> None:
        enter("Eve", has_socket=True)
        enter("Bob")
        enter()
        # The first arrival was counted at once, the others ten seconds later.
        assert known("Eve").most_users == (2, T0)
        assert known("Eve").most_connections == (2, T0)
        pass_time(12)
        assert known("Eve").most_connections == (3, T0 + 10)

    def test_connections_are_unknown_until_they_were_counted(
        self, enter: Enter, known: Known, pass_time: PassTime
    ) -> None:
        enter("Bob")
        pass_time(1)
        enter("Eve", has_socket=True)
        assert known("Eve").most_users == (2, T0 + 1)
        assert known("Eve").most_connections is None


class TestMedia:
    @pytest.fixture(autouse=True)
    def library(self, site: Site) -> None:
        for name in "abc":
            site.add_media(Media(name, f"Title {name}", 60))

    @staticmethod
    def queue(client: Any, name: str, *, temp: bool = False) -> None:
        client.send("queue", {"id": name, "type": "yt", "pos": "end", "temp": temp})

    def test_a_play_begins_behind_the_lead_in_and_ends_with_its_successor(
        self, enter: Enter, known: Known, pass_time: PassTime
    ) -> None:
        moderator = enter("Mod", rank=3)
        self.queue(moderator, "a")
        self.queue(moderator, "b")
        pass_time(70)
        pass_time(10)
        moderator.send("playNext")
        first, second, third = known().plays
        assert first == {
            "started": T0 + 3,
            "ended": T0 + 65,
            "skipped": False,
            "title": "Title a",
            "type": "yt",
            "id": "a",
            "duration": 60,
            "queued_by": "Mod",
        }
        assert (second["id"], second["skipped"], second["ended"]) == ("b", True, T0 + 80)
        assert (third["id"], third["ended"], third["skipped"]) == ("a", None, None)

    def test_a_play_goes_on_through_a_shuffle_and_ends_when_the_list_is_cleared(
        self, enter: Enter, known: Known, pass_time: PassTime
    ) -> None:
        moderator = enter("Mod", rank=3)
        for name in "abc":
            self.queue(moderator, name)
        pass_time(10)
        moderator.send("shufflePlaylist")
        pass_time(10)
        moderator.send("clearPlaylist")
        (play,) = known().plays
        assert (play["ended"], play["skipped"]) == (T0 + 20, True)

    def test_a_play_ends_when_its_item_is_removed_and_nothing_follows(
        self, enter: Enter, known: Known, pass_time: PassTime
    ) -> None:
        moderator = enter("Mod", rank=3)
        self.queue(moderator, "a")
        pass_time(10)
        moderator.send("delete", 0)
        (play,) = known().plays
        assert (play["ended"], play["skipped"]) == (T0 + 10, True)

    def test_the_same_item_again_is_another_play(self, enter: Enter, known: Known, pass_time: PassTime) -> None:
        moderator = enter("Mod", rank=3)
        self.queue(moderator, "a")
        pass_time(70)
        assert [play["id"] for play in known().plays] == ["a", "a"]

    def test_a_play_goes_on_through_a_gap(self, enter: Enter, known: Known, pass_time: PassTime) -> None:
        self.queue(enter("Mod", rank=3), "a")
        eve = enter("Eve", has_socket=True)
        pass_time(10)
        eve.leave()
        pass_time(10)
        enter("Eve", has_socket=True)
        (play,) = known("Eve").plays
        assert (play["started"], play["ended"]) == (T0 + 3, None)

    def test_a_play_that_began_in_a_gap_began_where_its_position_says(
        self, enter: Enter, known: Known, pass_time: PassTime
    ) -> None:
        moderator = enter("Mod", rank=3)
        self.queue(moderator, "a")
        self.queue(moderator, "b")
        eve = enter("Eve", has_socket=True)
        pass_time(10)
        eve.leave()
        moderator.send("playNext")
        pass_time(20)
        enter("Eve", has_socket=True)
        first, second = known("Eve").plays
        assert (first["ended"], second["started"]) == (T0 + 13, T0 + 13)

    def test_a_play_that_ended_in_a_gap_has_ended_when_that_is_found(
        self, enter: Enter, known: Known, pass_time: PassTime
    ) -> None:
        moderator = enter("Mod", rank=3)
        self.queue(moderator, "a")
        eve = enter("Eve", has_socket=True)
        pass_time(10)
        eve.leave()
        moderator.send("clearPlaylist")
        pass_time(10)
        enter("Eve", has_socket=True)
        (play,) = known("Eve").plays
        assert play["ended"] == T0 + 20

    def test_the_playlist_changes_are_known_while_seen(self, enter: Enter, known: Known, clock: ManualClock) -> None:
        moderator = enter("Mod", rank=3)
        self.queue(moderator, "a")
        eve = enter("Eve", has_socket=True)
        self.queue(moderator, "b", temp=True)
        moderator.send("moveMedia", {"from": 1, "after": "prepend"})
        moderator.send("setTemp", {"uid": 1, "temp": False})
        moderator.send("togglePlaylistLock")
        moderator.send("shufflePlaylist")
        moderator.send("delete", 2)
        eve.leave()
        moderator.send("clearPlaylist")
        changes = known("Eve").changes
        assert [change["action"] for change in changes] == ["queued", "moved", "temp", "locked", "shuffled", "removed"]
        item = {"uid": 1, "title": "Title b", "type": "yt", "id": "b", "duration": 60, "temp": True}
        assert changes[0] == {"time": T0, "action": "queued", "item": item, "by": "Mod"}
        assert changes[2]["item"] == {**item, "temp": False}
        assert changes[5]["item"]["uid"] == 2
        assert [change["action"] for change in known().changes][-1] == "cleared"
