"""Ten thousand malformed payloads, seeded: the service stays up, and every one is counted and can be seen."""

import asyncio
import json
from collections import Counter

from nats.aio.client import Client

from rosey_core import streams, subjects
from rosey_database import BotDatabase, DatabaseService
from tests.integration.malformed.payloads import KINDS, VALID, malformed
from tests.support.waiting import until

SEED = 20261121
TOTAL = 10_000
AT_ONCE = 50


def test_every_subject_and_kind_is_tried_often_enough() -> None:
    assert set(VALID) == {*subjects.EVENTS, *subjects.REQUESTS}
    tried = Counter((subject, kind) for subject, kind, _ in malformed(SEED, TOTAL))
    assert len(tried) == len(VALID) * len(KINDS)
    assert min(tried.values()) >= 50


async def test_ten_thousand_malformed_payloads_stop_nothing(
    database_service: DatabaseService, temp_database: BotDatabase, nats_client: Client
) -> None:
    refused = bad_events = bad_requests = 0
    waiting: list[tuple[str, bytes]] = []

    async def ask(subject: str, payload: bytes) -> None:
        nonlocal refused
        answer = json.loads((await nats_client.request(subject, payload, timeout=20)).data)
        assert answer["success"] is False, (subject, payload[:200])
        assert answer["error"], (subject, payload[:200])
        refused += 1

    for subject, _, payload in malformed(SEED, TOTAL):
        if subject in subjects.EVENTS:
            bad_events += 1
            await nats_client.publish(subject, payload)
            continue
        bad_requests += 1
        waiting.append((subject, payload))
        if len(waiting) == AT_ONCE:
            await asyncio.gather(*(ask(*request) for request in waiting))
            waiting.clear()
    await asyncio.gather(*(ask(*request) for request in waiting))
    assert refused == bad_requests

    # One just under what NATS takes: with headers added it would be more, and the server would cut us off.
    await nats_client.publish(subjects.MESSAGE_LOG, b'"' + b"x" * (nats_client.max_payload - 2) + b'"')
    bad_events += 1
    await nats_client.publish(subjects.MESSAGE_LOG, b'{"username": "Ann", "message": "still here"}')

    async def stored() -> bool:
        return bool(await temp_database.get_recent_chat())

    await until(stored, timeout=40)
    assert [line["message"] for line in await temp_database.get_recent_chat()] == ["still here"]
    dead = await nats_client.jsm().stream_info(streams.DEAD_LETTERS)
    # The oldest give way where they are many; none goes uncounted.
    assert dead.state.last_seq == bad_events
    kept = json.loads((await nats_client.request(subjects.QUERY_BAD_REQUESTS, b"{}", timeout=2)).data)
    assert kept["total"] == bad_requests
    assert len(kept["requests"]) == 100
