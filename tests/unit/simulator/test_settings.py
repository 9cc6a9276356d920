from __future__ import annotations

from typing import Any

import pytest

from rosey_simulator.schema import SchemaError, check
from tests.unit.simulator.stage import Stage


def test_options_are_checked_and_shown_to_all(stage: Stage) -> None:
    admin, user = stage.account("Admin"), stage.account("User")
    admin.send(
        "setOptions", {"voteskip_ratio": "abc", "afk_timeout": 90000, "externalcss": "http://x", "maxlength": "x"}
    )
    assert [frame["target"] for frame in admin.heard("validationError")] == [
        "#cs-voteskip_ratio",
        "#cs-afk_timeout",
        "#cs-externalcss",
    ]
    assert "Expected number for maxlength" in admin.last("errorMsg")["msg"]
    assert "channelOpts" not in user.events
    admin.send("setOptions", {"voteskip_ratio": 0.4, "pagetitle": "New", "externaljs": "https://x/y.js"})
    assert admin.heard("validationPassed") == [{"target": "#cs-voteskip_ratio"}, {"target": "#cs-externaljs"}]
    shown = user.last("channelOpts")
    assert (shown["voteskip_ratio"], shown["pagetitle"]) == (0.4, "New")


def test_some_options_take_rank_3(stage: Stage) -> None:
    mod = stage.account("Mod")
    mod.send("setOptions", {"password": "x", "pagetitle": "y"})
    assert stage.room.options["password"] is False
    assert stage.room.options["pagetitle"] == "lobby"
    mod.send("setOptions", "nonsense")
    assert not mod.hung_up


def test_antiflood_numbers_are_kept_in_bounds(stage: Stage) -> None:
    mod = stage.account("Mod")
    mod.send("setOptions", {"chat_antiflood_params": {"burst": 100, "sustained": 0}})
    assert stage.room.options["chat_antiflood_params"] == {"burst": 20, "sustained": 0.1, "cooldown": 200.0}
    mod.send("setOptions", {"chat_antiflood_params": {"burst": "x"}})
    mod.send("setOptions", {"chat_antiflood_params": 5})
    assert stage.room.options["chat_antiflood_params"]["burst"] == 20


def test_the_password_is_shown_to_those_inside(stage: Stage) -> None:
    admin, user = stage.account("Admin"), stage.account("User")
    admin.send("setOptions", {"password": "sesame"})
    assert user.last("channelOpts")["password"] == "sesame"
    admin.send("setOptions", {"password": ""})
    assert user.last("channelOpts")["password"] is False


def test_the_message_of_the_day_is_sanitised(stage: Stage) -> None:
    admin = stage.account("Admin")
    admin.send("setMotd", {"motd": "hi <b>all</b><script>x</script>"})
    assert admin.last("setMotd") == "hi <b>all</b>"
    assert stage.anonymous().last("setMotd") == "hi <b>all</b>"


def test_styles_and_scripts_come_with_their_hashes(stage: Stage) -> None:
    admin = stage.account("Admin")
    empty = stage.anonymous().last("channelCSSJS")
    admin.send("setChannelCSS", {"css": "body{color:red}"})
    admin.send("setChannelJS", {"js": "1"})
    shown = admin.last("channelCSSJS")
    assert shown["css"] == "body{color:red}"
    assert shown["cssHash"] == "ZwDj5XeWbekUMqIZMDpUzg=="
    assert shown["jsHash"] != empty["jsHash"]


def test_emotes_are_added_renamed_and_removed(stage: Stage) -> None:
    admin, user = stage.account("Admin"), stage.account("User")
    admin.send("updateEmote", {"name": ":a:", "image": "https://x/a.png"})
    admin.send("renameEmote", {"old": ":a:", "name": ":b:", "image": "https://x/a.png"})
    assert [emote["name"] for emote in stage.anonymous().last("emoteList")] == [":b:"]
    admin.send("removeEmote", {"name": ":b:", "image": "x"})
    admin.send("removeEmote", {"name": ":b:", "image": "x"})
    assert user.events == ["updateEmote", "renameEmote", "removeEmote"]
    user.send("updateEmote", {"name": ":c:", "image": "https://x/a.png"})
    admin.send("updateEmote", {"name": 5})
    assert stage.anonymous().last("emoteList") == []


def test_filters_are_edited_by_those_who_may(stage: Stage) -> None:
    admin, user = stage.account("Admin"), stage.account("User")
    new: dict[str, Any] = {"name": "t", "source": "beer", "flags": "g", "replace": "tea", "active": True}
    admin.send("addFilter", new)
    user.say("beer?")
    assert user.said() == ["tea?"]
    assert "updateChatFilter" in admin.events
    assert "updateChatFilter" not in user.events
    admin.send("updateFilter", {**new, "source": "("})
    assert admin.last("errorMsg")["alert"] is True
    admin.send("removeFilter", {"name": "t"})
    assert admin.last("deleteChatFilter") == {"name": "t"}
    admin.send("requestChatFilters")
    assert [each["name"] for each in admin.last("chatFilters")][:2] == ["monospace", "bold"]
    user.forget()
    user.send("requestChatFilters")
    user.send("addFilter", new)
    user.send("removeFilter", {"name": "bold"})
    assert user.events == []


def test_hiding_the_playlist_hides_what_is_on_it(stage: Stage) -> None:
    admin, user = stage.account("Admin"), stage.account("User")
    admin.send("queue", {"id": "one", "type": "tw", "pos": "end", "temp": True})
    admin.send("setPermissions", {"seeplaylist": 2})
    user.forget()
    admin.send("queue", {"id": "two", "type": "tw", "pos": "end", "temp": True})
    admin.send("playNext")
    assert "queue" not in user.events
    assert "delete" not in user.events
    assert {"setPlaylistMeta", "setCurrent", "changeMedia"} <= set(user.events)


@pytest.mark.parametrize(
    ("event", "args", "part"),
    [
        ("chatMsg", [], "Expected type object, got undefined"),
        ("chatMsg", [None], "Expected type object, got null"),
        ("chatMsg", [[1]], "Expected type object, got array"),
        ("chatMsg", [{"msg": 1}], "Expected key msg to be of type string, instead got number"),
        ("chatMsg", [{"msg": "x", "meta": True}], "object,optional, instead got boolean"),
        ("chatMsg", [{"msg": "x", "more": 1}], "Extra key: more"),
        ("queue", [{"id": "x", "type": "tw"}], "Missing key: string:pos"),
        ("vote", [{"option": float("inf")}], "instead got NaN"),
    ],
)
def test_misshapen_frames_are_explained(event: str, args: list[Any], part: str) -> None:
    with pytest.raises(SchemaError) as caught:
        check(event, args)
    assert str(caught.value).startswith(f"Unexpected error for message {event}: ")
    assert part in str(caught.value)


def test_frames_without_a_schema_pass() -> None:
    check("jumpTo", [5])
