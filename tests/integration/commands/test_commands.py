"""A moderator uses each command in each form: the right thing happens, and the answer and the record say what did."""

from __future__ import annotations

import statistics
import time

from rosey_bot.room.users import RoomUser
from rosey_simulator.playlist.media import Media
from tests.integration.commands.conftest import Scene
from tests.support.waiting import until

PATIENCE = 10.0
"""Seconds that something which happens by itself may take."""
IFRAME = '<iframe src="https://example.com/embed/1"></iframe>'


# In chat


async def test_afk_tells_goes_and_comes_back(scene: Scene) -> None:
    rosey = scene.room.member("Rosey")
    assert await scene.succeed("afk") == "The bot is not AFK"
    assert await scene.succeed("afk on") == "The bot is AFK now"
    assert rosey.afk
    assert await scene.succeed("AFK ON") == "The bot is AFK already"
    assert rosey.afk
    assert await scene.succeed("afk") == "The bot is AFK"
    assert await scene.succeed("afk off") == "The bot is not AFK now"
    assert not rosey.afk


async def test_say_speaks(scene: Scene) -> None:
    assert await scene.succeed('say hello, "world" :)') == "Said"
    assert scene.mod.heard("Rosey") == ['hello, "world" :)']
    assert await scene.succeed("say /kick Mod") == "Said"
    assert scene.room.member("Mod") is not None


async def test_pm_speaks_to_one(scene: Scene) -> None:
    alice = await scene.enter("Alice")
    assert await scene.succeed("pm alice meet me   at noon") == "Sent to Alice"
    assert await scene.succeed('pm "@Alice" hi') == "Sent to Alice"
    assert [text.split() for text in alice.whispers("Rosey")] == [["meet", "me", "at", "noon"], ["hi"]]


async def test_clear_clears_the_chat(scene: Scene) -> None:
    await scene.succeed("say something")
    assert await scene.succeed("clear") == "The chat is cleared"
    assert scene.mod.of("clearchat") == [{"clearedBy": "Rosey"}]
    assert not scene.room.conversation.buffer


async def test_kick_kicks(scene: Scene) -> None:
    alice = await scene.enter("Alice")
    assert await scene.succeed("kick ALICE being <rude> & loud") == "Kicked Alice (being <rude> & loud)"
    await until(lambda: alice.of("kick") == [{"reason": "being <rude> & loud"}])
    await scene.enter("Other")
    assert await scene.succeed("kick Other") == "Kicked Other"
    assert scene.room.member("Other") is None


# The playlist


async def test_add_puts_at_the_end_temporary_unless_told(scene: Scene) -> None:
    scene.server.add_media(Media("dQw4w9WgXcQ", "A song", 212))
    scene.play("first")
    await scene.seen(1)
    assert await scene.succeed("add https://youtu.be/dQw4w9WgXcQ") == "Added 2. A song (3:32, Rosey), temporary"
    assert await scene.succeed("add https://twitch.tv/a_b no") == "Added 3. Twitch.tv - a_b (live, Rosey), to stay"
    answer = await scene.succeed("add twitch.tv/other temp yes 1h30m")
    assert answer == "Added 4. Twitch.tv - other (1:30:00, Rosey), temporary"
    assert await scene.succeed(f"add {IFRAME} no") == (
        "Added 5. Custom Media (https://example.com/embed/1) (live, Rosey), to stay"
    )
    assert await scene.succeed("add https://example.com/a.m3u8 90s") == "Added 6. Livestream (1:30, Rosey), temporary"
    added = [(item.media.type, item.temp, item.queueby) for item in scene.room.playlist.items[1:]]
    assert added == [
        ("yt", True, "Rosey"),
        ("tw", False, "Rosey"),
        ("tw", True, "Rosey"),
        ("cu", False, "Rosey"),
        ("hl", True, "Rosey"),
    ]


async def test_remove_takes_a_number_or_a_title(scene: Scene) -> None:
    names = ("2", "#2", "second", '"The second video"', "THE SECOND VIDEO")
    for count, named in enumerate(names, start=2):
        scene.play(*(("first", "second") if count == 2 else ("second",)))
        await scene.seen(2)
        assert await scene.succeed(f"remove {named}") == "Removed 2. The second video (3:20, Alice)"
        assert scene.titles == ["first"]


async def test_move_ends_where_it_was_told(scene: Scene, unlimited: None) -> None:
    scene.play()
    await scene.seen(5)
    for source in range(1, 6):
        for target in range(1, 6):
            wanted = list(scene.titles)
            moved = wanted.pop(source - 1)
            wanted.insert(target - 1, moved)
            answer = await scene.succeed(f"move {source} #{target}")
            assert scene.titles == wanted
            assert answer == (
                f"The {moved} video is #{target} already"
                if source == target
                else f"Moved The {moved} video from #{source} to #{target}"
            )


async def test_move_takes_titles(scene: Scene) -> None:
    scene.play()
    await scene.seen(5)
    assert await scene.succeed("move the fifth 1") == "Moved The fifth video from #5 to #1"
    assert await scene.succeed('move "first" #5') == "Moved The first video from #2 to #5"
    assert scene.titles == ["fifth", "second", "third", "fourth", "first"]


async def test_jump_plays_an_item(scene: Scene) -> None:
    scene.play()
    await scene.seen(5)
    assert await scene.succeed("jump 3") == "Now playing 3. The third video (3:20, Alice)"
    assert scene.current == "third"
    assert await scene.succeed("jump fifth video") == "Now playing 5. The fifth video (3:20, Alice)"
    assert scene.current == "fifth"


async def test_jump_from_a_temporary_item_tells_the_new_position(scene: Scene) -> None:
    scene.play(temp=True)
    await scene.seen(5)
    assert await scene.succeed("jump #3") == "Now playing 2. The third video (3:20, Alice)"


async def test_next_goes_on_and_begins_anew(scene: Scene) -> None:
    scene.play("first", "second")
    await scene.seen(2)
    assert (await scene.succeed("next")).startswith("Now playing: The second video (0:00 of 3:20")
    assert scene.current == "second"
    assert (await scene.succeed("next")).startswith("Now playing: The first video")
    assert scene.current == "first"


async def test_next_on_the_last_temporary_item_leaves_nothing(scene: Scene) -> None:
    scene.play("only", temp=True)
    await scene.seen(1)
    assert await scene.succeed("next") == "The only video was the last item: nothing is playing now"
    assert scene.current is None


async def test_playlist_shows_the_items_from_the_current_one_on_page_by_page(scene: Scene, unlimited: None) -> None:
    scene.play(*(f"v{number}" for number in range(1, 31)), seconds=60)
    await scene.seen(30)
    await scene.succeed("jump 3")
    assert await scene.order("playlist 2") == [
        "3. The v3 video (1:00, Alice)",
        "4. The v4 video (1:00, Alice)",
        "30 items, 30:00 in all",
    ]
    assert len(await scene.order("playlist")) == 6
    pages = [await scene.order("playlist 100")]
    while pages[-1][-1].endswith("send more)"):
        pages.append(await scene.order("more"))
    assert await scene.fail("more") == "There is nothing more to show"
    assert [page[-1] for page in pages[:-1]] == [f"({rest} more: send more)" for rest in (20, 11, 2)]
    shown = [line for page in pages for line in page if not line.startswith("(")]
    assert shown[:-1] == [f"{place}. The v{place} video (1:00, Alice)" for place in range(3, 31)]


# Playback


async def test_pause_takes_leadership_pauses_goes_on_and_gives_it_back(scene: Scene) -> None:
    scene.play("first")
    await scene.seen(1)
    playback = scene.room.playlist.playback
    answer = await scene.succeed("pause")
    assert answer == "Paused The first video at 0:00: the bot has leadership now. Send pause to go on"
    assert playback.paused
    assert scene.room.playlist.leader.name == "Rosey"
    answer = await scene.succeed("pause")
    assert answer == "Playing The first video from 0:00 on; the bot has given up leadership"
    assert not playback.paused
    assert scene.room.playlist.leader is None


async def test_pause_gives_leadership_back_to_who_had_it(scene: Scene) -> None:
    scene.play("first")
    await scene.seen(1)
    await scene.enter("Alice")
    await scene.mod.send("assignLeader", {"name": "Alice"})
    await until(lambda: scene.channel.room.users.leader == "Alice")
    assert "the bot has leadership now, which Alice had" in await scene.succeed("pause")
    assert (await scene.succeed("pause")).endswith("Alice has leadership again")
    assert scene.room.playlist.leader.name == "Alice"


async def test_pause_works_again_after_leadership_was_lost(scene: Scene) -> None:
    scene.play("first")
    await scene.seen(1)
    await scene.succeed("pause")
    await scene.mod.send("assignLeader", {"name": ""})
    await until(lambda: scene.channel.room.media and not scene.channel.room.media.paused)
    assert (await scene.succeed("pause")).startswith("Paused The first video")
    await scene.mod.send("assignLeader", {"name": "Mod"})
    await until(lambda: scene.channel.room.users.leader == "Mod")
    assert (await scene.succeed("pause")).endswith("Mod has leadership again")


async def test_another_medium_ends_the_pause_and_the_bots_leadership(scene: Scene) -> None:
    scene.play("first", "second")
    await scene.seen(2)
    await scene.succeed("pause")
    await scene.succeed("next")
    await until(lambda: scene.room.playlist.leader is None, timeout=PATIENCE)
    assert scene.current == "second"
    assert not scene.room.playlist.playback.led


async def test_voteskip_tells_the_votes(scene: Scene) -> None:
    scene.play("first", "second")
    await scene.seen(2)
    await scene.mod.send("setOptions", {"voteskip_ratio": 1})
    await until(lambda: scene.room.options["voteskip_ratio"] == 1)
    # Everybody comes from one address here, so that one vote is all there is.
    assert await scene.succeed("voteskip") == "Voted: 1 of 2 votes"
    assert scene.current == "first"


async def test_voteskip_that_passes_tells_it(scene: Scene) -> None:
    scene.play("first", "second")
    await scene.seen(2)
    assert (await scene.succeed("voteskip")).startswith("Voteskip passed: 1/2 skipped")
    assert scene.current == "second"


async def test_long_answers_arrive_whole(scene: Scene, unlimited: None) -> None:
    scene.play(*(f"{number}-{'long ' * 15}" for number in range(8)))
    await scene.seen(8)
    users = scene.channel.room.users
    for number in range(60):
        users.add(RoomUser(name=f"somebody-{number:02}", rank=0))
    answer = " ".join(await scene.order("users"))
    assert [f"somebody-{number:02}" in answer for number in range(60)] == [True] * 60


async def test_a_command_that_waits_for_nothing_is_answered_at_once(scene: Scene, unlimited: None) -> None:
    async def seconds() -> float:
        heard, asked = len(scene.mod.whispers("Rosey")), time.perf_counter()
        await scene.mod.whisper("Rosey", "current")
        await until(lambda: len(scene.mod.whispers("Rosey")) > heard, poll=0)
        return time.perf_counter() - asked

    # Some 5 ms, and four times that under a tracer: a wait of any kind would show.
    assert statistics.median([await seconds() for _ in range(50)]) < 0.1
