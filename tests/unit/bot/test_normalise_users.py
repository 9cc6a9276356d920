"""What becomes of users: who is here, who came, who left, how many."""

from __future__ import annotations

from rosey_core.events import HighWater, PresentUser, StatusUpdate, UserCount, UserJoined, UserLeft, UsersPresent
from tests.unit.bot.harness import NOON, RoomHarness, media, user


def test_users_already_present_are_published_at_the_join(harness: RoomHarness) -> None:
    harness.join(user("Alice", 1, afk=True), user("Bob", 3))
    [present] = harness.sink.of(UsersPresent)
    assert present.users == [PresentUser("Alice", 1, True), PresentUser("Bob", 3, False)]
    assert present.unseen_since is None
    assert present.timestamp == NOON


def test_a_later_join_says_since_when_the_room_was_out_of_sight(harness: RoomHarness) -> None:
    harness.join(user("Alice"))
    harness.clock.advance(50)
    harness.normaliser.disconnected()
    lost = harness.clock.now
    harness.clock.advance(9)
    harness.join(user("Bob"))
    first, second = harness.sink.of(UsersPresent)
    assert first.unseen_since is None
    assert second.unseen_since is not None
    assert abs(second.unseen_since - lost) < 0.001
    assert harness.sink.of(UserLeft) == []


def test_a_silent_connection_was_out_of_sight_from_its_last_frame(harness: RoomHarness) -> None:
    harness.join(user("Alice"))
    harness.clock.advance(70)
    harness.normaliser.disconnected(last_seen=NOON + 5)
    harness.join()
    assert harness.sink.of(UsersPresent)[1].unseen_since == NOON + 5


def test_failed_connections_in_between_do_not_move_the_last_sight(harness: RoomHarness) -> None:
    harness.join(user("Alice"))
    harness.normaliser.disconnected(last_seen=NOON + 5)
    for _ in range(3):
        harness.clock.advance(10)
        harness.normaliser.connected()
        harness.normaliser.disconnected()
    harness.join()
    assert harness.sink.of(UsersPresent)[1].unseen_since == NOON + 5


def test_the_list_that_follows_a_promotion_repeats_who_is_here(harness: RoomHarness) -> None:
    harness.join(user("Alice"))
    harness.normaliser.disconnected()
    harness.join(user("Alice"))
    harness.log_in()
    harness.frame("userlist", [user("Alice"), user("Rosey", 3)])
    last = harness.sink.of(UsersPresent)[-1]
    assert [present.username for present in last.users] == ["Alice", "Rosey"]
    assert last.unseen_since is None


def test_joins_and_leaves_are_published_the_bots_own_too(harness: RoomHarness) -> None:
    harness.join()
    harness.log_in("Rosey")
    harness.frame("addUser", user("Alice"))
    harness.frame("userLeave", {"name": "Alice"})
    assert [event.username for event in harness.sink.of(UserJoined)] == ["Rosey", "Alice"]
    assert [event.username for event in harness.sink.of(UserLeft)] == ["Alice"]
    assert [present.name for present in harness.room.users] == ["Rosey"]


def test_anonymous_sockets_and_strangers_are_no_users(harness: RoomHarness) -> None:
    harness.join(user(""), user("[server]"))
    harness.sink.take()
    harness.frame("addUser", user(""))
    harness.frame("userLeave", {"name": ""})
    harness.frame("setUserRank", {"name": "Nobody", "rank": 3, "userrank": 3})
    harness.frame("setUserMeta", {"name": "", "meta": {"afk": True}})
    harness.frame("setAFK", {"name": "", "afk": True})
    assert harness.sink.events == []
    assert len(harness.room.users) == 0


def test_one_broken_user_hides_no_other(harness: RoomHarness) -> None:
    harness.join(user("Alice"), {"name": 5}, user("Bob"))  # type: ignore[dict-item]
    assert [present.username for present in harness.sink.of(UsersPresent)[0].users] == ["Alice", "Bob"]


def test_the_room_follows_rank_away_mute_and_leader(harness: RoomHarness) -> None:
    harness.join(user("Alice"))
    harness.frame("setUserRank", {"name": "alice", "rank": 2})
    harness.frame("setUserMeta", {"name": "Alice", "meta": {"afk": True, "muted": True, "aliases": []}})
    harness.frame("setAFK", {"name": "Alice", "afk": True})
    harness.frame("setLeader", "Alice")
    alice = harness.room.users.get("Alice")
    assert alice is not None
    assert (alice.rank, alice.afk, alice.muted) == (2, True, True)
    assert harness.room.users.leader == "Alice"


def test_the_bots_own_rank_follows_the_login(harness: RoomHarness) -> None:
    harness.join()
    assert harness.room.own_rank == -1
    harness.log_in("Rosey", rank=3)
    assert (harness.room.own_name, harness.room.own_rank) == ("Rosey", 3)
    harness.frame("setUserRank", {"name": "rosey", "rank": 4})
    assert harness.room.own_rank == 4


def test_a_refused_login_gives_no_name(harness: RoomHarness) -> None:
    harness.join()
    harness.frame("login", {"success": False, "error": "That username is registered."})
    assert harness.room.own_name is None


def test_before_cytube_counts_connections_there_is_no_count_and_a_mark_of_users_alone(harness: RoomHarness) -> None:
    harness.join(user("Alice"), user("Bob"))
    harness.frame("userLeave", {"name": "Bob"})
    harness.normaliser.report_counts()
    assert harness.sink.of(UserCount) == []
    [mark] = harness.sink.of(HighWater)
    assert (mark.chat_count, mark.connected_count) == (2, None)


def test_a_risen_high_water_mark_is_published_with_its_counts(harness: RoomHarness) -> None:
    harness.join(user("Alice"), user("Bob"), count=5)
    [count], [*_, mark] = harness.sink.of(UserCount), harness.sink.of(HighWater)
    assert (count.chat_count, count.connected_count) == (2, 5)
    assert (mark.chat_count, mark.connected_count) == (2, 5)
    harness.sink.take()
    harness.frame("usercount", 4)
    harness.frame("userLeave", {"name": "Bob"})
    harness.frame("addUser", user("Bob"))
    assert harness.sink.of(HighWater) == []
    harness.frame("addUser", user("Carol"))
    [mark] = harness.sink.of(HighWater)
    assert (mark.chat_count, mark.connected_count) == (3, 4)


def test_the_marks_outlive_a_connection(harness: RoomHarness) -> None:
    harness.join(user("Alice"), count=5)
    harness.normaliser.disconnected()
    harness.sink.take()
    harness.join(user("Alice"), count=5)
    assert harness.sink.of(HighWater) == []
    assert harness.sink.of(UserCount) == []


def test_the_count_of_a_lost_connection_is_not_used_again(harness: RoomHarness) -> None:
    harness.join(user("Alice"), count=50)
    harness.normaliser.disconnected()
    harness.sink.take()
    harness.join(*(user(f"U{number}") for number in range(60)))
    harness.normaliser.report_counts()
    assert harness.sink.of(UserCount) == []


def test_connections_are_never_fewer_than_users(harness: RoomHarness) -> None:
    harness.join(user("Alice"), user("Bob"), user("Carol"), count=1)
    harness.sink.take()
    harness.normaliser.report_counts()
    [count] = harness.sink.of(UserCount)
    assert (count.chat_count, count.connected_count) == (3, 3)


def test_the_status_says_all_that_is_known(harness: RoomHarness) -> None:
    harness.join(user("Alice"), playing=media("abc", seconds=90), count=4)
    harness.log_in("Rosey", rank=3)
    harness.sink.take()
    harness.normaliser.report_status()
    [status] = harness.sink.of(StatusUpdate)
    data = status.status_data
    assert data.bot_name == "Rosey"
    assert data.bot_rank == 3
    assert data.bot_afk is False
    assert data.channel_name == "lobby"
    assert data.current_chat_users == 2
    assert data.current_connected_users == 4
    assert data.playlist_items == 1
    assert data.current_media_title == "Title of abc"
    assert data.current_media_duration == 90
    assert data.bot_start_time == NOON
    assert data.bot_connected is True


def test_joining_and_losing_the_room_are_told_at_once() -> None:
    harness = RoomHarness(bot_name="Rosey")
    harness.join(user("Alice"))
    harness.normaliser.disconnected()
    harness.normaliser.disconnected()
    first, second = harness.sink.of(StatusUpdate)
    assert first.status_data.bot_connected is True
    assert second.status_data.bot_connected is False
    assert second.status_data.bot_name == "Rosey"
    assert second.status_data.current_chat_users is None


def test_a_recorded_client_that_logged_in_first_was_never_there_without_a_name() -> None:
    harness = RoomHarness(bot_name="RoseyBot")
    harness.play("login_and_join")
    first = harness.sink.of(UsersPresent)[0]
    assert [(user.username, user.rank) for user in first.users] == [("ModUser", 5), ("RoseyBot", 3)]
    assert harness.sink.of(UserJoined) == []


def test_a_name_that_never_got_into_the_room_is_none(harness: RoomHarness) -> None:
    harness.normaliser.connected()
    harness.frame("login", {"success": True, "name": "Rosey"})
    harness.normaliser.disconnected()
    harness.normaliser.report_status()
    [status] = harness.sink.of(StatusUpdate)
    assert status.status_data.bot_rank is None


def test_times_of_events_are_all_different_and_in_order(harness: RoomHarness) -> None:
    harness.join(*(user(f"U{number}") for number in range(5)), count=9)
    for number in range(50):
        harness.frame("addUser", user(f"V{number}"))
    times = [event.timestamp or 0 for event in harness.sink.events]
    assert times == sorted(set(times))


def test_every_event_has_the_same_envelope(harness: RoomHarness) -> None:
    harness.play("playlist")
    harness.play("users")
    assert {type(event).__name__ for event in harness.sink.events} >= {"ChatMessage", "MediaPlayed", "PlaylistChanged"}
    for event in harness.sink.events:
        assert event.channel == "lobby"
        assert event.platform == "cytube"
        assert event.timestamp is not None
        assert event.event_id
    ids = [event.event_id for event in harness.sink.events if not getattr(event, "replayed", False)]
    assert len(set(ids)) == len(ids)
