"""The queue of what the bot says: order, confirmation, the rate limit, and the end of a connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from rosey_bot.cytube import sending
from rosey_bot.cytube.sending import Outcome, Receipt, SendQueue
from rosey_bot.cytube.throttle import BURST, INTERVAL
from tests.support.waiting import until
from tests.unit.bot.harness import RoomHarness, chat


class Wire:
    """The far end: keeps what is sent; answers by ``reply``."""

    def __init__(self, harness: RoomHarness) -> None:
        self.harness = harness
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.drop_next = 0
        self.is_silent = False
        self.now = 0.0
        self.waits: list[float] = []

    async def emit(self, event: str, arguments: dict[str, Any]) -> None:
        self.sent.append((event, arguments))
        if self.is_silent:
            return
        if self.drop_next:
            self.drop_next -= 1
            self.harness.frame("cooldown", 100)
        elif event == "chatMsg":
            self.harness.frame("chatMsg", chat("Rosey", arguments["msg"]))
        else:
            self.harness.frame("pm", {**chat("Rosey", arguments["msg"]), "to": arguments["to"]})

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    @property
    def texts(self) -> list[str]:
        return [arguments["msg"] for _, arguments in self.sent]


@pytest.fixture
def wire(harness: RoomHarness) -> Wire:
    return Wire(harness)


@pytest.fixture
async def queue(harness: RoomHarness, wire: Wire) -> AsyncIterator[SendQueue]:
    queue = SendQueue(harness.room, monotonic=lambda: wire.now, sleep=wire.sleep)
    queue.follow(harness.dispatcher)
    harness.join()
    harness.log_in()
    queue.open(wire.emit)
    yield queue
    await queue.close()


async def test_messages_go_in_order_and_are_confirmed(queue: SendQueue, wire: Wire) -> None:
    receipts = await asyncio.gather(*(queue.say(str(number)) for number in range(5)), queue.whisper("Alice", "psst"))
    assert [receipt.outcome for receipt in receipts] == [Outcome.SENT] * 6
    assert wire.texts == ["0", "1", "2", "3", "4", "psst"]
    assert wire.sent[-1] == ("pm", {"to": "Alice", "msg": "psst", "meta": {}})


async def test_more_than_a_burst_waits_for_the_rate_limit(queue: SendQueue, wire: Wire) -> None:
    await asyncio.gather(*(queue.say(str(number)) for number in range(30)))
    assert wire.texts == [str(number) for number in range(30)]
    assert wire.now == pytest.approx(20 / 8)


async def test_a_dropped_message_is_sent_again_before_the_next(queue: SendQueue, wire: Wire) -> None:
    wire.drop_next = 2
    first, second = queue.say("one"), queue.say("two")
    assert (await first).outcome is Outcome.SENT
    assert (await second).outcome is Outcome.SENT
    assert wire.texts == ["one", "one", "one", "two"]
    assert sum(wire.waits) >= 0.2


async def test_a_message_that_never_gets_through_is_given_up(queue: SendQueue, wire: Wire) -> None:
    wire.drop_next = sending.ATTEMPTS
    first, second = queue.say("one"), queue.say("two")
    assert (await first).outcome is Outcome.NOT_SENT
    assert (await second).outcome is Outcome.SENT


async def test_an_echo_that_comes_too_late_confirms_no_other_message(
    queue: SendQueue, wire: Wire, harness: RoomHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire.is_silent = True
    monkeypatch.setattr(sending, "ECHO_TIMEOUT", 0.01)
    late, whispered = queue.say("a < b"), queue.whisper("Alice", "psst")
    assert [(await late).outcome, (await whispered).outcome] == [Outcome.UNCONFIRMED] * 2
    monkeypatch.setattr(sending, "ECHO_TIMEOUT", 3.0)
    following = queue.say("next")
    await until(lambda: len(wire.sent) == 3)
    harness.frame("chatMsg", chat("Rosey", "a &lt; b"))
    harness.frame("pm", {**chat("Rosey", "psst"), "to": "Alice"})
    harness.frame("cooldown", 100)
    await until(lambda: len(wire.sent) == 4)
    assert not following.done()
    harness.frame("chatMsg", chat("Rosey", "next"))
    assert (await following).outcome is Outcome.SENT


async def test_a_message_that_is_repeated_is_confirmed_by_any_echo_of_it(
    queue: SendQueue, wire: Wire, harness: RoomHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire.is_silent = True
    monkeypatch.setattr(sending, "ECHO_TIMEOUT", 0.01)
    assert (await queue.say("hello")).outcome is Outcome.UNCONFIRMED
    monkeypatch.setattr(sending, "ECHO_TIMEOUT", 3.0)
    again = queue.say("hello")
    await until(lambda: len(wire.sent) == 2)
    harness.frame("chatMsg", chat("Rosey", "hello"))
    assert (await again).outcome is Outcome.SENT


@pytest.mark.parametrize(
    ("frame", "arguments", "reason"),
    [
        ("noflood", {"action": "chat", "msg": "You have been muted on this channel."}, "muted"),
        ("spamFiltered", {"reason": "NEW_USER_CHAT"}, "too new"),
    ],
)
async def test_refused_chat_says_why(
    queue: SendQueue, wire: Wire, harness: RoomHarness, frame: str, arguments: dict[str, str], reason: str
) -> None:
    wire.is_silent = True
    receipt = queue.say("hello")
    await until(lambda: wire.sent)
    harness.frame(frame, arguments)
    assert (await receipt).outcome is Outcome.REFUSED
    assert reason in receipt.result().reason


async def test_a_refused_whisper_says_why(queue: SendQueue, wire: Wire, harness: RoomHarness) -> None:
    wire.is_silent = True
    receipt = queue.whisper("Bob", "hello")
    await until(lambda: wire.sent)
    harness.frame("noflood", {"action": "chat", "msg": "about something else"})
    harness.frame("errorMsg", {"msg": "about something else"})
    harness.frame("pm", {**chat("Rosey", "an older one"), "to": "Carol"})
    assert not receipt.done()
    harness.frame("errorMsg", {"msg": "PM failed: bob isn't connected to this channel."})
    assert (await receipt).outcome is Outcome.REFUSED


async def test_what_others_say_confirms_nothing(queue: SendQueue, wire: Wire, harness: RoomHarness) -> None:
    wire.is_silent = True
    receipt = queue.say("hello")
    await until(lambda: wire.sent)
    harness.frame("chatMsg", chat("Alice", "hello"))
    harness.frame("pm", {**chat("Alice", "hello"), "to": "Rosey"})
    assert not receipt.done()


async def test_silence_leaves_a_message_in_doubt(queue: SendQueue, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "ECHO_TIMEOUT", 0.02)
    wire.is_silent = True
    assert (await queue.say("hello")).outcome is Outcome.UNCONFIRMED


async def test_a_lost_connection_tells_sent_from_unsent(queue: SendQueue, wire: Wire) -> None:
    wire.is_silent = True
    first, second = queue.say("one"), queue.say("two")
    await until(lambda: wire.sent)
    assert len(queue) == 2
    await queue.close()
    assert (await first).outcome is Outcome.UNCONFIRMED
    assert (await second).outcome is Outcome.PREVENTED
    assert (await queue.say("three")).outcome is Outcome.PREVENTED
    assert len(queue) == 0


async def test_a_message_may_be_taken_back_until_it_has_gone_out(queue: SendQueue, wire: Wire) -> None:
    wire.is_silent = True
    first, second, third = queue.say("one"), queue.say("two"), queue.say("three")
    await until(lambda: wire.sent)
    assert [queue.withdraw(receipt) for receipt in (first, second)] == [False, True]
    await until(lambda: len(wire.sent) == 2)
    assert wire.texts == ["one", "three"]
    await queue.close()
    assert not queue.withdraw(third)
    assert [receipt.cancelled() for receipt in (first, second, third)] == [False, True, False]


async def test_a_message_that_cannot_be_sent_holds_up_no_other(queue: SendQueue, wire: Wire) -> None:
    broken = True

    async def emit(event: str, arguments: dict[str, Any]) -> None:
        if broken:
            raise ConnectionError("gone")
        await wire.emit(event, arguments)

    await queue.close()
    queue.open(emit)
    assert (await queue.say("one")).outcome is Outcome.PREVENTED
    broken = False
    assert (await queue.say("two")).outcome is Outcome.SENT


async def test_the_queue_is_bounded(queue: SendQueue, wire: Wire) -> None:
    wire.is_silent = True
    receipts = [queue.say(str(number)) for number in range(sending.CAPACITY + 5)]
    refused = [receipt for receipt in receipts if receipt.done()]
    assert len(refused) == 5
    assert refused[0].result().outcome is Outcome.NOT_SENT


async def test_without_a_name_nothing_is_sent(queue: SendQueue, harness: RoomHarness) -> None:
    harness.room.own_name = None
    receipt = await queue.say("hello")
    assert receipt.outcome is Outcome.PREVENTED
    assert "not logged in" in receipt.reason


async def test_waiting_is_told(harness: RoomHarness, wire: Wire) -> None:
    told: list[float] = []
    queue = SendQueue(harness.room, monotonic=lambda: wire.now, sleep=wire.sleep, on_wait=told.append)
    queue.follow(harness.dispatcher)
    harness.join()
    harness.log_in()
    queue.open(wire.emit)
    await asyncio.gather(*(queue.say(str(number)) for number in range(11)))
    assert told[:10] == [0.0] * 10
    assert told[10] == pytest.approx(1 / 8)
    await queue.close()


async def test_what_cytube_would_swallow_is_refused_and_holds_up_nobody(
    queue: SendQueue, wire: Wire, harness: RoomHarness
) -> None:
    assert (await queue.say("\u00a0 ")).outcome is Outcome.REFUSED
    assert (await queue.say("\ufeff ")).outcome is Outcome.REFUSED
    harness.frame("setPermissions", {"chat": 4})
    receipt = await queue.say("hello")
    assert receipt.outcome is Outcome.REFUSED
    assert "rank is too low" in receipt.reason
    assert (await queue.whisper("Alice", "psst")).outcome is Outcome.SENT
    assert wire.texts == ["psst"]


async def test_a_flood_for_one_holds_up_nobody_else(queue: SendQueue, wire: Wire) -> None:
    flood = [queue.whisper("Mod", str(number), urgent=True) for number in range(80)]
    await until(lambda: len(wire.sent) > 20)
    before = len(wire.sent)
    answer = [queue.whisper("Other", text, urgent=True) for text in ("one", "two", "three")]
    reply = queue.say("for everybody", urgent=True, answers="Alice")
    await asyncio.gather(*answer, reply)
    assert wire.texts[before : before + 4] == ["one", "two", "three", "for everybody"]
    await asyncio.gather(*flood)
    to_mod = [arguments["msg"] for event, arguments in wire.sent if arguments.get("to") == "Mod"]
    assert to_mod == [str(number) for number in range(80)]
    # Turns change nothing of the rate: a burst, then eight a second.
    assert wire.now == pytest.approx((84 - BURST) * INTERVAL)


async def test_a_newcomer_waits_for_the_rate_limit_alone(harness: RoomHarness, wire: Wire) -> None:
    """For no longer than until the next message may be sent, also where many have just begun to flood."""
    came: list[asyncio.Future[Receipt]] = []

    async def sleep(seconds: float) -> None:
        await wire.sleep(seconds)
        if len(wire.sent) == 15 and not came:
            came.append(queue.whisper("Other", "the answer", urgent=True))

    queue = SendQueue(harness.room, monotonic=lambda: wire.now, sleep=sleep)
    queue.follow(harness.dispatcher)
    harness.join()
    harness.log_in()
    queue.open(wire.emit)
    flood = [queue.whisper(f"Mod{number % 8}", str(number), urgent=True) for number in range(80)]
    await until(lambda: came)
    assert (await came[0]).outcome is Outcome.SENT
    assert wire.texts.index("the answer") == 15
    await asyncio.gather(*flood)
    await queue.close()


async def test_a_message_that_cytube_is_silent_about_holds_up_the_next_for_a_moment_only(
    queue: SendQueue, wire: Wire, harness: RoomHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "PATIENCE", 0.01)
    wire.is_silent = True
    swallowed = queue.say("swallowed")
    await until(lambda: wire.sent)
    wire.is_silent = False
    assert (await queue.whisper("Alice", "psst")).outcome is Outcome.SENT
    assert (await queue.say("hello")).outcome is Outcome.SENT
    assert not swallowed.done()
    assert len(queue) == 1
    harness.frame("chatMsg", chat("Rosey", "swallowed"))
    assert (await swallowed).outcome is Outcome.SENT
    assert len(queue) == 0


async def test_a_late_echo_confirms_what_it_repeats(
    queue: SendQueue, wire: Wire, harness: RoomHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "PATIENCE", 0.01)
    wire.is_silent = True
    first, second = queue.say("one"), queue.say("two")
    await until(lambda: len(wire.sent) == 2)
    harness.frame("chatMsg", chat("Rosey", "one"))
    assert (await first).outcome is Outcome.SENT
    assert not second.done()
    harness.frame("chatMsg", chat("Rosey", "two"))
    assert (await second).outcome is Outcome.SENT


@pytest.mark.parametrize("filtered", [False, True])
async def test_a_far_server_confirms_each_message_once(
    queue: SendQueue, wire: Wire, harness: RoomHarness, monkeypatch: pytest.MonkeyPatch, filtered: bool
) -> None:
    """Each echo comes when two more are on their way; the channel's filters may have changed what it says."""
    monkeypatch.setattr(sending, "PATIENCE", 0.01)
    monkeypatch.setattr(sending, "ECHO_TIMEOUT", 60.0)
    wire.is_silent = True
    receipts = [queue.whisper("Alice", f"{n}") if n % 3 else queue.say(f"*{n}*") for n in range(12)]
    for echoed in range(12):
        await until(lambda echoed=echoed: len(wire.sent) >= min(echoed + 3, 12))
        event, arguments = wire.sent[echoed]
        said = arguments["msg"].replace("*", "") if filtered else arguments["msg"]
        harness.frame(event, {**chat("Rosey", said), "to": arguments.get("to")})
    assert [(await receipt).outcome for receipt in receipts] == [Outcome.SENT] * 12
    assert sorted(wire.texts) == sorted(f"{n}" if n % 3 else f"*{n}*" for n in range(12))


async def test_what_was_overtaken_is_never_sent_again(
    queue: SendQueue, wire: Wire, harness: RoomHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "PATIENCE", 0.01)
    monkeypatch.setattr(sending, "ECHO_TIMEOUT", 60.0)
    wire.is_silent = True
    overtaken = queue.say("one")
    await until(lambda: queue._overtaken)
    monkeypatch.setattr(sending, "PATIENCE", 30.0)
    following = queue.say("two")
    await until(lambda: len(wire.sent) == 2)
    harness.frame("cooldown", 1)
    await until(lambda: len(wire.sent) == 3)
    assert not overtaken.done()
    harness.frame("chatMsg", chat("Rosey", "two"))
    assert (await following).outcome is Outcome.SENT
    harness.frame("cooldown", 1)
    assert (await overtaken).outcome is Outcome.UNCONFIRMED
    assert wire.texts == ["one", "two", "two"]


async def test_the_end_of_a_connection_leaves_what_was_overtaken_in_doubt(
    queue: SendQueue, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "PATIENCE", 0.01)
    wire.is_silent = True
    receipts = [queue.say("one"), queue.say("two")]
    await until(lambda: len(queue._overtaken) == 2)
    await queue.close()
    assert [(await receipt).outcome for receipt in receipts] == [Outcome.UNCONFIRMED] * 2
    assert len(queue) == 0
    queue.open(wire.emit)
    assert len(queue._confirmations) == 0, "nothing of the last connection is waited for"


async def test_it_closes_in_the_moment_in_which_an_echo_comes(
    queue: SendQueue, wire: Wire, harness: RoomHarness
) -> None:
    wire.is_silent = True
    queue.say("one")
    await until(lambda: wire.texts)
    await asyncio.sleep(0)
    harness.frame("chatMsg", chat("Rosey", "one"))
    await asyncio.wait_for(queue.close(), 5)
