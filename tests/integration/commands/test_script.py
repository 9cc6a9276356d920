"""One moderator's evening: every command in every form, each with its answer and its row on record; every refusal.

What each command does to the room is looked at more closely in ``test_commands``, what keeps it from it in
``test_refusals``.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from rosey_bot.commands.arguments import parse_arguments, split_command
from rosey_bot.commands.router import default_registry
from rosey_simulator.playlist.media import Media, MediaLibrary, MediaUnavailable
from tests.integration.commands.conftest import Scene
from tests.support.waiting import until
from tests.unit.bot.test_commands import FakeStatistics

SCRIPT = [
    ("help", r"Commands: help \[command\], info, .*In chat, for everybody: !help, !stats, !user"),
    ("help move", r"move <#> <#>: puts an item"),
    ("HELP !user", r"user <name>: what is known of a user"),
    (
        "info",
        r"Bot: Rosey, admin, rank 3, not AFK.*Room: lobby, 3 users in chat.*Playlist: 5 items, 16:40 in all.*Now",
    ),
    (
        "status",
        r"Up for .*; connected for .*, since .* UTC.*Server: http.*room: lobby.*Leader: nobody",
    ),
    ("stats", r"Peak chat users: 12 .*Peak connected: 30 .*Total unique users: 57.*Top chatters: 1\. User1 \(99\)"),
    ("users", r"3 users: Mod \(5\), Rosey \(3\), Alice \(1\)"),
    ("user alice", r"Alice: registered, rank 1; in the room .*First seen .*, last seen .*; 1 chat line, .* in all"),
    ("afk", r"The bot is not AFK"),
    ("afk on", r"The bot is AFK now"),
    ("afk off", r"The bot is not AFK now"),
    ("say good evening", r"Said"),
    ("pm Alice good evening", r"Sent to Alice"),
    ("clear", r"The chat is cleared"),
    ("playlist", r"1\. The first video .*5\. .*5 items, 16:40 in all"),
    ("playlist 1", r"1\. The first video \(3:20, Alice\) 5 items, 16:40 in all"),
    ("current", r"Now playing: The first video \(0:\d\d of 3:20, queued by Alice\)"),
    ("add https://youtu.be/dQw4w9WgXcQ", r"Added 6\. A song \(3:32, Rosey\), temporary"),
    ("add https://twitch.tv/one no", r"Added 7\. Twitch\.tv - one \(live, Rosey\), to stay"),
    ("add https://twitch.tv/two temp yes 5m", r"Added 8\. Twitch\.tv - two \(5:00, Rosey\), temporary"),
    ("add https://twitch.tv/three 5m", r"Added 9\. Twitch\.tv - three \(5:00, Rosey\), temporary"),
    ("remove 9", r"Removed 9\. Twitch\.tv - three \(5:00, Rosey\)"),
    ("remove twitch.tv - two", r"Removed 8\."),
    ("move 5 2", r"Moved The fifth video from #5 to #2"),
    ('move "fifth" #5', r"Moved The fifth video from #2 to #5"),
    ("jump 2", r"Now playing 2\. The second video"),
    ("jump third", r"Now playing 3\. The third video"),
    ("next", r"Now playing: The fourth video"),
    ("pause", r"Paused The fourth video at .*: the bot has leadership now"),
    ("pause", r"Playing The fourth video from .* on; the bot has given up leadership"),
    ("voteskip", r"Voteskip passed|Voted: 1 of \d votes"),
    ("kick Alice", r"Kicked Alice"),
    ("kick Other being late", r"Kicked Other \(being late\)"),
    ("playlist 999", r"more: send more"),
    ("more", r"in all"),
    ("quiet", r"The bot speaks in chat"),
    ("quiet 5m", r"The bot says nothing in chat until"),
    ("quiet on", r"The bot says nothing in chat until somebody"),
    ("quiet on 1:30:00", r"The bot says nothing in chat until"),
    ("quiet off", r"The bot speaks in chat again"),
    ("maintenance", r"Maintenance is off"),
    ("maintenance on", r"Maintenance is on"),
    ("maintenance off", r"Maintenance is off"),
]


def test_the_script_has_every_command_in_every_form() -> None:
    used: dict[str, list[set[str]]] = {}
    for typed, _ in SCRIPT:
        name, rest = split_command(typed)
        command = default_registry().get(name)
        assert command is not None
        used.setdefault(command.name, []).append(set(parse_arguments(rest, command.parameters)))
    for command in default_registry():
        optional = {parameter.name for parameter in command.parameters if parameter.is_optional}
        required = {parameter.name for parameter in command.parameters} - optional
        forms = used[command.name]
        assert required in forms, command.usage
        for name in optional:
            assert any(name in form for form in forms), (command.usage, name)


async def test_every_command_in_every_form(scene: Scene, unlimited: None) -> None:
    scene.channel._router._statistics = FakeStatistics()
    scene.server.add_media(Media("dQw4w9WgXcQ", "A song", 212))
    await scene.enter("Alice")
    scene.play()
    await scene.seen(5)
    for typed, answer in SCRIPT:
        name, rest = split_command(typed)
        if typed.startswith("kick Other"):
            await scene.enter("Other")
        if typed.startswith("playlist 999"):
            scene.play(*(f"v{number}" for number in range(10)))
            await until(lambda: len(scene.channel.room.playlist) == len(scene.room.playlist.items) > 10)
            await scene.order("jump 1")
        recorded = len(scene.audit)
        said = " ".join(await scene.order(typed))
        assert re.search(answer, said), (typed, said)
        assert scene.audit[recorded:] == [(name, rest, "pending", None), (name, rest, "success", None)]
    assert scene.room.member("Alice") is None
    assert scene.room.member("Other") is None


async def test_each_refusal_has_an_answer_of_its_own(
    scene: Scene, unlimited: None, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: dict[str, str] = {}

    async def refused(why: str, typed: str) -> None:
        answers[why] = await scene.fail(typed)

    await refused("empty playlist", "next")
    await scene.permit(chatclear=4, exceedmaxlength=4)
    await refused("no permission", "clear")
    await scene.succeed("add https://twitch.tv/x")
    await refused("duplicate", "add https://twitch.tv/x")
    await refused("unknown user", "pm Nobody hello")
    await scene.mod.send("setOptions", {"maxlength": 60})
    await until(lambda: scene.room.options["maxlength"] == 60)
    await refused("too long", "add https://twitch.tv/y 90s")
    scene.play("first")
    await scene.seen(2)
    await scene.succeed("jump 2")
    monkeypatch.setattr(scene.room.playlist.playback, "follow", lambda *_: None)
    await refused("not leader", "pause")

    def blocked(self: MediaLibrary, *request: object) -> Media:
        raise MediaUnavailable("This video is blocked in your country")

    monkeypatch.setattr(MediaLibrary, "look_up", blocked)
    await refused("blocked", "add https://youtu.be/dQw4w9WgXcQ")
    right = scene.room.handle

    def throttled(member: Any, event: str, args: list[Any], acknowledge: object = None) -> None:
        if event == "chatMsg":
            member.send("cooldown", 1)
        else:
            right(member, event, args, acknowledge)

    monkeypatch.setattr(scene.room, "handle", throttled)
    monkeypatch.setattr("rosey_bot.cytube.sending.ATTEMPTS", 2)
    await refused("throttled", "say hello")
    assert answers == {
        "empty playlist": "Nothing is playing: the playlist is empty",
        "no permission": "The bot's rank is too low to clear the chat: that takes owner, rank 4, and it has rank 3",
        "duplicate": "CyTube refused: it is on the playlist already, as #1",
        "unknown user": "Nobody is not in the room: send users for who is",
        "too long": "CyTube refused: Video exceeds the maximum length set by the channel admin: 60 seconds",
        "not leader": "No answer: CyTube did not answer within 0.1 s (somebody else may have taken leadership)",
        "blocked": "CyTube refused: This video is blocked in your country",
        "throttled": "Not done: CyTube's rate limit did not let it through",
    }
