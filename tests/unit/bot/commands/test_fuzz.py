"""Private messages that nobody has thought of: each gets an answer and its two rows, and none makes the bot fail."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rosey_bot.commands.router import default_registry
from rosey_bot.cytube.text import plain_text
from tests.unit.bot.harness import RoomHarness, chat, item, user
from tests.unit.bot.test_commands import Desk

NAMES = sorted(command.name for command in default_registry())
ACTS = {command.name for command in default_registry() if command.is_act}
ODD = (
    "\u200b",
    "\u202e",
    "\ufeff",
    "\x00",
    "\x1b[2J",
    "\n",
    "|",
    "\U0001f600",
    "<b>",
    "&lt;",
    "&amp;",
    "%s%n",
    '"',
    "'",
)
TELLING = ("{0.__class__}", "'; DROP TABLE x;--", "#1", "-1", "9" * 11, "1h30m", "on", "no", "Alice", "https://", "yt:")
PIECES = st.sampled_from(ODD + TELLING)
TEXTS = st.builds(
    lambda name, pieces, long: " ".join([name, *pieces]) + "x" * long,
    st.sampled_from(NAMES) | st.text(max_size=8),
    st.lists(PIECES | st.text(max_size=12), max_size=5),
    st.sampled_from([0, 0, 0, 400, 10_000]),
)


async def _answered(text: str) -> None:
    harness = RoomHarness()
    harness.join(user("Mod", 2), user("Alice"))
    harness.log_in()
    harness.frame("queue", {"item": item(1), "after": "prepend"})
    desk = Desk(harness)
    desk.sending.open(desk.emit)
    try:
        harness.frame("pm", {**chat("Mod", text), "to": "Rosey"})
        await desk.settle()
        if not plain_text(text).strip():
            assert (desk.sent, desk.audit) == ([], [])
            return
        whispers = [arguments["msg"] for event, arguments in desk.sent if event == "pm"]
        assert whispers
        assert all(len(message.encode("utf-16-le", "replace")) <= 640 for message in whispers)
        assert [row.result for row in desk.audit][:1] == ["pending"]
        assert [row.result != "pending" for row in desk.audit][1:] == [True]
        assert "the failure is logged" not in "".join(whispers)
        name = desk.audit[0].command.lower()
        assert name in ACTS or {event for event, _ in desk.sent} == {"pm"}
        assert harness.dispatcher.failed.total() == 0
    finally:
        await desk.router.close()
        await desk.sending.close()


@settings(max_examples=120, deadline=None)
@given(TEXTS)
@example("")
@example("say " + "\ud800")
@example("pm Mod " + "&amp;" * 2000)
def test_whatever_is_sent_gets_an_answer(text: str) -> None:
    asyncio.run(_answered(text))


def test_a_command_that_fails_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rosey_bot.commands.playback.now_playing", lambda room, now: 1 / 0)
    with pytest.raises(AssertionError):
        asyncio.run(_answered("current"))
