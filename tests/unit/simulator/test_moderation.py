from __future__ import annotations

import pytest

from tests.unit.simulator.stage import Client, Stage


def whispers(client: Client) -> list[str]:
    return [line["msg"] for line in client.heard("chatMsg") if line["username"] == "[server]"]


def test_a_kick_tells_the_reason_and_ends_the_connection(stage: Stage) -> None:
    mod, user = stage.account("Mod"), stage.account("User")
    mod.say("/kick user being <rude>")
    assert user.last("kick") == {"reason": "being <rude>"}
    assert user.hung_up
    assert mod.last("userLeave") == {"name": "User"}
    assert whispers(mod)[-1] == "Mod kicked User"


def test_kicks_that_fail(stage: Stage) -> None:
    mod, user, admin = stage.account("Mod"), stage.account("User"), stage.account("Admin")
    mod.say("/kick")
    mod.say("/kick Nobody")
    mod.say("/kick Admin")
    user.say("/kick Mod")
    assert [frame["msg"][:30] for frame in mod.heard("errorMsg")] == [
        "No kick target specified.  If ",
        "You do not have permission to ",
    ]
    assert not admin.hung_up
    assert not mod.hung_up


def test_anonymous_clients_are_kicked_together(stage: Stage) -> None:
    mod, first, second = stage.account("Mod"), stage.anonymous(), stage.anonymous()
    mod.say("/kickanons")
    assert first.last("kick") == second.last("kick") == {"reason": "anonymous user"}
    assert stage.room.members == [mod.member]


def test_a_mute_is_shown_and_silences(stage: Stage) -> None:
    mod, user = stage.account("Mod"), stage.account("User")
    mod.say("/mute User")
    assert user.last("setUserMeta") == {"name": "User", "meta": {"afk": False, "muted": True}}
    user.say("hello?")
    assert user.last("noflood")["action"] == "chat"
    assert mod.said()[-1] == "Mod muted User"
    mod.say("/unmute User")
    user.say("hello!")
    assert mod.said()[-1] == "hello!"


def test_a_mute_outlives_a_reconnect(stage: Stage) -> None:
    mod, user = stage.account("Mod"), stage.account("User")
    mod.say("/mute User")
    user.session.close()
    mod.forget()
    again = stage.account("User")
    assert again.member.muted
    assert mod.last("setUserMeta")["meta"]["muted"] is True


def test_a_shadow_mute_is_seen_by_moderators_only(stage: Stage) -> None:
    mod, user, other, anonymous = (
        stage.account("Mod"),
        stage.account("User"),
        stage.account("Other"),
        stage.anonymous(),
    )
    mod.say("/smute User")
    assert "setUserMeta" not in user.events
    assert mod.last("setUserMeta")["meta"]["smuted"] is True
    user.say("can you hear me")
    assert user.said()[-1] == anonymous.said()[-1] == "can you hear me"
    assert mod.last("chatMsg")["meta"] == {"shadow": True}
    assert other.said() == []
    assert stage.anonymous().said() == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("/mute", "/mute requires a target name"),
        ("/smute Nobody", "/smute target nobody not present in channel."),
        ("/mute Admin", "/mute failed - Admin has equal or higher rank than you."),
        ("/unmute", "/unmute requires a target name"),
        ("/unmute User", "user is not muted."),
        ("/ban", "No ban target specified."),
        ("/ban no!name", "Invalid username"),
        ("/ban mod", "You cannot ban yourself"),
        ("/ban Admin", "You don't have permission to ban admin"),
    ],
)
def test_errors_of_moderation(stage: Stage, text: str, message: str) -> None:
    mod = stage.account("Mod")
    stage.account("Admin")
    mod.say(text)
    assert mod.last("errorMsg") == {"msg": message}


def test_a_banned_name_is_put_out_and_kept_out(stage: Stage) -> None:
    mod, user = stage.account("Mod"), stage.account("User")
    mod.say("/ban User spam")
    assert user.last("kick") == {"reason": "You're banned!"}
    mod.say("/ban User again")
    assert mod.last("errorMsg") == {"msg": "user is already banned"}
    again = stage.account("User")
    assert again.hung_up
    assert whispers(mod)[-1] == "User was kicked (name is banned)"
    before = stage.connect()
    before.send("login", {"name": "User", "pw": "secret"})
    stage.tick()
    before.send("joinChannel", {"name": "lobby"})
    stage.tick()
    assert before.last("kick") == {"reason": "You are banned from this channel."}


def test_a_banned_address_is_kept_out_until_it_is_unbanned(stage: Stage) -> None:
    mod, guest = stage.account("Mod"), stage.guest("Guest")
    mod.say("/ipban Guest range of trouble")
    assert guest.hung_up
    again = stage.connect(guest.member.address)
    again.send("joinChannel", {"name": "lobby"})
    stage.tick()
    assert again.last("kick") == {"reason": "You are banned from this channel."}
    mod.send("requestBanlist")
    rows = mod.last("banlist")
    assert [row["ip"] == "*" for row in rows] == [False, True]
    assert guest.member.address not in rows[0]["ip"]
    for row in rows:
        mod.send("unban", {"id": row["id"], "name": row["name"]})
    assert mod.heard("banlistRemove") == [{"id": row["id"], "name": "guest"} for row in rows]
    assert stage.connect(guest.member.address).member.room is None
    assert stage.room.moderation.bans == []


def test_an_absent_guest_can_be_banned_by_its_last_address(stage: Stage) -> None:
    mod, guest = stage.account("Mod"), stage.guest("Guest")
    guest.session.close()
    mod.say("/ipban Guest")
    assert [ban.address for ban in stage.room.moderation.bans] == [guest.member.address, "*"]


def test_bans_take_the_permission(stage: Stage) -> None:
    user = stage.account("User")
    user.say("/ban Other")
    assert user.last("errorMsg")["msg"].startswith("You do not have ban permissions")
    user.forget()
    user.send("requestBanlist")
    user.send("unban", {"id": 1, "name": "x"})
    assert user.events == []


def test_ranks_are_given_and_taken(stage: Stage) -> None:
    admin, user = stage.account("Admin"), stage.account("User")
    admin.send("setChannelRank", {"name": "user", "rank": 2})
    assert user.events == ["userlist", "rank", "setUserRank"]
    assert "ip" in user.last("userlist")[0]["meta"]
    admin.say("/rank User 1")
    assert user.last("rank") == 1
    assert stage.room.ranks.of("User") == 1


def test_the_rank_of_an_absent_account_is_stored(stage: Stage) -> None:
    admin = stage.account("Admin")
    admin.send("setChannelRank", {"name": "User", "rank": 2})
    assert admin.last("setUserRank") == {"name": "User", "rank": 2, "userrank": 3}
    assert stage.account("User").member.rank == 2
    admin.send("requestChannelRanks")
    assert {"name": "User", "rank": 2, "channel": "lobby"} in admin.last("channelRanks")


def test_the_rank_of_a_guest_ends_with_its_visit(stage: Stage) -> None:
    admin, guest = stage.account("Admin"), stage.guest("Guest")
    admin.send("setChannelRank", {"name": "Guest", "rank": 2})
    assert guest.member.rank == 2
    assert "not a registered account" in admin.last("channelRankFail")["msg"]
    assert stage.room.ranks.of("Guest") == 1


@pytest.mark.parametrize(
    ("name", "rank", "part"),
    [
        ("User", 3, "can't promote someone to a rank equal"),
        ("User", 0, "below rank 1"),
        ("Admin", 2, "promote or demote yourself"),
        ("Founder", 2, "equal or higher rank than yourself"),
        ("no name", 2, "Invalid target name"),
    ],
)
def test_rank_changes_that_fail(stage: Stage, name: str, rank: int, part: str) -> None:
    admin = stage.account("Admin")
    admin.send("setChannelRank", {"name": name, "rank": rank})
    assert part in admin.last("channelRankFail")["msg"]


def test_a_rank_command_without_a_rank_explains_itself(stage: Stage) -> None:
    admin, mod = stage.account("Admin"), stage.account("Mod")
    admin.say("/rank User")
    assert admin.last("noflood")["action"] == "/rank"
    mod.forget()
    mod.send("setChannelRank", {"name": "User", "rank": 1})
    assert mod.events == []


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("setOptions", {"maxlength": 1}),
        ("setPermissions", {"chat": 0}),
        ("setMotd", {"motd": "x"}),
        ("setChannelCSS", {"css": "x"}),
        ("setChannelJS", {"js": "x"}),
        ("assignLeader", {"name": "User"}),
        ("readChanLog", None),
        ("initACP", None),
    ],
)
def test_some_frames_kick_who_may_not_send_them(stage: Stage, event: str, data: object) -> None:
    user = stage.account("User")
    user.send(event, data)
    assert user.last("kick")["reason"].startswith(f"Attempted {event}")
    assert user.hung_up
