"""Posting what waits in the outbound queue: each message at most once, and the outcome as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import pytest

from rosey_bot import outbound
from rosey_bot.cytube.sending import Outcome, Receipt
from rosey_bot.manners import Manners
from rosey_bot.outbound import OutboundPoster, OutboundUnavailable
from rosey_core.events import OutboundFailed, OutboundSent
from rosey_core.queries import ClaimedMessage
from tests.support.waiting import until
from tests.unit.bot.harness import RoomHarness, user


class FakeQueue:
    """Gives what the test puts in, once."""

    def __init__(self) -> None:
        self.messages: list[ClaimedMessage] = []
        self.problem: str | None = None
        self.is_in_doubt = False
        self.claims = 0
        self.on_claim: Callable[[], Awaitable[None] | None] = lambda: None

    async def claim(self, channel: str, limit: int, seconds: float) -> list[ClaimedMessage]:
        assert channel == "lobby"
        self.claims += 1
        if self.problem is not None:
            raise OutboundUnavailable(self.problem, is_in_doubt=self.is_in_doubt)
        given, self.messages = self.messages[:limit], self.messages[limit:]
        meanwhile = self.on_claim()
        if meanwhile is not None:
            await meanwhile
        return given

    async def watch(self, channel: str, arrived: Callable[[], None]) -> None:
        assert channel == "lobby"
        self.arrived = arrived

    async def unwatch(self, channel: str) -> None:
        del self.arrived


class FakeSending:
    """Says everything, unless the test has other plans."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.receipts: list[Receipt] = []
        self.hangs_after = 10**9
        self.hanging: list[asyncio.Future[Receipt]] = []
        self.under_way: list[asyncio.Future[Receipt]] = []

    def withdraw(self, receipt: asyncio.Future[Receipt]) -> bool:
        return receipt not in self.under_way and receipt.cancel()

    def say(self, text: str) -> asyncio.Future[Receipt]:
        self.said.append(text)
        future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        if len(self.said) > self.hangs_after:
            self.hanging.append(future)
        else:
            future.set_result(self.receipts.pop(0) if self.receipts else Receipt(Outcome.SENT))
        return future


class Posting:
    def __init__(self, harness: RoomHarness) -> None:
        self.harness = harness
        self.queue = FakeQueue()
        self.sending = FakeSending()
        self.manners = Manners()
        self.acts = True
        self.poster = self.make(interval=0.01)

    def make(self, *, interval: float) -> OutboundPoster:
        return OutboundPoster(
            "lobby",
            queue=self.queue,
            room=self.harness.room,
            sending=self.sending,  # type: ignore[arg-type]
            sink=self.harness.sink,
            timeline=self.harness.normaliser.timeline,
            manners=self.manners,
            interval=interval,
            acts=lambda: self.acts,
        )

    def put(self, *texts: str) -> None:
        self.queue.messages += [
            ClaimedMessage(id=number, timestamp=0, message=text, retry_count=0, last_error=None, claimed_until=0.0)
            for number, text in enumerate(texts, start=1)
        ]


@pytest.fixture
def posting(harness: RoomHarness) -> Posting:
    harness.join(user("Alice"))
    harness.log_in()
    return Posting(harness)


async def test_messages_are_posted_in_order_and_reported(posting: Posting) -> None:
    posting.put("one", "two")
    await posting.poster.post_waiting()
    assert posting.sending.said == ["one", "two"]
    sent = posting.harness.sink.of(OutboundSent)
    assert [event.message_id for event in sent] == [1, 2]
    assert sent[0].channel == "lobby"
    assert posting.harness.sink.of(OutboundFailed) == []


async def test_a_message_of_very_many_lines_does_not_flood_the_chat(posting: Posting) -> None:
    posting.put("\n".join(["a", "b"]), "\n".join("c" * 10_000))
    await posting.poster.post_waiting()
    first, second, *others = posting.sending.said
    assert [first, second] == ["a", "b"]
    assert len(others) < 100
    assert "".join(others).replace(" ", "") == "c" * 10_000
    assert [event.message_id for event in posting.harness.sink.of(OutboundSent)] == [1, 2]


async def test_long_messages_are_posted_in_parts(posting: Posting) -> None:
    posting.put("word " * 100)
    await posting.poster.post_waiting()
    assert len(posting.sending.said) == 2
    assert len(posting.harness.sink.of(OutboundSent)) == 1


async def test_a_message_is_never_a_slash_command(posting: Posting) -> None:
    posting.put("/kick Alice")
    await posting.poster.post_waiting()
    assert posting.sending.said == [" /kick Alice"]


@pytest.mark.parametrize(
    ("outcome", "permanent"), [(Outcome.REFUSED, True), (Outcome.UNCONFIRMED, True), (Outcome.NOT_SENT, False)]
)
async def test_failures_are_reported_as_what_they_are(posting: Posting, outcome: Outcome, permanent: bool) -> None:
    posting.sending.receipts = [Receipt(outcome, "because")]
    posting.put("one")
    await posting.poster.post_waiting()
    [failed] = posting.harness.sink.of(OutboundFailed)
    assert (failed.message_id, failed.error, failed.permanent) == (1, "because", permanent)
    assert posting.harness.sink.of(OutboundSent) == []


async def test_a_message_half_posted_is_not_tried_again(posting: Posting) -> None:
    posting.sending.receipts = [Receipt(Outcome.SENT), Receipt(Outcome.NOT_SENT, "connection lost")]
    posting.put("word " * 100)
    await posting.poster.post_waiting()
    [failed] = posting.harness.sink.of(OutboundFailed)
    assert failed.permanent
    assert "after 1 of 2 parts" in failed.error


async def test_a_blank_message_has_failed_for_good(posting: Posting) -> None:
    posting.put(" \n ")
    await posting.poster.post_waiting()
    assert posting.sending.said == []
    [failed] = posting.harness.sink.of(OutboundFailed)
    assert failed.permanent


async def test_nothing_is_claimed_that_could_not_be_said(posting: Posting) -> None:
    harness = posting.harness
    harness.frame("setPermissions", {"chat": 4})
    await posting.poster.post_waiting()
    harness.frame("setPermissions", {"chat": 0})
    harness.room.own_name = None
    await posting.poster.post_waiting()
    harness.frame("login", {"success": True, "name": "Rosey"})
    posting.manners.be_quiet()
    await posting.poster.post_waiting()
    posting.manners.speak()
    harness.normaliser.disconnected()
    await posting.poster.post_waiting()
    assert posting.queue.claims == 0


async def test_an_unreachable_queue_is_logged_once(posting: Posting, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    posting.queue.problem = "nobody serves it"
    for _ in range(3):
        await posting.poster.post_waiting()
    assert caplog.text.count("nobody serves it") == 1
    posting.queue.problem = None
    posting.put("one")
    await posting.poster.post_waiting()
    assert posting.sending.said == ["one"]


async def test_the_queue_is_looked_into_again_and_again(posting: Posting) -> None:
    work = asyncio.create_task(posting.poster.run())
    await until(lambda: posting.queue.claims > 2)
    posting.put("late")
    await until(lambda: posting.sending.said == ["late"])
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def test_notices_are_acted_on_at_once_and_a_full_claim_is_followed_by_another(posting: Posting) -> None:
    posting.poster = posting.make(interval=600)
    work = asyncio.create_task(posting.poster.run())
    await until(lambda: posting.queue.claims == 1)
    posting.put(*map(str, range(1, 12)))
    posting.queue.arrived()
    await until(lambda: len(posting.sending.said) == 11)
    assert posting.queue.claims == 4
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert not hasattr(posting.queue, "arrived")


@pytest.mark.parametrize("is_in_doubt", [True, False], ids=["no answer", "broken variant: taken for a refusal"])
async def test_a_claim_without_an_answer_is_repeated_soon(
    posting: Posting, monkeypatch: pytest.MonkeyPatch, is_in_doubt: bool
) -> None:
    """The database may have given messages away by it, and tells of those no more."""
    monkeypatch.setattr(outbound, "RETRY_SECONDS", 0.01)
    posting.poster = posting.make(interval=600)
    posting.queue.problem, posting.queue.is_in_doubt = "no answer", is_in_doubt
    posting.put("given away")
    work = asyncio.create_task(posting.poster.run())
    await until(lambda: posting.queue.claims >= (3 if is_in_doubt else 1))
    posting.queue.problem = None
    with suppress(TimeoutError):
        await until(lambda: posting.sending.said, timeout=10 if is_in_doubt else 0.2)
    assert posting.sending.said == (["given away"] if is_in_doubt else [])
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def test_what_the_bot_could_not_say_just_then_is_given_back(posting: Posting) -> None:
    posting.sending.receipts = [Receipt(Outcome.PREVENTED, "not connected"), Receipt(Outcome.SENT)]
    posting.put("one", "two")
    await posting.poster.post_waiting()
    [back] = posting.harness.sink.of(OutboundFailed)
    assert (back.message_id, back.error, back.permanent, back.attempted) == (1, "not connected", False, False)
    assert [event.message_id for event in posting.harness.sink.of(OutboundSent)] == [2]


@pytest.mark.parametrize(
    ("hindrance", "reason"),
    [
        (lambda posting: posting.harness.normaliser.disconnected(), "not in the room"),
        (lambda posting: posting.harness.frame("setPermissions", {"chat": 4}), "rank is too low"),
        (lambda posting: posting.manners.be_quiet(), "told to be quiet"),
        (lambda posting: setattr(posting, "acts", False), "another bot"),
    ],
    ids=["out of the room", "rank", "quiet", "lease"],
)
async def test_what_the_bot_may_say_no_more_when_it_has_claimed_it_is_given_back(
    posting: Posting, hindrance: Callable[[Posting], None], reason: str
) -> None:
    posting.put("one", "two")
    posting.queue.on_claim = lambda: hindrance(posting)
    assert await posting.poster.post_waiting() == 2
    assert posting.sending.said == []
    failed = posting.harness.sink.of(OutboundFailed)
    assert [(event.message_id, event.attempted) for event in failed] == [(1, False), (2, False)]
    assert reason in failed[0].error


@pytest.mark.parametrize("is_under_way", [True, False], ids=["under way", "waiting for its turn"])
async def test_a_stop_gives_back_what_has_not_gone_out(posting: Posting, is_under_way: bool) -> None:
    posting.sending.hangs_after = 0
    posting.put("one", "two", "three")
    work = asyncio.create_task(posting.poster.run())
    await until(lambda: posting.sending.said)
    posting.sending.under_way = posting.sending.hanging if is_under_way else []
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    failed = posting.harness.sink.of(OutboundFailed)
    # What became of the one that is under way nobody knows.
    first = (1, True, True) if is_under_way else (1, False, False)
    assert [(event.message_id, event.permanent, event.attempted) for event in failed] == [
        first,
        (2, False, False),
        (3, False, False),
    ]
    assert [receipt.cancelled() for receipt in posting.sending.hanging] == [not is_under_way]


@pytest.mark.parametrize("stop_first", [True, False])
async def test_an_outcome_that_comes_with_the_stop_is_not_taken_for_none(posting: Posting, stop_first: bool) -> None:
    """It would be given back, and posted twice."""
    posting.sending.hangs_after = 0
    posting.put("one", "two")
    work = asyncio.create_task(posting.poster.run())
    await until(lambda: posting.sending.hanging)
    shown = partial(posting.sending.hanging[0].set_result, Receipt(Outcome.SENT))
    for happening in (work.cancel, shown) if stop_first else (shown, work.cancel):
        happening()
    posting.sending.under_way = posting.sending.hanging
    await asyncio.gather(work, return_exceptions=True)
    assert work.cancelled()
    assert [event.message_id for event in posting.harness.sink.of(OutboundSent)] == [1]
    assert [event.message_id for event in posting.harness.sink.of(OutboundFailed)] == [2]


@pytest.mark.parametrize("outcome", [None, Outcome.SENT], ids=["on its way", "shown in that moment"])
async def test_a_stop_half_way_through_a_message_is_its_end(posting: Posting, outcome: Outcome | None) -> None:
    posting.put("word " * 150)
    posting.sending.hangs_after = 1
    work = asyncio.create_task(posting.poster.run())
    await until(lambda: posting.sending.hanging)
    posting.sending.under_way = posting.sending.hanging
    if outcome is not None:
        posting.sending.hanging[0].set_result(Receipt(outcome))
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    [failed] = posting.harness.sink.of(OutboundFailed)
    assert failed.permanent
    assert f"after {1 if outcome is None else 2} of 3 parts" in failed.error


async def test_a_stop_gives_back_what_is_given_away_meanwhile(posting: Posting) -> None:
    answer = asyncio.Event()

    async def late() -> None:
        await answer.wait()

    posting.put("one")
    posting.queue.on_claim = late
    work = asyncio.create_task(posting.poster.run())
    await until(lambda: posting.queue.claims)
    work.cancel()
    await asyncio.sleep(0)
    answer.set()
    await asyncio.gather(work, return_exceptions=True)
    assert work.cancelled()
    assert posting.sending.said == []
    [back] = posting.harness.sink.of(OutboundFailed)
    assert (back.message_id, back.attempted) == (1, False)
