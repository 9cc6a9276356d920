"""Members of a room and what they see of each other."""

from __future__ import annotations

from typing import Any

from rosey_simulator.member import Member
from tests.unit.simulator.stage import START, Stage


def virtual(name: str, address: str, *, registered: bool = True) -> Member:
    member = Member(address)
    member.become(name, registered=registered, global_rank=1 if registered else 0)
    return member


def test_moderators_see_addresses_and_others_do_not(stage: Stage) -> None:
    mod, user = stage.account("Mod"), stage.account("User")
    stage.guest("Guest")
    assert mod.last("addUser")["meta"].keys() == {"afk", "muted", "smuted", "aliases", "ip"}
    assert user.last("addUser")["meta"].keys() == {"afk", "muted"}
    assert mod.last("chatMsg")["username"] == "[server]"
    assert "chatMsg" not in user.events


def test_the_user_count_counts_everybody_and_comes_once_in_ten_seconds(stage: Stage) -> None:
    first = stage.anonymous()
    stage.anonymous()
    stage.guest("Guest")
    assert first.heard("usercount") == [1]
    stage.tick(10)
    assert first.heard("usercount") == [1, 3]


def test_leaving_is_told_of_those_with_a_name(stage: Stage) -> None:
    watcher = stage.account("User")
    anonymous, guest = stage.anonymous(), stage.guest("Guest")
    watcher.forget()
    anonymous.session.close()
    guest.session.close()
    assert watcher.heard("userLeave") == [{"name": "Guest"}]
    guest.session.close()
    stage.room.leave(guest.member)
    assert watcher.heard("userLeave") == [{"name": "Guest"}]


def test_silence_makes_afk_and_chat_ends_it(stage: Stage) -> None:
    watcher, user = stage.account("Mod"), stage.account("User")
    stage.tick(599)
    watcher.say("awake")
    stage.tick(2)
    assert watcher.heard("setAFK") == [{"name": "User", "afk": True}]
    assert "clearVoteskipVote" in user.events
    user.say("back")
    assert watcher.last("setAFK") == {"name": "User", "afk": False}
    stage.tick(599)
    assert not user.member.afk
    stage.tick(2)
    assert user.member.afk


def test_no_timeout_makes_nobody_afk(stage: Stage) -> None:
    mod, user = stage.account("Mod"), stage.account("User")
    mod.send("setOptions", {"afk_timeout": 0})
    stage.tick(100_000)
    assert not user.member.afk


def test_a_shorter_timeout_holds_at_once(stage: Stage) -> None:
    mod, user = stage.account("Mod"), stage.account("User")
    mod.send("setOptions", {"afk_timeout": 2})
    stage.tick(3)
    assert user.member.afk


def test_unknown_and_misshapen_frames_do_no_harm(stage: Stage) -> None:
    user = stage.account("User")
    user.send("noSuchEvent", {"x": 1})
    assert user.events == []
    payloads: list[Any] = [None, [], "x", 5, True, {"msg": None}, {"msg": float("nan")}, {"option": 1.5}]
    for event in ("chatMsg", "pm", "queue", "vote", "newPoll", "setChannelRank", "moveMedia", "jumpTo", "delete"):
        for payload in payloads:
            user.send(event, payload)
        user.send(event)
    assert set(user.events) <= {"errorMsg"}
    assert not user.hung_up


def test_frames_of_somebody_who_is_not_in_are_ignored(stage: Stage) -> None:
    stranger = stage.connect()
    stage.room.handle(stranger.member, "chatMsg", [{"msg": "x"}])
    assert stranger.events == ["rank"]


def test_virtual_users_are_seen_like_others(stage: Stage) -> None:
    watcher = stage.account("Mod")
    crowd = [virtual(f"Someone{number}", f"10.2.0.{number}") for number in range(50)]
    for member in crowd:
        assert stage.room.join(member)
    assert len(watcher.heard("addUser")) == 50
    stage.room.say(crowd[0], "hello from nowhere")
    assert watcher.said()[-1] == "hello from nowhere"
    for member in crowd:
        stage.room.leave(member)
    assert len(watcher.heard("userLeave")) == 50


def test_a_virtual_user_gets_the_rank_of_its_account(stage: Stage) -> None:
    member = virtual("Admin", "10.2.0.1")
    stage.room.join(member)
    assert member.rank == 3


def test_what_is_stored_outlives_the_members(stage: Stage) -> None:
    user = stage.account("User")
    user.say("remember me")
    user.session.close()
    assert stage.room.members == []
    stage.tick(3600)
    assert stage.anonymous().said() == ["remember me"]


def test_a_site_that_restarts_forgets_who_was_there(stage: Stage) -> None:
    user = stage.account("User")
    user.forget()
    stage.site.unload()
    assert stage.room.members == []
    assert user.events == []
    stage.tick(3600)
    assert user.events == []


def test_an_edited_profile_is_shown(stage: Stage) -> None:
    watcher = stage.account("Mod")
    stage.account("User")
    stage.site.set_profile("user", "https://example.com/a.png", "about <me>")
    profile = {"image": "https://example.com/a.png", "text": "about <me>"}
    assert watcher.last("setUserProfile") == {"name": "User", "profile": profile}
    assert stage.anonymous().last("userlist")[1]["profile"] == profile


def test_numbers_on_the_wire_are_whole_where_they_can_be(stage: Stage) -> None:
    mod, user = stage.account("Mod"), stage.account("User")
    mod.send("assignLeader", {"name": "User"})
    assert repr(user.last("rank")) == "1.5"
    mod.send("assignLeader", {"name": ""})
    assert repr(user.last("rank")) == "1"
    assert stage.now == START
