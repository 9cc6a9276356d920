"""What CyTube does not do gets an answer that says why and what to do, and is on record as an error."""

from __future__ import annotations

import asyncio

import pytest

from rosey_bot.commands import turns
from rosey_bot.commands.router import TOO_MANY
from rosey_simulator.playlist.media import Media, MediaLibrary
from tests.integration.commands.conftest import Scene
from tests.support.waiting import until

SOON = 10.0
"""Seconds that an answer may take."""

FORMS = [
    ("say", "Usage: say <msg> (msg is missing)"),
    ("pm", "Usage: pm <user> <msg> (user is missing)"),
    ("pm Alice", "Usage: pm <user> <msg> (msg is missing)"),
    ("afk maybe", "Usage: afk [on|off] (should be on or off)"),
    ("add", "Usage: add <url> [temp yes|no] [duration] (url is missing)"),
    (
        "add https://twitch.tv/x perhaps",
        "Usage: add <url> [temp yes|no] [duration] (temp should be yes or no, or duration should be a time like "
        "1h30m, 90m or 1:30:00)",
    ),
    (
        "add https://twitch.tv/x 8d",
        "Usage: add <url> [temp yes|no] [duration] (temp should be yes or no, or duration should be from 1 second "
        "to 7 days)",
    ),
    ("add https://twitch.tv/x yes 5m more", "Usage: add <url> [temp yes|no] [duration] (that is more than it takes)"),
    ("remove", "Usage: remove <#> (# is missing)"),
    ("remove 0", "Usage: remove <#> (# should be a position from 1 on, like 3 or #3)"),
    ("remove -1", "Usage: remove <#> (# should be a position from 1 on, like 3 or #3)"),
    ("remove 99999999999", "Usage: remove <#> (# should be a position from 1 on, like 3 or #3)"),
    ("move 1", "Usage: move <#> <#> (position is missing)"),
    ("move 1 x", "Usage: move <#> <#> (position should be a position from 1 on, like 3 or #3)"),
    ("jump", "Usage: jump <#> (# is missing)"),
    ("kick", "Usage: kick <user> [reason] (user is missing)"),
    ("next please", "Usage: next (that is more than it takes)"),
    ("playlist x", "Usage: playlist [n] (n should be a number from 1 on)"),
]


async def test_wrong_arguments_show_the_form(scene: Scene, unlimited: None) -> None:
    for typed, answer in FORMS:
        assert await scene.order(typed) == [answer]
        assert scene.audit[-1][2] == "error"


# No permission: CyTube would answer with silence, or with a kick


LACKING = [
    ("chat", "say hello", "to speak in chat: that takes owner, rank 4, and it has rank 3"),
    ("chat", "afk on", "to go AFK by a line of chat: that takes owner, rank 4, and it has rank 3"),
    ("chatclear", "clear", "to clear the chat: that takes owner, rank 4, and it has rank 3"),
    ("kick", "kick Alice", "to kick: that takes owner, rank 4, and it has rank 3"),
    ("playlistadd", "add https://twitch.tv/x", "to add to the playlist: that takes owner, rank 4, and"),
    ("playlistaddlive", "add https://twitch.tv/x", "to add Twitch: that takes owner, rank 4, and"),
    ("playlistaddcustom", "add <iframe src='https://e.com'></iframe>", "to add custom embed: that takes owner"),
    ("playlistaddrawfile", "add https://e.com/a.mp4", "to add raw file: that takes owner, rank 4, and"),
    ("playlistaddlist", "add yp:PLFgquLnL59alCl_2TQvOiD5Vgm1hCaGSI", "to add YouTube playlist: that takes owner"),
    ("playlistdelete", "remove 1", "to remove from the playlist: that takes owner, rank 4, and"),
    ("playlistmove", "move 1 2", "to move items of the playlist: that takes owner, rank 4, and"),
    ("playlistjump", "jump 2", "to jump in the playlist: that takes owner, rank 4, and"),
    ("playlistjump", "next", "to skip what plays: that takes owner, rank 4, and"),
    ("leaderctl", "pause", "to take leadership of playback: that takes owner, rank 4, and"),
    ("voteskip", "voteskip", "to vote for skipping: that takes owner, rank 4, and"),
]


async def test_what_the_bots_rank_does_not_allow_is_not_even_tried(scene: Scene, unlimited: None) -> None:
    await scene.enter("Alice")
    scene.play("first", "second")
    await scene.seen(2)
    usual = dict(scene.room.permissions.nodes)
    for right, typed, needs in LACKING:
        await scene.permit(**{right: 4})
        assert f"The bot's rank is too low {needs}" in await scene.fail(typed)
        await scene.permit(**{right: usual[right]})
    assert scene.mod.of("userLeave") == []
    assert scene.titles == ["first", "second"]
    assert scene.room.member("Rosey") is not None


async def test_a_right_that_only_an_open_playlist_gives_counts(scene: Scene) -> None:
    await scene.permit(playlistjump=5, oplaylistjump=4)
    scene.play("first", "second")
    await scene.seen(2)
    assert "that takes founder, rank 5" in await scene.fail("next")
    await scene.mod.send("togglePlaylistLock")
    await until(lambda: scene.channel.room.playlist.locked is False)
    assert "that takes owner, rank 4" in await scene.fail("next")
    await scene.permit(oplaylistjump=1)
    assert (await scene.succeed("next")).startswith("Now playing: The second video")


async def test_without_sight_of_the_playlist_nothing_is_done_to_it(scene: Scene) -> None:
    scene.play("first", "second")
    await scene.seen(2)
    await scene.permit(seeplaylist=4)
    for typed in ("playlist", "add https://twitch.tv/x", "remove 1", "move 1 2", "jump 2"):
        assert "to see the playlist: that takes owner, rank 4" in await scene.fail(typed)


async def test_a_temporary_item_although_asked_to_stay_says_so(scene: Scene) -> None:
    await scene.permit(addnontemp=4)
    answer = await scene.succeed("add https://twitch.tv/x no")
    assert answer == "Added 1. Twitch.tv - x (live, Rosey), temporary: the bot's rank may not add for good"


# Chat


async def test_a_muted_bot_says_that_it_is(scene: Scene) -> None:
    scene.room.moderation.mute(scene.room.member("Mod"), "Rosey", shadow=False)
    assert await scene.fail("say hello") == "CyTube refused: You have been muted on this channel."
    assert await scene.succeed("afk on") == "The bot is AFK now"


async def test_silence_is_told_from_success(scene: Scene, impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    await scene.enter("Alice")
    scene.play("first", "second")
    await scene.seen(2)
    right = scene.room.handle

    def deaf(member: object, event: str, args: list, acknowledge: object = None) -> None:
        if event == "pm":
            right(member, event, args, acknowledge)

    monkeypatch.setattr(scene.room, "handle", deaf)
    for typed in ("say hello", "afk on", "clear", "kick Alice", "remove 1", "move 1 2", "jump 2", "next", "add tw:x"):
        assert (await scene.fail(typed)).startswith("No answer: CyTube did not answer within 0.1 s"), typed


async def test_speech_that_is_too_long_is_refused(scene: Scene) -> None:
    assert await scene.succeed("say " + "word " * 60) == "Said"
    # A private message of 320 characters holds less than two messages; a plugin's may hold more.
    scene.channel.dispatcher.dispatch(
        "pm", [{"username": "Mod", "msg": "say " + "word " * 500, "to": "Rosey", "meta": {}, "time": 1}]
    )
    await until(lambda: "too long: 8 messages" in "".join(scene.mod.whispers("Rosey")))
    assert len(scene.mod.heard("Rosey")) == 1


async def test_nothing_to_say_is_refused(scene: Scene) -> None:
    assert await scene.order("say  \u3000") == ["Usage: say <msg> (msg is missing)"]
    assert await scene.fail("say \x01\x02") == "There is nothing to say in that"
    assert await scene.fail("say \ufeff") == "There is nothing to say in that"


async def test_absent_users_are_named_with_the_nearest_name(scene: Scene) -> None:
    await scene.enter("Alice")
    assert await scene.fail("pm Alise hi") == "Alise is not in the room: did you mean Alice?"
    assert await scene.fail("kick zzzz") == "zzzz is not in the room: send users for who is"
    assert await scene.fail("help kik") == "There is no command 'kik': did you mean kick?"
    assert await scene.fail("pm Rosey hi") == "The bot cannot send a private message to itself"


async def test_a_whisper_to_somebody_who_has_just_left_says_what_cytube_says(scene: Scene) -> None:
    alice = await scene.enter("Alice")
    users = scene.channel.room.users
    seen = users.get("Alice")
    await alice.leave()
    scene.people.remove(alice)
    await until(lambda: users.get("Alice") is None)
    users.add(seen)
    assert await scene.fail("pm Alice hi") == "CyTube refused: PM failed: alice isn't connected to this channel."


async def test_kicks_go_down_only(scene: Scene) -> None:
    other = await scene.enter("Other")
    assert await scene.fail("kick Mod") == "Mod is founder, rank 5: the bot, with rank 3, can kick only below"
    assert await scene.fail("kick Rosey") == "The bot does not kick itself"
    scene.room.member("Rosey").channel_rank = 4
    scene.channel.room.own_rank = 4
    scene.server.set_channel_rank("lobby", "Alice", 2)
    await scene.enter("Alice")
    [answer] = await scene.order("kick Alice", by=other)
    assert answer == "Alice is moderator, rank 2: you can have kicked only who is below your own rank"
    assert scene.room.member("Alice") is not None
    assert (await scene.fail("kick Alice " + "x" * 309)) == "The reason is too long by 1 character"


async def test_a_kick_that_cytube_refuses_says_its_reason(scene: Scene) -> None:
    await scene.enter("Alice")
    scene.room.member("Alice").channel_rank = 3
    assert await scene.fail("kick Alice") == "CyTube refused: You do not have permission to kick Alice"


# The playlist


async def test_bad_positions_and_titles(scene: Scene) -> None:
    assert await scene.fail("remove 1") == "The playlist is empty"
    assert await scene.fail("playlist") == "The playlist is empty"
    scene.play("first", "second", "third")
    await scene.seen(3)
    assert await scene.fail("remove 4") == "There is no #4: the playlist has 3 items"
    assert await scene.fail("move 1 #4") == "There is no #4: the playlist has 3 items"
    assert await scene.fail("jump the secund video") == (
        "No item's title has 'the secund video' in it: did you mean The second video?"
    )
    assert await scene.fail("jump qqqq") == "No item's title has 'qqqq' in it: send playlist for the list"
    assert await scene.fail("remove video") == (
        "Several items are called that: #1 The first video, #2 The second video, #3 The third video. Give the number"
    )
    assert scene.titles == ["first", "second", "third"]


async def test_what_cytube_does_not_add_says_its_reason(scene: Scene) -> None:
    await scene.succeed("add https://twitch.tv/x")
    assert await scene.fail("add twitch.tv/x") == "CyTube refused: it is on the playlist already, as #1"
    assert (await scene.fail("add https://youtu.be/dQw4w9WgXcQ")).startswith("CyTube refused: The YouTube API now")
    assert (await scene.fail("add http://example.com/a.m3u8")).startswith("CyTube refused: HLS links must start with")
    assert await scene.fail("add li:x") == "CyTube refused: Invalid ID"
    assert await scene.fail("add http://example.com/a.mp4") == (
        "CyTube refused: Raw file playback is not enabled on this server"
    )
    assert await scene.fail("add cu:<iframe src='http://e.com'></iframe>") == (
        "CyTube refused: Invalid embed. Embed source must begin with https://"
    )
    assert await scene.fail("add https://soundcloud.com/a/b") == ("Not added: CyTube cannot play SoundCloud any more")
    assert await scene.fail("add nonsense") == "Not added: that is no link: paste one that begins with https://"
    assert await scene.fail("add https://youtu.be/dQw4w9WgXcQ 5m") == (
        "Not added: CyTube itself knows how long a YouTube is; leave out the duration"
    )


async def test_too_long_too_many_too_fast(scene: Scene) -> None:
    await scene.permit(exceedmaxlength=4, exceedmaxitems=4)
    await scene.mod.send("setOptions", {"maxlength": 60, "playlist_max_per_user": 2})
    await until(lambda: scene.room.options["playlist_max_per_user"] == 2)
    assert await scene.fail("add https://twitch.tv/x 90s") == (
        "CyTube refused: Video exceeds the maximum length set by the channel admin: 60 seconds"
    )
    await scene.succeed("add https://twitch.tv/x 30s")
    await scene.succeed("add https://twitch.tv/y 30s")
    assert await scene.fail("add https://twitch.tv/z 30s") == (
        "CyTube refused: Channel limit exceeded: maximum number of videos per user"
    )
    answers = [await scene.order(f"add https://twitch.tv/fast_{number}") for number in range(8)]
    assert answers[-1] == ["CyTube refused: You are adding videos too quickly"]


async def test_live_media_cannot_be_paused(scene: Scene) -> None:
    assert await scene.fail("pause") == "Nothing is playing: the playlist is empty"
    await scene.succeed("add https://twitch.tv/x")
    assert await scene.fail("pause") == "Twitch.tv - x is live media: CyTube cannot pause it"
    assert scene.room.playlist.leader is None


async def test_nothing_to_skip(scene: Scene) -> None:
    assert await scene.fail("next") == "Nothing is playing: the playlist is empty"
    assert await scene.fail("voteskip") == "Nothing is playing: the playlist is empty"


async def test_a_bot_that_is_not_told_who_may_lead_does_not_try(scene: Scene) -> None:
    scene.play("first")
    await scene.seen(1)
    scene.channel.room.permissions.clear()
    scene.room.permissions.nodes["leaderctl"] = 5
    assert (await scene.fail("pause")).startswith("CyTube has not told who is allowed to take leadership")
    assert scene.room.member("Rosey") is not None


async def test_a_pause_that_fails_gives_leadership_back(
    scene: Scene, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.play("first")
    await scene.seen(1)
    monkeypatch.setattr(scene.room.playlist.playback, "follow", lambda *_: None)
    answer = await scene.fail("pause")
    assert answer.endswith("(somebody else may have taken leadership)")
    await until(lambda: scene.room.playlist.leader is None)


async def test_leadership_is_not_given_back_by_whoever_has_lost_the_right(scene: Scene) -> None:
    scene.play("first", "second")
    await scene.seen(2)
    await scene.succeed("pause")
    await scene.permit(leaderctl=4)
    assert "to take leadership of playback: that takes owner, rank 4" in await scene.fail("pause")
    await scene.succeed("next")
    await until(lambda: scene.channel._router._steering._returning is not None)
    await until(scene.channel._router._steering._returning.done, what="the bot's decision")
    assert scene.room.member("Rosey") is not None


async def test_a_second_vote_from_an_address_does_not_count(scene: Scene, impatient: None) -> None:
    scene.play("first", "second")
    await scene.seen(2)
    await scene.mod.send("setOptions", {"voteskip_ratio": 1})
    await until(lambda: scene.room.options["voteskip_ratio"] == 1)
    await scene.succeed("voteskip")
    assert await scene.fail("voteskip") == "CyTube counts no second vote from one address: 1 of 2 votes"


async def test_voting_where_it_is_off(scene: Scene) -> None:
    scene.play("first", "second")
    await scene.seen(2)
    await scene.mod.send("setOptions", {"allow_voteskip": False})
    await until(lambda: not scene.channel.room.allows_voteskip)
    assert await scene.fail("voteskip") == "Votes for skipping are off in this channel"


# Floods, and slowness


async def test_a_flood_of_commands_is_refused_once_and_all_are_on_record(scene: Scene) -> None:
    for number in range(20):
        await scene.mod.whisper("Rosey", f"say {number}")
    await until(lambda: sum(row[2] != "pending" for row in scene.audit) == 20)
    await until(lambda: not scene.channel._router._running)
    answers = scene.mod.whispers("Rosey")
    said = [int(text) for text in scene.mod.heard("Rosey")]
    assert answers.count(TOO_MANY) == 1
    assert len(said) >= turns.UNDER_WAY
    assert said == sorted(said)
    assert answers.count("Said") == len(said)
    assert scene.mod.of("cooldown") == []


async def test_a_slow_lookup_holds_up_nobody(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[tuple] = []
    right = scene.room.playlist.request
    monkeypatch.setattr(scene.room.playlist, "request", lambda member, data: requests.append((member, data)))
    scene.play("first", "second")
    await scene.seen(2)
    other = await scene.enter("Other")
    loop = asyncio.get_running_loop()
    began = loop.time()
    await scene.mod.whisper("Rosey", "add https://twitch.tv/slow")
    await until(lambda: requests)
    await other.whisper("Rosey", "remove 2")
    await until(lambda: other.whispers("Rosey"), timeout=SOON)
    assert loop.time() - began < turns.PATIENCE
    await scene.mod.whisper("Rosey", "current")
    await scene.mod.whisper("Rosey", "say hello")
    await until(lambda: len(scene.mod.whispers("Rosey")) == 2)
    assert loop.time() - began < turns.PATIENCE + 0.5
    assert scene.mod.whispers("Rosey")[0].startswith("Now playing")
    assert scene.mod.whispers("Rosey")[1] == "Said"
    right(*requests[0])
    await until(lambda: len(scene.mod.whispers("Rosey")) == 3)
    assert scene.mod.whispers("Rosey")[2].startswith("Added 2. Twitch.tv - slow")


async def test_a_warning_of_cytube_is_passed_on(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    right = MediaLibrary.look_up

    def warn(self: MediaLibrary, *request: object) -> Media:
        scene.room.member("Rosey").send(
            "queueWarn", {"msg": "Video is blocked in the following countries: XX", "link": "https://twitch.tv/x"}
        )
        return right(self, *request)

    monkeypatch.setattr(MediaLibrary, "look_up", warn)
    added, warning = await scene.order("add https://twitch.tv/x")
    assert added.startswith("Added 1.")
    assert warning == "Video is blocked in the following countries: XX"
