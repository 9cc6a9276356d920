"""Asking the database, and every way in which it can fail to answer."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest

from rosey_bot.commands.statistics import StatisticsFailure
from rosey_bot.outbound import OutboundUnavailable
from rosey_bot.outbound_client import OutboundClient
from rosey_bot.statistics_client import StatisticsClient
from rosey_core import queries
from rosey_core.bus import NoResponders, NotConnected, RequestTimeout

TIMEOUT = "Stats unavailable (DatabaseService timeout - is it running?)"


class FakeBus:
    """Answers one thing, or raises it."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[str, Any, float]] = []

    async def request(self, subject: str, payload: bytes, timeout: float) -> bytes:
        self.asked.append((subject, json.loads(payload), timeout))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()


async def test_channel_stats_are_asked_for_the_channel() -> None:
    bus = FakeBus(
        {
            "success": True,
            "high_water_mark": {"users": 3, "timestamp": 1000},
            "high_water_connected": {"users": 5, "timestamp": None},
            "top_chatters": [{"username": "Alice", "chat_lines": 7}],
            "total_users_seen": 9,
            "something_new": 1,
        }
    )
    stats = await StatisticsClient(bus).channel_stats("lobby")
    assert stats == queries.ChannelStatistics(
        high_water_mark=queries.HighWaterMark(users=3, timestamp=1000),
        high_water_connected=queries.HighWaterMark(users=5, timestamp=None),
        top_chatters=[queries.Chatter(username="Alice", chat_lines=7)],
        total_users_seen=9,
    )
    assert bus.asked == [("rosey.db.query.channel_stats.lobby", {}, 0.8)]


async def test_user_stats_are_asked_for_the_user() -> None:
    bus = FakeBus({"success": True, "found": False, "username": "Ghost", "message": "never seen"})
    stats = await StatisticsClient(bus, timeout=0.5).user_stats("lobby", "Ghost")
    assert (stats.username, stats.found) == ("Ghost", False)
    assert bus.asked == [("rosey.db.query.user_stats.lobby", {"username": "Ghost"}, 0.5)]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (NotConnected("x"), "Stats unavailable (NATS not connected)"),
        (NoResponders("x"), TIMEOUT),
        (RequestTimeout("x"), TIMEOUT),
        ({"success": False, "error": "disk full"}, "Stats error: disk full"),
        ({"success": True}, "Stats error: unreadable answer"),
        (b"\xff{", "Stats error: unreadable answer"),
        (b"", "Stats error: unreadable answer"),
    ],
)
async def test_each_failure_has_its_sentence(answer: Any, sentence: str) -> None:
    client = StatisticsClient(FakeBus(answer))
    with pytest.raises(StatisticsFailure) as caught:
        await client.channel_stats("lobby")
    assert str(caught.value).startswith(sentence)
    with pytest.raises(StatisticsFailure) as caught:
        await client.user_stats("lobby", "Alice")
    assert str(caught.value).startswith(sentence)


async def test_messages_are_claimed_for_the_channel() -> None:
    message = {"id": 4, "timestamp": 1, "message": "hi", "retry_count": 0, "last_error": None, "claimed_until": 9.0}
    bus = FakeBus([message])
    [claimed] = await OutboundClient(bus, claimed_by="bot-1").claim("lobby", 5, 60)
    assert (claimed.id, claimed.message) == (4, "hi")
    [(subject, question, timeout)] = bus.asked
    assert (subject, timeout) == ("rosey.db.messages.outbound.claim.lobby", 2.0)
    assert question.pop("claim_id")
    assert question == {"limit": 5, "claimed_by": "bot-1", "seconds": 60.0}


async def test_a_claim_without_an_answer_is_repeated_under_its_name_and_one_with_an_answer_is_not() -> None:
    client = OutboundClient(FakeBus(RequestTimeout("x")), claimed_by="bot-1")

    async def claim(answer: Any, channel: str = "lobby") -> str:
        client._bus = bus = FakeBus(answer)
        with suppress(OutboundUnavailable):
            await client.claim(channel, 5, 60)
        return str(bus.asked[0][1]["claim_id"])

    first = await claim(RequestTimeout("x"))
    elsewhere = await claim([], channel="lounge")
    assert await claim({"success": False, "error": "database: locked"}) == first
    assert await claim([]) == first
    assert len({first, elsewhere, await claim([])}) == 3


@pytest.mark.parametrize(
    "answer",
    [NotConnected("x"), NoResponders("x"), RequestTimeout("x"), b"nonsense", {"success": False, "error": "no"}],
)
async def test_an_unreachable_queue_says_so(answer: Any) -> None:
    with pytest.raises(OutboundUnavailable):
        await OutboundClient(FakeBus(answer), claimed_by="bot-1").claim("lobby", 5, 60)
