"""The routes: each answers what NATS answers, and describes itself."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from nats.aio.client import Client
from prometheus_client import CollectorRegistry

from rosey_core import queries, subjects
from rosey_database import BotDatabase, DatabaseService
from rosey_database.api.routes import OPENAPI, ROUTES
from rosey_database.api.server import ApiServer
from tests.integration.api.conftest import Program
from tests.support.clock import MovableClock
from tests.support.waiting import until

QUESTIONS: list[tuple[str, dict[str, Any]]] = [
    ("channel_stats", {}),
    ("channel_stats", {"channel": "Lobby"}),
    ("user_stats", {"username": "ANN"}),
    ("user_stats", {"username": "nobody"}),
    ("user_stats", {"username": "Zoë", "channel": "lobby"}),
    ("count_history", {}),
    ("count_history", {"hours": 0.5, "limit": 1}),
    ("recent_chat", {}),
    ("recent_chat", {"limit": 1, "channel": "lobby"}),
    ("media_history", {"since": 1.5, "limit": 1000}),
    ("status", {}),
    ("status", {"channel": "never-seen"}),
]


async def fill(database: BotDatabase, clock: MovableClock) -> None:
    for channel in (None, "lobby"):
        await database.user_joined("Ann", channel=channel)
        await database.user_chat_message("Ann", "hi", channel=channel)
        await database.user_chat_message("Zoë", "ça va? \u2028 \U0001f600", channel=channel)
        await database.log_user_count(2, 3, channel=channel)
        clock.move(3600)
        await database.log_user_count(4, 5, channel=channel)
        await database.update_high_water_mark(4, 5, channel=channel)
        await database.update_current_status(bot_name="Rosey", bot_afk=True, channel=channel)


async def test_each_answer_is_that_of_nats(
    program: Program, temp_database: BotDatabase, nats_client: Client, clock: MovableClock
) -> None:
    await fill(temp_database, clock)
    for name, parameters in QUESTIONS:
        route = ROUTES[f"/v1/{name}"]
        told = await nats_client.request(route.kind.SUBJECT, json.dumps(parameters).encode(), timeout=5)
        answer = await program.get(route.path, params=parameters)
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.body == told.data, (name, parameters)
        assert b'"success":false' not in answer.body


@pytest.fixture
async def beside(database_file: Path, nats_client: Client) -> AsyncIterator[tuple[DatabaseService, ApiServer]]:
    """Another service on the same database, and its API."""
    database = BotDatabase(database_file)
    await database.connect()
    service = DatabaseService(nats_client, database)
    await service.start()
    api = ApiServer(database, service.answer)
    await api.start()
    yield service, api
    await api.stop()
    await service.stop()
    await database.close(end_sessions=False)


async def test_a_service_that_stands_by_answers_too_and_one_that_is_stopped_says_so(
    program: Program,
    session: aiohttp.ClientSession,
    database_service: DatabaseService,
    beside: tuple[DatabaseService, ApiServer],
    nats_client: Client,
) -> None:
    service, api = beside

    async def one_stands_by() -> bool:
        await nats_client.publish(f"{subjects.USER_JOINED}.lobby", b'{"username": "Ann"}')
        return any(each.ingest is not None and each.ingest.standing_by for each in (service, database_service))

    await until(one_stands_by)
    other = Program(session, api.url, program.token)
    assert [(await each.post("news")).status for each in (program, other)] == [202, 202]
    for path in ("/v1/user_stats?username=Zoe", "/v1/media_history"):
        answers = [await each.get(path) for each in (program, other)]
        assert [answer.status for answer in answers] == [200, 200]
        assert answers[0].body == answers[1].body
    await service.stop()
    assert [(await each.get("/v1/status")).status for each in (program, other)] == [200, 503]


def test_every_route_of_reading_is_compared() -> None:
    assert {f"/v1/{name}" for name, _ in QUESTIONS} == {path for path, route in ROUTES.items() if route.method == "GET"}


def test_no_route_shows_or_does_what_is_internal() -> None:
    kinds = {route.kind for route in ROUTES.values()}
    assert not kinds & {queries.ClaimMessages, queries.GetMessages, queries.Audit, queries.BadRequests}


async def test_a_message_is_queued_and_the_bot_is_told(
    program: Program, temp_database: BotDatabase, nats_client: Client
) -> None:
    told = await nats_client.subscribe(f"{subjects.OUTBOUND_WAITING}.lobby")
    await nats_client.flush()
    answer = await program.post("news", channel="Lobby")
    assert answer.status == 202
    (waiting,) = await temp_database.get_unsent_outbound_messages(channel="lobby")
    assert json.loads(answer.body) == {"success": True, "message_id": waiting["id"]}
    assert waiting["message"] == "news"
    await told.next_msg(5)


async def test_head_is_answered_as_get_without_its_body(program: Program) -> None:
    answer = await program.ask("HEAD", "/v1/channel_stats")
    assert (answer.status, answer.body) == (200, b"")


async def test_it_describes_every_route(program: Program) -> None:
    answer = await program.get(OPENAPI)
    described = json.loads(answer.body)
    assert answer.status == 200
    assert described["openapi"] == "3.1.0"
    assert {(path, method) for path, operations in described["paths"].items() for method in operations} == {
        (path, route.method.lower()) for path, route in ROUTES.items()
    }
    asked = described["paths"]["/v1/user_stats"]["get"]
    assert asked["summary"] == "The statistics of a user, whatever the case of the name."
    assert {one["name"]: one["required"] for one in asked["parameters"]} == {"channel": False, "username": True}
    assert described["paths"]["/v1/messages"]["post"]["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/EnqueueMessage"
    }
    assert "Attributes:" not in answer.body.decode()


async def test_everything_that_it_refers_to_is_there(program: Program) -> None:
    described = json.loads((await program.get(OPENAPI)).body)

    def references(part: Any) -> set[str]:
        if isinstance(part, dict):
            own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
            return own.union(*map(references, part.values()))
        return set().union(*map(references, part)) if isinstance(part, list) else set()

    assert references(described)
    for reference in references(described):
        here = described
        for step in reference.removeprefix("#/").split("/"):
            here = here[step]


async def test_requests_are_counted_by_route_and_status(program: Program, registry: CollectorRegistry) -> None:
    await program.get("/v1/channel_stats")
    await program.get("/v1/channel_stats", params={"limit": "x"})
    await program.get("/v1/../secret-path")
    await program.get("/secret-path")

    def count(route: str, status: int) -> float | None:
        return registry.get_sample_value("rosey_database_api_requests_total", {"route": route, "status": str(status)})

    assert (count("/v1/channel_stats", 200), count("/v1/channel_stats", 400)) == (1, 1)
    assert count("unknown", 404) == 2
    assert registry.get_sample_value("rosey_database_api_request_seconds_count", {"route": "/v1/channel_stats"}) == 2
