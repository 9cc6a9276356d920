"""What the API refuses: each with its status, a sentence that names the fault, and nothing of the token."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from rosey_database import BotDatabase
from rosey_database.api import reading, server
from rosey_database.api.posting_rate import BURST
from rosey_database.api.server import ApiServer
from tests.integration.api.conftest import Answered, Program
from tests.support.clock import MovableClock
from tests.support.waiting import until

JSON = {"Content-Type": "application/json"}


def problem(answer: Answered, status: int) -> str:
    """Check that this is a problem of RFC 9457; returns its detail."""
    details = json.loads(answer.body)
    assert (answer.status, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert details.keys() == {"type", "title", "status", "detail"}
    assert details["status"] == status
    return str(details["detail"])


BAD_PARAMETERS = [
    ("user_stats", "username: is missing"),
    ("user_stats?username=", "username: expected `str` of length >= 1"),
    ("user_stats?username=Ann&username=Bob", "username: is there twice"),
    ("count_history?hours=soon", "hours: expected `float`, got `str`"),
    ("count_history?hours=nan", "hours: expected `float` > 0.0"),
    ("count_history?limit=0", "limit: expected `int` >= 1"),
    ("recent_chat?limit=1001", "limit: expected `int` <= 1000"),
    ("channel_stats?channel=a.b", "channel: expected `str` matching regex"),
    ("channel_stats?chanel=lobby", "chanel: is no parameter of /v1/channel_stats, which takes: channel"),
]


async def test_a_bad_parameter_is_named(program: Program) -> None:
    for path, sentence in BAD_PARAMETERS:
        assert problem(await program.get(f"/v1/{path}"), 400).startswith(sentence), path


BAD_BODIES = [
    (b"", "message: is missing"),
    (b"{}", "message: is missing"),
    (b'{"message": ""}', "message: expected `str` of length >= 1"),
    (b'{"message": " "}', "message: expected `str` matching regex"),
    (b'{"message": 5}', "message: expected `str`, got `int`"),
    (
        b'{"message": "hi", "chanel": "lobby"}',
        "chanel: is no parameter of /v1/messages, which takes: channel, mess",
    ),
    (b'{"message": "hi", "channel": "a b"}', "channel: expected `str` matching regex"),
    (b'{"message": "hi"', "Input data was truncated"),
    (b'{"message": "\\ud800"}', "half of a surrogate pair"),
    (b'{"message": "hi", "\\ud800": 1}', ""),
    (b"\xff", ""),
    (b'"hi"', "Expected `object`, got `str`"),
    (b"[" * 5000, ""),
]


async def test_a_bad_body_is_refused_and_nothing_is_queued(program: Program, temp_database: BotDatabase) -> None:
    for body, sentence in BAD_BODIES:
        answer = await program.ask("POST", "/v1/messages", headers=JSON, data=body)
        assert problem(answer, 400).startswith(sentence), body
    assert await temp_database.get_unsent_outbound_messages() == []


UNAUTHORIZED: list[dict[str, str]] = [
    {},
    {"Authorization": ""},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer "},
    {"Authorization": "Basic {token}"},
    {"Authorization": "{token}"},
    {"Authorization": "Bearer {token}x"},
    {"Authorization": "Bearer {token} {token}"},
    {"Authorization": "Bearer " + "x" * 5000},
]


async def test_without_a_token_nothing_is_answered(program: Program, session: aiohttp.ClientSession) -> None:
    stranger = Program(session, program.url, None)
    for headers in UNAUTHORIZED:
        shown = {name: value.replace("{token}", str(program.token)) for name, value in headers.items()}
        for path in ("/v1/channel_stats", "/v1/openapi.json", "/v1/nothing", "/"):
            answer = await stranger.get(path, headers=shown)
            problem(answer, 401)
            assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="rosey"')
    assert (await program.get("/v1/channel_stats", headers={"Authorization": f"bearer  {program.token}"})).status == 200


async def test_a_token_in_the_address_is_refused(program: Program, session: aiohttp.ClientSession) -> None:
    stranger = Program(session, program.url, None)
    for query in (f"token={program.token}", f"access_token={program.token}", str(program.token)):
        address = f"/v1/channel_stats?{query}"
        assert "no token belongs in an address" in problem(await stranger.get(address), 401)
        refused = await program.get(address)
        assert "no parameter of /v1/channel_stats" in problem(refused, 400)
        assert str(program.token) not in refused.body.decode()


async def test_what_there_is_not_is_said(program: Program) -> None:
    assert "/v1/openapi.json" in problem(await program.get("/v1/audit"), 404)
    for method, path, allow in [
        ("POST", "/v1/status", "GET, HEAD"),
        ("GET", "/v1/messages", "POST"),
        ("DELETE", "/v1/openapi.json", "GET, HEAD"),
        ("OPTIONS", "/v1/messages", "POST"),
    ]:
        answer = await program.ask(method, path)
        problem(answer, 405)
        assert answer.headers["Allow"] == allow


async def test_only_json_is_posted_and_not_too_much(program: Program, temp_database: BotDatabase) -> None:
    answer = await program.ask("POST", "/v1/messages", data={"message": "hi"})
    assert problem(answer, 415) == "Content-Type: should be application/json"
    large = b'{"message": "' + b"x" * reading.BODY_BYTES + b'"}'

    async def in_parts() -> Any:
        yield large[:1000]
        yield large[1000:]

    for body in (large, in_parts()):
        answer = await program.ask("POST", "/v1/messages", headers=JSON, data=body)
        assert str(reading.BODY_BYTES) in problem(answer, 413)
    assert "address" in problem(await program.ask("POST", "/v1/messages?channel=lobby", json={"message": "hi"}), 400)
    assert await temp_database.get_unsent_outbound_messages() == []


async def test_the_longest_message_that_nats_takes_is_taken(program: Program) -> None:
    body = b'{"message": "' + b"\\u00e9" * 20_000 + b'"}'
    assert (await program.ask("POST", "/v1/messages", headers=JSON, data=body)).status == 202


async def test_a_token_posts_no_faster_than_it_may(
    program: Program, temp_database: BotDatabase, clock: MovableClock
) -> None:
    assert [(await program.post(f"{number}")).status for number in range(BURST)] == [202] * BURST
    answer = await program.post("one more")
    assert "nothing was stored" in problem(answer, 429)
    assert answer.headers["Retry-After"] == "1"
    assert len(await temp_database.get_unsent_outbound_messages()) == BURST
    other = await temp_database.generate_api_token()
    assert (
        await program.ask("POST", "/v1/messages", {"Authorization": f"Bearer {other}"}, json={"message": "o"})
    ).status == 202
    assert (await program.get("/v1/status")).status == 200
    clock.move(1)
    assert [(await program.post("later")).status, (await program.post("too soon")).status] == [202, 429]


async def test_more_than_so_many_at_once_are_sent_away(
    program: Program, api: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "CONCURRENCY", 1)
    going_on = asyncio.Event()

    async def slow(*arguments: Any) -> Any:
        await going_on.wait()
        raise RuntimeError("a fault in the code")

    monkeypatch.setattr(api, "_answer", slow)
    first = asyncio.create_task(program.get("/v1/status"))
    await until(lambda: api._at_work)
    answer = await program.get("/v1/status")
    problem(answer, 503)
    assert answer.headers["Retry-After"] == "1"
    going_on.set()
    assert "Rosey's fault" in problem(await first, 500)


async def test_a_database_that_cannot_answer_is_said_to_be_busy(
    program: Program, temp_database: BotDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    assert temp_database.conn is not None
    await temp_database.conn.execute("ALTER TABLE channels RENAME TO hidden")
    for answer in (await program.get("/v1/status"), await program.post("hi")):
        assert "nothing was stored" in problem(answer, 503)
        assert answer.headers["Retry-After"]
    assert "no such table" in caplog.text
    await temp_database.conn.execute("ALTER TABLE hidden RENAME TO channels")
    assert (await program.get("/v1/status")).status == 200


async def raw(program: Program, sent: str) -> bytes:
    """What comes back, until the connection is closed, for what is sent as it is."""
    where = urlsplit(program.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(sent.encode())
    received = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()
    return received


async def test_what_is_no_http_is_refused_and_no_log_has_the_token(
    program: Program, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for line in ("Authorization: Bearer {token}\x01", "Bearer {token}", "Authorization Bearer {token}"):
        line = line.replace("{token}", str(program.token))
        head, _, body = (await raw(program, f"GET /v1/status HTTP/1.1\r\nHost: x\r\n{line}\r\n\r\n")).partition(
            b"\r\n\r\n"
        )
        assert b"400 Bad Request" in head
        assert b"application/problem+json" in head
        assert json.loads(body)["status"] == 400
        assert str(program.token) not in body.decode()
    assert "could not be read" in caplog.text
    assert str(program.token) not in caplog.text


async def test_who_is_slow_is_let_go(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "IDLE_SECONDS", 0.05)
    monkeypatch.setattr(reading, "BODY_SECONDS", 0.05)
    monkeypatch.setattr(server, "LINGERING_SECONDS", 0.05)
    assert await raw(program, "GET /v1/status HTTP/1.1\r\nHost:") == b""
    head = f"POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {program.token}\r\n"
    answer = await raw(program, head + "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
    assert answer.startswith(b"HTTP/1.1 408")


async def test_a_connection_too_many_is_closed(
    program: Program, temp_database: BotDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "CONNECTIONS", 1)
    where = urlsplit(program.url)
    _, first = await asyncio.open_connection(where.hostname, where.port)
    with pytest.raises(aiohttp.ClientError):
        await program.get("/v1/status")
    first.close()
    await first.wait_closed()

    async def is_free() -> bool:
        try:
            return (await program.get("/v1/status")).status == 200
        except aiohttp.ClientError:
            return False

    await until(is_free)
