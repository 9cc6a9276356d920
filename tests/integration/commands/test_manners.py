"""Quiet and maintenance, by command, in a room."""

from __future__ import annotations

import asyncio

from rosey_bot.channels.channel import Channel
from rosey_bot.cytube.sending import Outcome
from tests.integration.commands.conftest import Scene
from tests.support.waiting import until


async def test_a_quiet_bot_says_nothing_in_chat_and_answers_in_private(scene: Scene, unlimited: None) -> None:
    assert await scene.succeed("quiet") == "The bot speaks in chat"
    assert await scene.succeed("quiet on") == "The bot says nothing in chat until somebody sends quiet off"
    assert await scene.succeed("quiet") == "The bot is quiet until somebody sends quiet off"
    assert await scene.fail("say hello") == "Not done: the bot is told to be quiet, and quiet off lets it speak"
    await scene.mod.say("!help")
    said = await scene.channel._sending.say("a message of the outbound queue")
    assert said.outcome is Outcome.PREVENTED
    assert scene.mod.heard("Rosey") == []
    assert await scene.succeed("afk on") == "The bot is AFK now"
    assert await scene.succeed("quiet off") == "The bot speaks in chat again"
    assert await scene.succeed("say hello") == "Said"
    await scene.mod.say("!help")
    await until(lambda: len(scene.mod.heard("Rosey")) == 2)
    assert scene.mod.heard("Rosey")[0] == "hello"
    assert scene.mod.heard("Rosey")[1].startswith("Commands: !help")


async def test_quiet_takes_a_duration(scene: Scene) -> None:
    for typed in ("quiet 1h30m", "quiet on 5m", "quiet 1:30:00"):
        answer = await scene.succeed(typed)
        assert answer.startswith("The bot says nothing in chat until ")
        assert answer.endswith(" UTC")
    assert "not speak for one" in await scene.fail("quiet off 5m")
    [usage] = await scene.order("quiet maybe")
    assert usage.startswith("Usage: quiet [on|off] [duration] (should be on or off")


async def test_what_is_queued_when_quiet_begins_is_not_said(scene: Scene) -> None:
    sending = scene.channel._sending
    waiting = [sending.say(str(number)) for number in range(12)]
    await scene.succeed("quiet on")
    receipts = await asyncio.gather(*waiting)
    said = [receipt.outcome for receipt in receipts].count(Outcome.SENT)
    assert 0 < said < 12
    assert all("quiet" in receipt.reason for receipt in receipts[said:])
    assert scene.mod.heard("Rosey") == [str(number) for number in range(said)]


async def test_maintenance_lets_only_admins_change_the_room(scene: Scene, unlimited: None) -> None:
    other = await scene.enter("Other")
    scene.play("first", "second")
    await scene.seen(2)
    assert await scene.succeed("maintenance") == "Maintenance is off"
    assert (await scene.succeed("maintenance on")).startswith("Maintenance is on: nobody below rank 3")
    for typed in ("remove 1", "say hello", "remove", "kick Mod"):
        [answer] = await scene.order(typed, by=other)
        name = typed.split()[0]
        assert answer == f"Not done: the channel is under maintenance, and till it ends {name} takes admin, rank 3"
        assert scene.audit[-1][2:] == ("error", answer)
    assert scene.titles == ["first", "second"]
    assert (await scene.order("current", by=other))[0].startswith("Now playing")
    [answer] = await scene.order("maintenance off", by=other)
    assert answer == "maintenance needs rank 3 in this channel"
    await scene.succeed("remove 2")
    assert await scene.succeed("maintenance off") == "Maintenance is off"
    [answer] = await scene.order("remove 1", by=other)
    assert answer.startswith("Removed 1.")


async def test_a_reconnection_and_a_restart_change_no_manners(scene: Scene) -> None:
    await scene.succeed("quiet on")
    await scene.succeed("maintenance on")
    joined = scene.channel.joined_since
    scene.server.drop_connections("Rosey")
    await until(lambda: scene.channel.joined_since not in (None, joined) and scene.channel.problem is None)
    await until(lambda: scene.channel.room.users.get("Mod") is not None)
    assert (await scene.succeed("quiet")).startswith("The bot is quiet")
    assert (await scene.succeed("maintenance")).startswith("Maintenance is on")
    settings = scene.channel.settings
    assert settings.manners_file is not None
    again = Channel(
        settings,
        sink=scene.sink,
        statistics=scene.nobody,
        outbound=scene.nobody,
        observer=scene.nobody,
    )
    assert again._sending._silence() is not None
