"""Requests over NATS: the shapes that others rely on, and what becomes of those that cannot be answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import nats.errors
import pytest
from nats.aio.client import Client

from rosey_core import queries, subjects
from rosey_core.telemetry.metrics import new_registry
from rosey_core.telemetry.metrics_database import DatabaseMetrics
from rosey_database import BotDatabase, DatabaseService
from rosey_database.requests import server
from rosey_database.requests.server import RequestServer
from tests.support.clock import MovableClock
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

Ask = Callable[..., Awaitable[Any]]

pytestmark = pytest.mark.usefixtures("database_service")

EXAMPLES: dict[str, dict[str, Any]] = {
    subjects.OUTBOUND_ENQUEUE: {"message": "hello"},
    subjects.QUERY_USER_STATS: {"username": "Ann"},
}
"""Requests that need a field; the others do without any."""


async def test_service_statistics_query(temp_database: BotDatabase, ask: Ask, clock: MovableClock) -> None:
    now = int(clock.now)
    for number in range(12):
        for _ in range(number):
            await temp_database.user_chat_message(f"User{number}")
    await temp_database.user_joined("Quiet")
    await temp_database.update_high_water_mark(7, 9)
    answer = await ask(subjects.QUERY_CHANNEL_STATS)
    assert answer == {
        "success": True,
        "high_water_mark": {"users": 7, "timestamp": now},
        "high_water_connected": {"users": 9, "timestamp": now},
        "top_chatters": [{"username": f"User{n}", "chat_lines": n} for n in range(11, 1, -1)],
        "total_users_seen": 12,
    }


async def test_user_stats_query(temp_database: BotDatabase, ask: Ask, clock: MovableClock) -> None:
    now = int(clock.now)
    await temp_database.user_joined("Ann")
    await temp_database.user_chat_message("Ann", "hi")
    assert await ask(subjects.QUERY_USER_STATS, username="ANN") == {
        "username": "Ann",
        "first_seen": now,
        "last_seen": now,
        "total_chat_lines": 1,
        "total_time_connected": 0,
        "current_session_start": now,
        "success": True,
        "found": True,
    }
    assert await ask(subjects.QUERY_USER_STATS, username="Nobody") == {
        "username": "Nobody",
        "success": True,
        "found": False,
        "message": "Nobody was never seen here",
    }


async def test_the_outbound_queue(temp_database: BotDatabase, ask: Ask, clock: MovableClock) -> None:
    first = await ask(subjects.OUTBOUND_ENQUEUE, message="one")
    second = await ask(subjects.OUTBOUND_ENQUEUE, message="two")
    assert first == {"success": True, "message_id": 1}
    assert second == {"success": True, "message_id": 2}
    due = [
        {"id": n, "timestamp": int(clock.now), "message": text, "retry_count": 0, "last_error": None}
        for n, text in ((1, "one"), (2, "two"))
    ]
    assert await ask(subjects.OUTBOUND_GET) == due
    assert await ask(subjects.OUTBOUND_GET, limit=1, max_retries=1) == due[:1]
    (claimed,) = await ask(subjects.OUTBOUND_CLAIM, limit=1, claimed_by="rosey", seconds=10)
    assert claimed.pop("claimed_until") == pytest.approx(clock.now + 10)
    assert claimed == due[0]
    assert await ask(subjects.OUTBOUND_GET) == due[1:]
    assert [message["id"] for message in await ask(subjects.OUTBOUND_CLAIM)] == [2]
    assert await ask(subjects.OUTBOUND_CLAIM) == []
    await temp_database.mark_outbound_failed(2, "muted")
    assert await ask(subjects.OUTBOUND_GET) == []
    (again,) = await ask(subjects.OUTBOUND_GET, bypass_backoff=True)
    assert (again["retry_count"], again["last_error"]) == (1, "muted")


async def test_many_bots_that_claim_at_once_get_each_message_once(ask: Ask) -> None:
    for number in range(20):
        await ask(subjects.OUTBOUND_ENQUEUE, message=f"{number}")
    answers = await asyncio.gather(*(ask(subjects.OUTBOUND_CLAIM, limit=3) for _ in range(10)))
    assert sorted(message["id"] for answer in answers for message in answer) == list(range(1, 21))


async def test_chat_and_history(temp_database: BotDatabase, ask: Ask, clock: MovableClock) -> None:
    now = int(clock.now)
    await temp_database.user_chat_message("Ann", "one")
    await temp_database.user_chat_message("Bob", "two")
    await temp_database.log_user_count(2, 3)
    one = {"timestamp": now, "username": "Ann", "message": "one"}
    two = {"timestamp": now, "username": "Bob", "message": "two"}
    assert await ask(subjects.RECENT_CHAT_GET) == [one, two]
    assert await ask(subjects.RECENT_CHAT_GET, limit=1) == [two]
    assert await ask(subjects.QUERY_RECENT_MESSAGES, limit=1, offset=1) == {
        "success": True,
        "messages": [{"id": 1, **one}],
    }
    assert await ask(subjects.QUERY_COUNT_HISTORY, hours=1) == {
        "success": True,
        "history": [{"timestamp": now, "chat_users": 2, "connected_users": 3}],
    }


async def test_audit_media_and_status(
    temp_database: BotDatabase, ask: Ask, nats_client: Client, clock: MovableClock
) -> None:
    now = int(clock.now)
    await temp_database.log_user_action("Mod", "kick", "of Bob")
    await temp_database.update_current_status(bot_name="Rosey", bot_connected=True, bot_afk=False)
    play = {"title": "A film", "type": "yt", "id": "abc", "duration": 60.0, "queued_by": "Ann", "timestamp": 1000}
    await nats_client.publish(subjects.MEDIA_PLAYED, json.dumps(play).encode())
    assert await ask(subjects.QUERY_AUDIT, user="mod", since=now) == {
        "success": True,
        "actions": [
            {
                "id": 1,
                "timestamp": now,
                "username": "Mod",
                "action_type": "kick",
                "details": "of Bob",
                "result": None,
            }
        ],
    }
    assert (await ask(subjects.QUERY_AUDIT, command="kick"))["actions"] == []
    assert (await ask(subjects.QUERY_AUDIT, since=1e300))["actions"] == []
    answer = await ask(subjects.QUERY_STATUS)
    assert answer["found"] is True
    assert answer["status"]["bot_name"] == "Rosey"
    assert answer["status"]["bot_connected"] is True
    assert answer["status"]["bot_afk"] is False
    assert "id" not in answer["status"]
    assert await ask(f"{subjects.QUERY_STATUS}.elsewhere") == {"success": True, "found": False, "status": None}

    async def media() -> Any:
        return (await ask(subjects.QUERY_MEDIA_HISTORY, limit=5))["media"]

    assert await until(media) == [
        {
            "title": "A film",
            "type": "yt",
            "id": "abc",
            "duration": 60,
            "queued_by": "Ann",
            "started": 1000,
            "ended": None,
            "skipped": False,
        }
    ]


@pytest.mark.parametrize("subject", subjects.REQUESTS)
async def test_each_request_is_served_with_and_without_a_channel(ask: Ask, subject: str) -> None:
    kind = next(kind for kind in queries.TYPES if subject == kind.SUBJECT)
    fields = EXAMPLES.get(subject, {})
    for form in (subject, subjects.for_channel(subject, "lobby")):
        answer = await ask(form, **fields)
        queries.decode_reply(kind, json.dumps(answer).encode())
        if not fields:
            assert type(await ask(form, payload=b"")) is type(answer)


async def test_the_channel_in_the_subject_wins(temp_database: BotDatabase, ask: Ask) -> None:
    await temp_database.user_chat_message("Ann", "in the attic", channel="attic")
    await temp_database.user_chat_message("Ann", "in the lobby", channel="lobby")

    async def said(subject: str, **fields: Any) -> list[str]:
        return [line["message"] for line in await ask(subject, **fields)]

    assert await said(subjects.RECENT_CHAT_GET) == []
    assert await said(subjects.RECENT_CHAT_GET, channel="Attic") == ["in the attic"]
    assert await said(f"{subjects.RECENT_CHAT_GET}.lobby", channel="attic") == ["in the lobby"]


@pytest.mark.parametrize(
    ("subject", "payload", "says"),
    [
        (subjects.QUERY_USER_STATS, b"{}", "missing required field `username`"),
        (subjects.QUERY_USER_STATS, b'{"username": 7}', "Expected `str`"),
        (subjects.QUERY_USER_STATS, b'{"username": ""}', "username"),
        (subjects.QUERY_USER_STATS, b'{"username": "Ann"', "truncated"),
        (subjects.QUERY_USER_STATS, b"\xff\xfe", "utf-8"),
        (subjects.QUERY_USER_STATS, b"[]", "Expected `object`"),
        (subjects.QUERY_USER_STATS, b'{"username":' + b"[" * 100_000, ""),
        (subjects.OUTBOUND_ENQUEUE, b'{"message": "  "}', "message"),
        (subjects.OUTBOUND_GET, b'{"limit": 0}', "limit"),
        (subjects.OUTBOUND_GET, b'{"limit": 1e999}', ""),
        (f"{subjects.QUERY_STATUS}.UPPER", b"{}", "no channel key"),
    ],
)
async def test_a_bad_request_is_answered_counted_and_kept(ask: Ask, subject: str, payload: bytes, says: str) -> None:
    answer = await ask(subject, payload=payload)
    assert set(answer) == {"success", "error"}
    assert answer["success"] is False
    assert says in answer["error"]
    kept = await ask(subjects.QUERY_BAD_REQUESTS)
    assert kept["total"] == 1
    (bad,) = kept["requests"]
    assert bad["subject"] == subject
    assert bad["error"] == answer["error"]
    assert bad["size"] == len(payload)
    assert len(bad["payload"]) <= 200
    assert (await ask(subjects.QUERY_CHANNEL_STATS))["success"] is True


async def test_the_last_hundred_bad_requests_are_kept_and_all_are_counted(ask: Ask) -> None:
    await asyncio.gather(*(ask(subjects.OUTBOUND_ENQUEUE, number=n) for n in range(130)))
    kept = await ask(subjects.QUERY_BAD_REQUESTS)
    assert kept["total"] == 130
    assert len(kept["requests"]) == 100
    assert len((await ask(subjects.QUERY_BAD_REQUESTS, limit=3))["requests"]) == 3


async def test_a_request_that_needs_no_answer_is_done_all_the_same(nats_client: Client, ask: Ask) -> None:
    await nats_client.publish(subjects.OUTBOUND_ENQUEUE, b'{"message": "posted by nats pub"}')

    async def queued() -> Any:
        return await ask(subjects.OUTBOUND_GET)

    assert [message["message"] for message in await until(queued)] == ["posted by nats pub"]


async def test_a_failing_database_is_an_answer_and_the_service_goes_on(temp_database: BotDatabase, ask: Ask) -> None:
    assert temp_database.conn is not None
    await temp_database.conn.execute("ALTER TABLE recent_chat RENAME TO hidden")
    answer = await ask(subjects.RECENT_CHAT_GET)
    assert answer["success"] is False
    assert answer["error"] == "database: no such table: recent_chat"
    await temp_database.conn.execute("ALTER TABLE hidden RENAME TO recent_chat")
    assert await ask(subjects.RECENT_CHAT_GET) == []


async def test_an_unexpected_failure_is_an_answer_and_the_service_goes_on(
    temp_database: BotDatabase, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(limit: int, *, channel: str | None = None) -> None:
        raise ZeroDivisionError("of all things")

    with monkeypatch.context() as patch:
        patch.setattr(temp_database, "get_recent_chat", fail)
        answer = await ask(subjects.RECENT_CHAT_GET)
    assert answer == {"success": False, "error": "unexpected: ZeroDivisionError: of all things"}
    assert await ask(subjects.RECENT_CHAT_GET) == []


async def test_an_answer_that_nobody_can_be_given_any_more_does_no_harm(
    nats_server: NatsServer, temp_database: BotDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, asked = asyncio.Event(), asyncio.Event()

    async def slowly(username: str, *, channel: str | None = None) -> None:
        asked.set()
        await release.wait()

    monkeypatch.setattr(temp_database, "get_user_stats", slowly)
    client = await nats.connect(nats_server.url)
    requests = RequestServer(temp_database, version="1.0.0")
    await requests.start(client)
    await client.publish(subjects.QUERY_USER_STATS, b'{"username": "Ann"}', reply="nobody")
    await asked.wait()
    await client.close()
    release.set()
    await until(lambda: not requests._tasks)
    await requests.stop()


async def test_an_answer_that_nats_cannot_carry_says_so_and_keeps_the_connection(
    temp_database: BotDatabase, ask: Ask, nats_client: Client
) -> None:
    for _ in range(60):
        await temp_database.log_chat("Ann", "x" * 20_000)
    answer = await ask(subjects.RECENT_CHAT_GET, limit=60)
    assert answer["success"] is False
    assert "ask for less" in answer["error"]
    assert len(await ask(subjects.RECENT_CHAT_GET, limit=10)) == 10
    assert nats_client.stats["reconnects"] == 0


async def test_slow_requests_do_not_hold_up_others(
    ask: Ask, temp_database: BotDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = asyncio.Event()
    waiting = 0

    async def slowly(username: str, *, channel: str | None = None) -> None:
        nonlocal waiting
        waiting += 1
        await release.wait()

    monkeypatch.setattr(temp_database, "get_user_stats", slowly)
    slow = [asyncio.create_task(ask(subjects.QUERY_USER_STATS, username="Ann")) for _ in range(10)]
    await until(lambda: waiting == 10)
    assert (await ask(subjects.QUERY_CHANNEL_STATS))["success"] is True
    release.set()
    assert [answer["found"] for answer in await asyncio.gather(*slow)] == [False] * 10


async def test_no_more_are_worked_on_at_once_than_the_bound(
    ask: Ask, temp_database: BotDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = asyncio.Event()
    at_work = most = 0

    async def slowly(username: str, *, channel: str | None = None) -> None:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await release.wait()
        at_work -= 1

    monkeypatch.setattr(temp_database, "get_user_stats", slowly)
    everything = [
        asyncio.create_task(ask(subjects.QUERY_USER_STATS, username="Ann")) for _ in range(server.CONCURRENCY + 20)
    ]
    await until(lambda: at_work == server.CONCURRENCY)
    release.set()
    assert len(await asyncio.gather(*everything)) == server.CONCURRENCY + 20
    assert most == server.CONCURRENCY


async def test_nats_micro_shows_the_service_and_its_figures(ask: Ask) -> None:
    await ask(subjects.QUERY_CHANNEL_STATS)
    await ask(subjects.QUERY_USER_STATS)
    (info, stats) = [await ask(f"$SRV.{verb}.rosey-database") for verb in ("INFO", "STATS")]
    assert info["name"] == "rosey-database"
    served = {endpoint["subject"] for endpoint in info["endpoints"]}
    assert served == {form for subject in subjects.REQUESTS for form in subjects.in_every_form(subject)}
    assert {endpoint["queue_group"] for endpoint in info["endpoints"]} == {"rosey-database"}
    figures = {endpoint["subject"]: endpoint for endpoint in stats["endpoints"]}
    good = figures[subjects.QUERY_CHANNEL_STATS]
    bad = figures[subjects.QUERY_USER_STATS]
    assert (good["num_requests"], good["num_errors"]) == (1, 0)
    assert good["average_processing_time"] > 10_000
    assert (bad["num_requests"], bad["num_errors"]) == (1, 1)
    assert "username" in bad["last_error"]


async def test_two_services_share_the_requests(
    nats_client: Client, nats_server: NatsServer, temp_database: BotDatabase, ask: Ask
) -> None:
    other_client = await nats.connect(nats_server.url)
    other = RequestServer(temp_database, version="1.0.0")
    await other.start(other_client)
    for _ in range(50):
        answer = await nats_client.request(subjects.QUERY_CHANNEL_STATS, timeout=5)
        assert json.loads(answer.data)["success"] is True
    asked: list[int] = []
    inbox = nats_client.new_inbox()
    replies = await nats_client.subscribe(inbox)
    await nats_client.publish("$SRV.STATS.rosey-database", reply=inbox)
    for _ in range(2):
        endpoints = json.loads((await replies.next_msg(5)).data)["endpoints"]
        asked.append(sum(endpoint["num_requests"] for endpoint in endpoints))
    assert sum(asked) == 50
    assert min(asked) > 5
    await other.stop()
    await other_client.close()


async def test_a_stopped_service_answers_what_it_was_asked_and_then_serves_nothing(
    database_service: DatabaseService, ask: Ask, temp_database: BotDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = asyncio.Event()
    asked = asyncio.Event()

    async def slowly(username: str, *, channel: str | None = None) -> None:
        asked.set()
        await release.wait()

    monkeypatch.setattr(temp_database, "get_user_stats", slowly)
    answer = asyncio.create_task(ask(subjects.QUERY_USER_STATS, username="Ann"))
    await asked.wait()
    stopping = asyncio.create_task(database_service.stop())
    asyncio.get_running_loop().call_later(0.02, release.set)
    await stopping
    assert (await answer)["found"] is False
    with pytest.raises(nats.errors.NoRespondersError):
        await ask(subjects.QUERY_CHANNEL_STATS)


async def test_requests_that_never_end_are_given_up_when_it_stops(
    database_service: DatabaseService, ask: Ask, temp_database: BotDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()

    async def never(username: str, *, channel: str | None = None) -> None:
        asked.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(temp_database, "get_user_stats", never)
    monkeypatch.setattr(server, "STOP_TIMEOUT_S", 0.05)
    answer = asyncio.create_task(ask(subjects.QUERY_USER_STATS, username="Ann"))
    await asked.wait()
    await asyncio.wait_for(database_service.stop(), 5)
    answer.cancel()
    await asyncio.gather(answer, return_exceptions=True)


async def test_metrics_tell_outcomes_by_subject(
    nats_client: Client, temp_database: BotDatabase, database_service: DatabaseService, ask: Ask
) -> None:
    await database_service.stop()
    registry = new_registry("test", "1.0.0")
    service = DatabaseService(nats_client, temp_database, metrics=DatabaseMetrics(registry))
    await service.start()
    await ask(subjects.QUERY_CHANNEL_STATS)
    await ask(subjects.QUERY_USER_STATS)

    def requests(subject: str, outcome: str) -> float | None:
        return registry.get_sample_value("rosey_database_requests_total", {"subject": subject, "outcome": outcome})

    assert await until(lambda: requests(subjects.QUERY_USER_STATS, "bad_request")) == 1
    assert requests(subjects.QUERY_CHANNEL_STATS, "ok") == 1
    bad = registry.get_sample_value("rosey_database_bad_requests_total", {"subject": subjects.QUERY_USER_STATS})
    assert bad == 1
    await service.stop()
