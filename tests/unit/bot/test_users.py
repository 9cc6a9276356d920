"""The list of users."""

from __future__ import annotations

import pytest

from rosey_bot.room.users import RoomUser, Users, is_username


@pytest.fixture
def users() -> Users:
    users = Users()
    users.replace([RoomUser("Alice", 1, since=1.0), RoomUser("Bob", 3, since=1.0)])
    return users


@pytest.mark.parametrize("name", ["a", "Alice_1-x", "Zoë", "x" * 64])
def test_names_of_users(name: str) -> None:
    assert is_username(name)


@pytest.mark.parametrize("name", ["", "[server]", "[voteskip]", "a b", "x" * 65, "a\x00", "a\x7f", "\ud800"])
def test_names_that_no_user_has(name: str) -> None:
    assert not is_username(name)


def test_names_do_not_differ_by_case(users: Users) -> None:
    users.set_rank("ALICE", 2)
    alice = users.get("alice")
    assert alice is not None
    assert (alice.name, alice.rank) == ("Alice", 2)
    assert users.remove("aLiCe") is not None
    assert [user.name for user in users] == ["Bob"]


def test_news_of_absent_users_is_ignored(users: Users) -> None:
    users.set_rank("Carol", 3)
    users.set_state("", afk=True)
    assert users.remove("Carol") is None
    assert len(users) == 2


def test_state_changes_leave_the_rest_alone(users: Users) -> None:
    users.set_state("bob", afk=True)
    users.set_state("bob", muted=True)
    bob = users.get("Bob")
    assert bob is not None
    assert (bob.afk, bob.muted, bob.rank) == (True, True, 3)


def test_a_second_list_keeps_the_time_of_coming(users: Users) -> None:
    users.replace([RoomUser("alice", 2, since=9.0), RoomUser("Carol", 0, since=9.0)])
    assert {user.name: user.since for user in users} == {"alice": 1.0, "Carol": 9.0}
