"""The queue of what the bot says, used anyhow: whatever is said to whomever, and however CyTube answers."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rosey_bot.cytube import sending
from rosey_bot.cytube.sending import Outcome, SendQueue
from tests.unit.bot.harness import RoomHarness, chat
from tests.unit.bot.test_throttle import CytubeLimit

ROOM = ""
SAID = st.tuples(
    st.sampled_from([ROOM, "Alice", "Bob", "Mod"]), st.booleans(), st.sampled_from(["echo", "late", "silence"])
)
"""Whom a message is for, whether it is urgent, and what CyTube does about it."""


class Wire:
    """The far end, which refuses what comes faster than CyTube takes it."""

    def __init__(self, harness: RoomHarness, answers: dict[str, str]) -> None:
        self.harness = harness
        self.answers = answers
        self.sent: list[str] = []
        self.late: list[tuple[str, dict[str, Any]]] = []
        self.now = 100.0
        self.limit = CytubeLimit()

    async def emit(self, event: str, arguments: dict[str, Any]) -> None:
        self.sent.append(arguments["msg"])
        assert self.limit.accepts(self.now), "faster than CyTube takes it"
        for one in self.late:
            self.echo(*one)
        self.late.clear()
        answer = self.answers[arguments["msg"]]
        if answer == "echo":
            self.echo(event, arguments)
        elif answer == "late":
            self.late.append((event, arguments))

    def echo(self, event: str, arguments: dict[str, Any]) -> None:
        self.harness.frame(event, {**chat("Rosey", arguments["msg"]), "to": arguments.get("to")})

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


async def use(said: list[tuple[str, bool, str]]) -> None:
    harness = RoomHarness()
    wire = Wire(harness, {str(number): answer for number, (_, _, answer) in enumerate(said)})
    queue = SendQueue(harness.room, monotonic=lambda: wire.now, sleep=wire.sleep)
    queue.follow(harness.dispatcher)
    harness.join()
    harness.log_in()
    queue.open(wire.emit)
    receipts = []
    for number, (recipient, urgent, _) in enumerate(said):
        text = str(number)
        receipts.append(queue.whisper(recipient, text, urgent=urgent) if recipient else queue.say(text, urgent=urgent))
        if number % 7 == 0:
            await asyncio.sleep(0)
    outcomes = [(await receipt).outcome for receipt in receipts]
    await queue.close()
    assert len(queue) == 0
    assert sorted(map(int, wire.sent)) == list(range(len(said))), "each is sent, and once"
    lanes = defaultdict(list)
    for text in wire.sent:
        recipient, urgent, _ = said[int(text)]
        lanes[recipient, urgent].append(int(text))
    assert all(lane == sorted(lane) for lane in lanes.values()), "out of order"
    for outcome, (_, _, answer) in zip(outcomes, said, strict=True):
        assert outcome in {"echo": (Outcome.SENT,)}.get(answer, (Outcome.SENT, Outcome.UNCONFIRMED))
        assert answer != "silence" or outcome is Outcome.UNCONFIRMED


@given(st.lists(SAID, max_size=60))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_is_sent_once_in_order_within_the_limit(
    monkeypatch: pytest.MonkeyPatch, said: list[tuple[str, bool, str]]
) -> None:
    monkeypatch.setattr(sending, "PATIENCE", 0.0)
    monkeypatch.setattr(sending, "ECHO_TIMEOUT", 0.02)
    asyncio.run(use(said))
