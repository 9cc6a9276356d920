"""Login and the door of a channel."""

from __future__ import annotations

from typing import Any

import pytest

from rosey_simulator.limits import Limits
from tests.unit.simulator.stage import CHANNEL, Client, Stage

JOIN_FRAMES = [
    "setPermissions",
    "setPlaylistLocked",
    "emoteList",
    "drinkCount",
    "channelCSSJS",
    "setMotd",
    "channelOpts",
    "setPlaylistMeta",
    "playlist",
    "userlist",
]


def login(stage: Stage, client: Client, **data: Any) -> dict[str, Any]:
    client.send("login", data)
    stage.tick(1)
    answer: dict[str, Any] = client.last("login")
    return answer


def test_the_first_frame_is_the_rank_of_nobody(stage: Stage) -> None:
    client = stage.connect()
    assert [(frame.event, frame.args) for frame in client.frames] == [("rank", (-1,))]


def test_join_frames_come_in_order(stage: Stage) -> None:
    client = stage.anonymous()
    assert client.events == ["rank", *JOIN_FRAMES, "usercount"]


def test_a_login_after_joining_is_answered_in_order(stage: Stage) -> None:
    client = stage.anonymous()
    client.forget()
    assert login(stage, client, name="MOD", pw="secret") == {"success": True, "name": "Mod"}
    assert client.events == [
        "rank",
        "login",
        "addUser",
        "rank",
        "userlist",
        "setPlaylistMeta",
        "playlist",
        "setUserRank",
    ]
    assert client.heard("rank") == [1, 2]


def test_a_login_before_joining_puts_oneself_into_the_list(stage: Stage) -> None:
    client = stage.connect()
    login(stage, client, name="User", pw="secret")
    client.send("joinChannel", {"name": CHANNEL.upper()})
    stage.tick()
    assert [user["name"] for user in client.last("userlist")] == ["User"]
    assert "addUser" not in client.events
    assert client.events[-1] == "listPlaylists"


def test_a_guest_has_rank_0_and_no_rank_frame_of_the_room(stage: Stage) -> None:
    client = stage.anonymous()
    client.forget()
    assert login(stage, client, name="Guest") == {"success": True, "name": "Guest", "guest": True}
    assert client.events == ["rank", "login", "addUser"]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"name": "User", "pw": "wrong"}, "Invalid username/password combination"),
        ({"name": "Nobody", "pw": "x"}, "User does not exist"),
        ({"name": "no name!", "pw": "x"}, 'Invalid username "no name!"'),
        ({"name": "User"}, "That username is registered."),
        ({"name": "USER", "pw": ""}, "That username is registered."),
        ({"name": "User", "pw": 5}, "That username is registered."),
        ({"name": "0ther"}, "That username is registered."),
        ({"name": "the-admin"}, "That username is reserved."),
        ({"name": "x" * 21}, "Invalid username.  Usernames must be 1-20"),
        ({"name": ""}, "Invalid username.  Usernames must be 1-20"),
    ],
)
def test_logins_that_are_refused(stage: Stage, data: dict[str, Any], error: str) -> None:
    client = stage.anonymous()
    answer = login(stage, client, **data)
    assert answer["success"] is False
    assert answer["error"].startswith(error)


def test_a_guest_cannot_take_a_name_that_is_present(stage: Stage) -> None:
    stage.guest("Guest")
    client = stage.anonymous()
    assert login(stage, client, name="guest")["error"] == "That name is already in use on this channel."


def test_guest_logins_of_one_address_have_to_wait() -> None:
    stage = Stage(Limits(guest_login_seconds=60))
    login(stage, stage.connect("10.1.1.1"), name="One")
    second = stage.connect("10.1.1.1")
    assert login(stage, second, name="Two")["error"].startswith("Guest logins are restricted")
    stage.tick(60)
    assert login(stage, second, name="Two")["success"]


def test_frames_that_get_no_login_answer(stage: Stage) -> None:
    client = stage.anonymous()
    client.forget()
    client.send("login", {"name": 5, "pw": "x"})
    client.send("login", {"pw": "x"})
    stage.tick(1)
    assert client.events == []
    client.send("login", "User")
    assert client.last("errorMsg") == {"msg": "Invalid login frame"}


def test_a_login_while_another_is_in_progress_is_dropped() -> None:
    stage = Stage(Limits(login_seconds=0.045))
    client = stage.anonymous()
    client.send("login", {"name": "User", "pw": "wrong"})
    client.send("login", {"name": "User", "pw": "secret"})
    stage.tick(1)
    assert [answer["success"] for answer in client.heard("login")] == [False]


def test_a_second_login_is_ignored(stage: Stage) -> None:
    client = stage.account("User")
    client.send("login", {"name": "Other", "pw": "secret"})
    stage.tick(1)
    assert client.events == []


def test_the_newer_socket_of_a_name_puts_the_older_one_out(stage: Stage) -> None:
    older = stage.account("User")
    watcher = stage.account("Other")
    newer = stage.account("User")
    assert older.last("kick") == {"reason": "Duplicate login"}
    assert older.hung_up
    assert watcher.events[:2] == ["userLeave", "addUser"]
    assert stage.room.member("user") is newer.member


def test_a_bad_channel_name_is_an_error_and_a_kick(stage: Stage) -> None:
    client = stage.connect()
    client.send("joinChannel", {"name": "no channel!"})
    assert client.events == ["rank", "errorMsg", "kick"]
    assert client.hung_up


def test_a_second_join_is_ignored_even_after_a_senseless_first(stage: Stage) -> None:
    client = stage.connect()
    client.send("joinChannel", "lobby")
    client.send("joinChannel", {"name": CHANNEL})
    stage.tick(1)
    assert client.events == ["rank"]


def test_frames_before_the_join_vanish(stage: Stage) -> None:
    client = stage.connect()
    client.say("too early")
    client.send("channelPassword", "x")
    assert client.events == ["rank"]


def test_a_client_that_is_gone_does_not_join(stage: Stage) -> None:
    client = stage.connect()
    client.send("joinChannel", {"name": CHANNEL})
    client.session.close()
    stage.tick(1)
    assert stage.room.members == []


def password_stage() -> Stage:
    stage = Stage()
    stage.room.options.values["password"] = "open sesame"
    return stage


def test_a_channel_password_is_asked_for_until_it_is_right() -> None:
    stage = password_stage()
    client = stage.anonymous()
    assert client.heard("needPassword") == [False]
    client.send("channelPassword", "wrong")
    client.send("channelPassword", 5)
    assert client.heard("needPassword") == [False, True]
    client.say("not in yet")
    client.send("channelPassword", "open sesame")
    assert client.events[3:5] == ["cancelNeedPassword", "setPermissions"]
    assert stage.room.members == [client.member]


def test_a_channel_password_in_the_join_is_enough() -> None:
    stage = password_stage()
    client = stage.connect()
    client.send("joinChannel", {"name": CHANNEL, "pw": "open sesame"})
    stage.tick()
    assert "needPassword" not in client.events
    assert "userlist" in client.events


def test_rank_2_opens_the_door_and_rank_1_does_not() -> None:
    stage = password_stage()
    mod, user = stage.anonymous(), stage.anonymous()
    login(stage, mod, name="Mod", pw="secret")
    login(stage, user, name="User", pw="secret")
    assert mod.events.index("userlist") < mod.events.index("cancelNeedPassword")
    assert "userlist" not in user.events
    assert stage.room.members == [mod.member]


def test_anonymous_clients_wait_where_they_are_blocked() -> None:
    stage = Stage()
    stage.room.options.values["block_anonymous_users"] = True
    guest, account = stage.anonymous(), stage.anonymous()
    assert guest.events == ["rank", "errorMsg"]
    login(stage, guest, name="Guest")
    login(stage, account, name="User", pw="secret")
    assert stage.room.members == [guest.member, account.member]


def test_an_unregistered_channel_is_gone_with_its_last_member(stage: Stage) -> None:
    client = stage.anonymous("elsewhere")
    assert client.events[-1] == "channelNotRegistered"
    assert stage.site.channel("elsewhere") is not None
    client.session.close()
    assert stage.site.channel("elsewhere") is None


def test_names_that_are_none_are_refused_by_the_site(stage: Stage) -> None:
    with pytest.raises(ValueError, match="user name"):
        stage.site.add_account("no name!", "x")
    with pytest.raises(ValueError, match="channel name"):
        stage.site.add_channel("no channel!")
    with pytest.raises(KeyError):
        stage.site.set_profile("Nobody", "", "")


def test_a_password_is_in_no_repr(stage: Stage) -> None:
    assert "secret" not in repr(stage.site.accounts.get("User"))
