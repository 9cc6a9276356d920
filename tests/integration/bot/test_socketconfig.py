"""Asking a site where a channel's socket is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web

from rosey_bot.cytube.backoff import Cause, Disconnected
from rosey_bot.cytube.socketconfig import LONGEST_ANSWER, fetch_socket_url

Fetch = Callable[[web.Response], Awaitable[str]]


@pytest.fixture
async def fetch() -> AsyncIterator[Fetch]:
    """Fetch from a site that gives one answer to everything."""
    answers: list[web.Response] = []

    async def answer(_: web.Request) -> web.Response:
        return answers[-1]

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server = f"http://127.0.0.1:{runner.addresses[0][1]}"

    async with aiohttp.ClientSession() as http:

        async def fetch(response: web.Response) -> str:
            answers.append(response)
            return await fetch_socket_url(http, server, "lobby")

        yield fetch
    await runner.cleanup()


async def test_an_encrypted_server_is_preferred(fetch: Fetch) -> None:
    servers = [{"url": "http://a:1", "secure": False}, {"url": "https://b:2", "secure": True}]
    assert await fetch(web.json_response({"servers": servers})) == "https://b:2"


async def test_a_plain_server_will_do(fetch: Fetch) -> None:
    servers = [None, {"url": 5}, {"url": "ftp://x"}, {"url": "http://a:1", "secure": False}]
    assert await fetch(web.json_response({"servers": servers})) == "http://a:1"


@pytest.mark.parametrize(
    ("status", "body", "cause"),
    [
        (404, '{"error": "no"}', Cause.REFUSED),
        (503, "busy", Cause.UNREACHABLE),
        (200, "<html>", Cause.UNREACHABLE),
        (200, "{}", Cause.UNREACHABLE),
        (200, "[]", Cause.UNREACHABLE),
        (200, '{"servers": []}', Cause.UNREACHABLE),
        (200, '{"servers": {"url": "http://a"}}', Cause.UNREACHABLE),
        (200, "[" * 50_000, Cause.UNREACHABLE),
        (200, json.dumps({"servers": [{"url": "http://a"}], "more": "x" * LONGEST_ANSWER}), Cause.UNREACHABLE),
    ],
)
async def test_useless_answers_are_told_apart(fetch: Fetch, status: int, body: str, cause: Cause) -> None:
    with pytest.raises(Disconnected) as caught:
        await fetch(web.Response(status=status, text=body))
    assert caught.value.cause is cause


async def test_a_site_that_is_not_there() -> None:
    async with aiohttp.ClientSession() as http:
        with pytest.raises(Disconnected) as caught:
            await fetch_socket_url(http, "http://127.0.0.1:1", "lobby")
    assert caught.value.cause is Cause.UNREACHABLE
    assert str(caught.value) == "cannot reach http://127.0.0.1:1: Connection refused"
