from __future__ import annotations

import pytest

from tests.unit.simulator.stage import Stage


def test_a_line_reaches_everybody_and_its_speaker(stage: Stage) -> None:
    user, anonymous = stage.account("User"), stage.anonymous()
    user.say("hello *there*", meta={"modflair": 1, "x": 2})
    line = {
        "username": "User",
        "msg": "hello <strong>there</strong>",
        "meta": {},
        "time": round(stage.now * 1000),
    }
    assert user.last("chatMsg") == line
    assert anonymous.last("chatMsg") == line


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\u00a0"])
def test_blank_lines_are_dropped(stage: Stage, text: str) -> None:
    user = stage.account("User")
    user.say(text)
    assert user.events == []


def test_anonymous_clients_are_not_heard(stage: Stage) -> None:
    anonymous = stage.anonymous()
    anonymous.forget()
    anonymous.say("hello?")
    assert anonymous.events == []


def test_without_the_permission_nothing_is_heard(stage: Stage) -> None:
    admin, user = stage.account("Admin"), stage.account("User")
    admin.send("setPermissions", {"chat": 2, "no such node": 1, "kick": "x"})
    assert user.last("setPermissions")["chat"] == 2
    assert user.last("setPermissions")["kick"] == 1.5
    user.forget()
    user.say("hello?")
    assert user.events == []


def test_control_characters_become_one_blank_and_length_is_cut(stage: Stage) -> None:
    user = stage.account("User")
    user.say("a\n\n\tb")
    user.say("x" * 400)
    user.say("&" * 400)
    assert user.said() == ["a b", "x" * 320, "&amp;" * 320]


def test_control_characters_stay_where_the_option_allows_them(stage: Stage) -> None:
    user = stage.account("User")
    stage.room.options.values["allow_ascii_control"] = True
    user.say("a\nb")
    assert user.said() == ["a\nb"]


def test_fifteen_lines_are_kept_and_the_sixteenth_pushes_one_out(stage: Stage) -> None:
    user = stage.account("User")
    for number in range(16):
        user.say(f"line {number}")
    late = stage.anonymous()
    assert late.said() == [f"line {number}" for number in range(1, 16)]
    assert late.events.index("emoteList") < late.events.index("chatMsg") < late.events.index("drinkCount")


def test_clearing_the_chat_takes_the_permission(stage: Stage) -> None:
    mod, user = stage.account("Mod"), stage.account("User")
    user.say("line")
    user.say("/clear")
    assert "clearchat" not in user.events
    mod.say("/clear")
    assert user.last("clearchat") == {"clearedBy": "Mod"}
    assert user.said()[-1] == "Mod cleared chat."
    assert stage.anonymous().said() == []


def test_too_many_lines_are_dropped_with_a_cooldown(stage: Stage) -> None:
    user = stage.account("User")
    for number in range(25):
        user.say(f"{number}")
    assert len(user.said()) == 20
    assert user.heard("cooldown") == [100] * 5


def test_a_dressed_up_line_costs_two(stage: Stage) -> None:
    user = stage.account("User")
    for _ in range(11):
        user.say("/me waves")
    assert user.said() == ["waves"] * 10
    assert user.heard("cooldown") == [100]


def test_antiflood_limits_those_below_rank_2(stage: Stage) -> None:
    mod, user = stage.account("Mod"), stage.account("User")
    mod.send("setOptions", {"chat_antiflood": True})
    stage.tick(5)
    for number in range(6):
        user.say(f"{number}")
        mod.say(f"{number}")
    assert user.heard("cooldown") == [1000] * 2
    assert mod.heard("cooldown") == []


@pytest.mark.parametrize(
    ("text", "shown", "meta"),
    [
        ("> quote", "&gt; quote", {"addClass": "greentext"}),
        ("/me waves", "waves", {"addClass": "action", "action": True}),
        ("/sp end", "end", {"addClass": "spoiler"}),
        (
            "/say hear",
            "hear",
            {"addClass": "shout", "addClassToNameAndTimestamp": True, "forceShowName": True},
        ),
        ("/d beer", "beer drink!", {"addClass": "drink", "forceShowName": True}),
        ("/d3 beer", "beer drink! (x3)", {"addClass": "drink", "forceShowName": True}),
        ("/nothing known", "/nothing known", {}),
        ("/dance", "/dance", {}),
    ],
)
def test_lines_of_a_moderator_and_their_meta(stage: Stage, text: str, shown: str, meta: dict[str, object]) -> None:
    mod = stage.account("Mod")
    mod.say(text)
    assert mod.last("chatMsg")["msg"] == shown
    assert mod.last("chatMsg")["meta"] == meta


def test_drinks_are_counted_and_taken_back(stage: Stage) -> None:
    mod, user = stage.account("Mod"), stage.account("User")
    mod.say("/d5 all")
    mod.say("/d-2")
    assert user.heard("drinkCount") == [5, 3]
    user.say("/d no right")
    assert user.said()[-1] == "/d no right"


def test_flair_is_kept_only_when_it_is_ones_own_rank(stage: Stage) -> None:
    mod = stage.account("Mod")
    mod.say("mine", meta={"modflair": 2})
    mod.say("not mine", meta={"modflair": 3})
    assert [line["meta"] for line in mod.heard("chatMsg")] == [{"modflair": 2}, {}]


@pytest.mark.parametrize("text", ["/say x", "/a x", "/clean x", "/poll a,b", "/mute Other", "/kickanons"])
def test_commands_without_the_right_are_swallowed(stage: Stage, text: str) -> None:
    user = stage.account("User")
    user.say(text)
    assert user.events == []


def test_afk_toggles(stage: Stage) -> None:
    user = stage.account("User")
    user.say("/afk")
    user.say("/afk brb")
    assert [frame["afk"] for frame in user.heard("setAFK")] == [True, False]
    assert user.said() == []


def test_new_accounts_may_be_kept_from_chat_and_links(stage: Stage) -> None:
    mod, user = stage.account("Mod"), stage.account("User")
    mod.send("setOptions", {"new_user_chat_delay": 100})
    user.say("too new")
    user.send("pm", {"to": "Mod", "msg": "too new"})
    stage.tick(100)
    mod.send("setOptions", {"new_user_chat_link_delay": 500})
    user.say("see http://example.com")
    user.say("old enough")
    reasons = [frame["reason"] for frame in user.heard("spamFiltered")]
    assert reasons == ["NEW_USER_CHAT", "NEW_USER_CHAT", "NEW_USER_CHAT_LINK"]
    assert user.said() == ["old enough"]


def test_a_private_message_reaches_target_and_sender_only(stage: Stage) -> None:
    mod, user, other = stage.account("Mod"), stage.account("User"), stage.account("Other")
    other.forget()
    user.send("pm", {"to": "MOD", "msg": "line1\nline2", "meta": {"modflair": 1}})
    expected = {
        "username": "User",
        "msg": "line1\nline2",
        "meta": {},
        "time": round(stage.now * 1000),
        "to": "Mod",
    }
    assert mod.last("pm") == user.last("pm") == expected
    assert other.events == []


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("User", "You can't PM yourself!"),
        ("Nobody", "PM failed: nobody isn't connected to this channel."),
        ("no name!", "PM failed: no name! isn't a valid username."),
    ],
)
def test_private_messages_that_fail(stage: Stage, to: str, message: str) -> None:
    user = stage.account("User")
    user.send("pm", {"to": to, "msg": "x"})
    assert user.last("errorMsg") == {"msg": message}


def test_an_anonymous_client_cannot_send_private_messages(stage: Stage) -> None:
    anonymous = stage.anonymous()
    anonymous.send("pm", {"to": "User", "msg": "x"})
    assert anonymous.last("errorMsg") == {"msg": "You must be signed in to send PMs"}


def test_private_messages_share_the_limit_of_chat(stage: Stage) -> None:
    user = stage.account("User")
    stage.account("Other")
    for _ in range(15):
        user.say("x")
        user.send("pm", {"to": "Other", "msg": "> y"})
    assert len(user.heard("chatMsg")) + len(user.heard("pm")) == 20
    assert user.last("pm")["meta"] == {"addClass": "greentext"}
