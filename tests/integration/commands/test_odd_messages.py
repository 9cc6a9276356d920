"""Private messages of every oddity: they do nothing, and get an answer."""

from __future__ import annotations

from tests.integration.commands.conftest import Scene
from tests.support.waiting import until

ODD = [
    "😀" * 100,
    "\u200b\u200d\ufeff",
    "\u202ereversed",
    "x" * 10_000,
    "say" + "\u200b hello",
    "st\u0430ts",
    "\x01\x02\x03",
    "\x00",
    "help \x00\x1b[31m",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<img src=x onerror=alert(1)>help",
    "&amp;lt;b&amp;gt;",
    "%s%s%s%n %(name)s {0} {request.room} ${HOME} $(id)",
    "user {username.__class__}",
    "user %s",
    "user '; DROP TABLE user_stats; --",
    "user Robert'); DROP TABLE students;--",
    'remove "',
    "remove '; DELETE FROM media; --",
    "jump " + "x" * 10_000,
    "move " + "9" * 5000 + " 1",
    "move \u0661 \u0662",
    "playlist " + "9" * 400,
    "add " + "https://" + "a" * 9000,
    "add javascript:alert(1)",
    "add data:text/html,x",
    "add https://[::1",
    "add https://\ud83d\ude00.example/",
    "kick ../../etc/passwd",
    "kick " + "\u0130" * 300,
    "pm [server] hi",
    "pm  ",
    "help " + "\n" * 100 + "x",
    "more \u2028 more",
    "//kick Mod",
    "/kick Mod",
    "/clear",
    "!stats",
    "afk \uff4f\uff4e\uff4e",
    '"say" "hello',
    "say",
    "\ud800",
]


async def test_an_odd_message_gets_an_answer_and_does_nothing(scene: Scene, unlimited: None) -> None:
    scene.play("first", "second")
    await scene.seen(2)
    for text in ODD:
        frames, whispers = len(scene.mod.frames), len(scene.mod.whispers("Rosey"))
        recorded = len(scene.audit)
        # Given to the bot as CyTube could send it: a client's own library would refuse some of them.
        scene.channel.dispatcher.dispatch(
            "pm", [{"username": "Mod", "msg": text, "to": "Rosey", "meta": {}, "time": 1_800_000_000_000}]
        )
        await until(lambda recorded=recorded: len(scene.audit) == recorded + 2, what=ascii(text[:40]))
        await until(lambda: not scene.channel._router._running, what=ascii(text[:40]))
        await until(
            lambda whispers=whispers: len(scene.mod.whispers("Rosey")) > whispers, what=f"answer to {text[:40]!a}"
        )
        done = {name for name, _ in scene.mod.frames[frames:]}
        assert done <= {"pm", "mediaUpdate", "usercount"}, ascii(text[:40])
        assert len(scene.mod.whispers("Rosey")) - whispers <= 10
    assert scene.titles == ["first", "second"]
    assert scene.channel.dispatcher.failed.total() == 0
