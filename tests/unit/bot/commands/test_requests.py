"""What the bot asks of CyTube beside chat: at once, several at a time, and with what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from rosey_bot.cytube import sending
from rosey_bot.cytube.acts import Delete, Enqueue, KickUser, ToggleAfk
from rosey_bot.cytube.sending import Outcome, SendQueue
from tests.support.waiting import until
from tests.unit.bot.harness import RoomHarness, chat, item


class Wire:
    """The far end: keeps what is sent, and answers nothing."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []

    async def emit(self, event: str, arguments: Any) -> None:
        self.sent.append((event, arguments))

    @property
    def texts(self) -> list[str]:
        return [arguments["msg"] for event, arguments in self.sent if event in ("chatMsg", "pm")]


@pytest.fixture
async def wire(harness: RoomHarness) -> Wire:
    harness.join()
    harness.log_in()
    return Wire()


@pytest.fixture
async def queue(harness: RoomHarness, wire: Wire) -> AsyncIterator[SendQueue]:
    queue = SendQueue(harness.room)
    queue.follow(harness.dispatcher)
    queue.open(wire.emit)
    yield queue
    await queue.close()


async def test_requests_do_not_wait_for_each_other_nor_for_chat(
    queue: SendQueue, wire: Wire, harness: RoomHarness
) -> None:
    harness.frame("playlist", [item(0), item(1)])
    queue.say("hello")
    slow, fast = asyncio.create_task(queue.ask(Enqueue("yt", "abc"))), asyncio.create_task(queue.ask(Delete(1)))
    await until(lambda: len(wire.sent) == 3)
    assert ("delete", 1) in wire.sent
    assert ("queue", {"id": "abc", "type": "yt", "pos": "end", "temp": True}) in wire.sent
    harness.frame("delete", {"uid": 1})
    receipt = await fast
    assert receipt.outcome is Outcome.SENT
    assert receipt.frame.uid == 1
    assert not slow.done()
    harness.frame("queueFail", {"msg": "Private &amp; gone", "link": "", "id": "abc"})
    receipt = await slow
    assert (receipt.outcome, receipt.reason) == (Outcome.REFUSED, "Private & gone")


async def test_silence_is_told(queue: SendQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "ECHO_TIMEOUT", 0.02)
    receipt = await queue.ask(Delete(1))
    assert (receipt.outcome, receipt.reason) == (Outcome.UNCONFIRMED, "CyTube did not answer within 0.02 s")


async def test_a_lookup_has_more_time(queue: SendQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "ECHO_TIMEOUT", 0.01)
    monkeypatch.setattr(sending, "LOOKUP_TIMEOUT", 0.05)
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert (await queue.ask(Enqueue("yt", "abc"))).reason == "CyTube did not answer within 0.05 s"
    assert loop.time() - began >= 0.05


async def test_a_lost_connection_ends_what_is_asked(queue: SendQueue, wire: Wire) -> None:
    asked = asyncio.create_task(queue.ask(Delete(1)))
    await until(lambda: wire.sent)
    await queue.close()
    receipt = await asked
    assert (receipt.outcome, receipt.reason) == (Outcome.UNCONFIRMED, "the connection to CyTube is lost")
    assert (await queue.ask(Delete(1))).outcome is Outcome.PREVENTED


async def test_without_a_name_nothing_is_asked(queue: SendQueue, wire: Wire, harness: RoomHarness) -> None:
    harness.room.own_name = None
    receipt = await queue.ask(Delete(1))
    assert (receipt.outcome, receipt.reason) == (Outcome.PREVENTED, "not logged in at CyTube")
    assert wire.sent == []


async def test_a_request_that_cannot_be_sent_says_so(queue: SendQueue, harness: RoomHarness) -> None:
    async def emit(event: str, arguments: Any) -> None:
        raise ConnectionError("gone")

    await queue.close()
    queue.open(emit)
    assert (await queue.ask(Delete(1))).reason == "it could not be sent: gone"


async def test_commands_go_before_chatter(queue: SendQueue, wire: Wire, harness: RoomHarness) -> None:
    chatter = [queue.say(f"chatter {number}") for number in range(5)]
    await until(lambda: wire.sent)
    answer = queue.whisper("Mod", "answer", urgent=True)
    act = asyncio.create_task(queue.ask(KickUser("Alice", "bye")))
    await asyncio.sleep(0)
    assert len(queue) == 7
    harness.frame("chatMsg", chat("Rosey", "chatter 0"))
    await until(lambda: len(wire.sent) == 2)
    harness.frame("pm", {**chat("Rosey", "answer"), "to": "Mod"})
    await until(lambda: len(wire.sent) == 3)
    harness.frame("chatMsg", chat("[server]", "Rosey kicked Alice"))
    await until(lambda: len(wire.sent) == 4)
    assert wire.texts == ["chatter 0", "answer", "/kick Alice bye", "chatter 1"]
    assert (await answer).outcome is Outcome.SENT
    assert (await act).outcome is Outcome.SENT
    assert not chatter[1].done()


async def test_a_dropped_command_is_repeated(queue: SendQueue, wire: Wire, harness: RoomHarness) -> None:
    asked = asyncio.create_task(queue.ask(ToggleAfk(True)))
    await until(lambda: wire.sent)
    harness.frame("cooldown", 1)
    await until(lambda: len(wire.sent) == 2)
    harness.frame("setAFK", {"name": "Rosey", "afk": False})
    harness.frame("setAFK", {"name": "Alice", "afk": True})
    assert not asked.done()
    harness.frame("setAFK", {"name": "Rosey", "afk": True})
    assert (await asked).outcome is Outcome.SENT
    assert wire.texts == ["/afk", "/afk"]
