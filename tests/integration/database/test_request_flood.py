"""Requests that come faster than they are answered take a bounded number of bytes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import nats
import pytest
from nats.aio.client import Client

from rosey_core import queries, subjects
from rosey_database import BotDatabase, DatabaseService
from rosey_database.requests import server
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

SIZE = 90_000
COUNT = 60


async def test_a_flood_of_large_requests_is_bounded_in_bytes_and_passes(
    make_nats_server: Callable[..., NatsServer], temp_database: BotDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "CONCURRENCY", 2)
    answered = 0
    go_on = asyncio.Event()

    async def slowly(*arguments: Any) -> queries.Plays:
        nonlocal answered
        await go_on.wait()
        answered += 1
        return queries.Plays(media=[])

    monkeypatch.setitem(server.HANDLERS, queries.MediaHistory, slowly)
    nats_server = make_nats_server(config="max_payload: 100000")
    problems: list[Exception] = []

    async def note(error: Exception) -> None:
        problems.append(error)

    service_client = await nats.connect(nats_server.url, error_cb=note)
    client = await nats.connect(nats_server.url)
    service = DatabaseService(service_client, temp_database)
    await service.start()
    request = json.dumps({"padding": "x" * SIZE}).encode()
    for _ in range(COUNT):
        await client.publish(subjects.QUERY_MEDIA_HISTORY, request, reply="nowhere")
    await client.flush()
    held = server.WAITING_BYTES // SIZE + server.CONCURRENCY + 1
    await until(lambda: len(problems) >= COUNT - held - 1, what="requests that are dropped")
    go_on.set()
    answer = await client.request(subjects.QUERY_MEDIA_HISTORY, b"", timeout=10)
    assert queries.decode_reply(queries.MediaHistory, answer.data) == queries.Plays(media=[])
    assert answered <= held + 1
    await service.stop()
    for connection in (client, service_client):
        await connection.close()


async def test_a_request_that_is_too_large_is_refused(nats_client: Client, database_service: DatabaseService) -> None:
    request = json.dumps({"padding": "x" * server.REQUEST_BYTES}).encode()
    answer = await nats_client.request(subjects.QUERY_MEDIA_HISTORY, request, timeout=5)
    assert "no request has more than 262144" in json.loads(answer.data)["error"]


async def test_the_longest_message_to_be_posted_is_none_of_them(
    nats_client: Client, database_service: DatabaseService
) -> None:
    request = json.dumps({"message": "\N{GRINNING FACE}" * 20_000}).encode()
    answer = await nats_client.request(subjects.OUTBOUND_ENQUEUE, request, timeout=5)
    assert json.loads(answer.data)["success"] is True
