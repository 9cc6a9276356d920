"""The server of the API, in the service's process and loop: everything that a stranger can make long is bounded.

It stores nothing by itself and asks nothing but what ``answer`` answers; so it cannot differ from NATS, and its
questions go by the readers that leave ingest alone. TLS is the business of a proxy before it.
"""

from __future__ import annotations

import asyncio
import logging
import math
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, Protocol

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader

from rosey_core import queries
from rosey_core.http_listener import HttpListener
from rosey_core.queries import Request
from rosey_database.api import openapi
from rosey_database.api.authorization import Authorization, insufficient
from rosey_database.api.posting_rate import PostingRate
from rosey_database.api.problems import Problem
from rosey_database.api.reading import BODY_BYTES, JSON, read
from rosey_database.api.routes import OPENAPI, ROUTES, Route
from rosey_database.database import BotDatabase

log = logging.getLogger(__name__)

CONCURRENCY: Final = 16
"""Requests at once; the readers, who answer NATS, too, have four threads."""
CONNECTIONS: Final = 64
"""Each may hold an answer of a megabyte that its client does not read."""
IDLE_SECONDS: Final = 10.0
"""A connection has so long to send the headers of its first request, and of each next one."""
LINGERING_SECONDS: Final = 1.0
STOP_SECONDS: Final = 2.0
RETRY_SECONDS: Final = 2
"""When to come again where the database could not answer."""

SERVER: Final = "rosey"
"""In place of the versions of libraries."""
UNKNOWN: Final = "unknown"
"""In place of a route that there is not."""

Answer = Callable[[Request, str | None], Awaitable[Any]]


class Observer(Protocol):
    """Who wants to know of the requests; metrics, for one."""

    def asked(self, headers: Mapping[str, str]) -> None:
        """A request came; what follows is told in the same task."""

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered, or refused; the route is that of a path that there is, or ``unknown``."""


class ApiServer:
    """Serves the API.

    Args:
        database: connected; it has the tokens.
        answer: what a request for a channel is answered with; raises ``sqlite3.Error`` where that cannot be now.
        host: the address to listen on.
        port: the port; 0 for any that is free, then see :attr:`url`.
        observer: is told of each request.
        rate: how fast a token may post.
    """

    def __init__(
        self,
        database: BotDatabase,
        answer: Answer,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        observer: Observer | None = None,
        rate: PostingRate | None = None,
    ) -> None:
        self._database = database
        self._answer = answer
        self._listener = HttpListener(host, port)
        self._observer = observer
        self._rate = rate or PostingRate()
        self._authorization = Authorization(database)
        self._at_work = 0

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the address cannot be had.
        """
        runner = web.ServerRunner(_Server(self._handle), handle_signals=False, shutdown_timeout=STOP_SECONDS)
        await self._listener.start(runner)

    async def stop(self) -> None:
        """Finish what is at hand, within bounds, and listen no more; safe to call at any time."""
        await self._listener.stop()
        await self._authorization.close()

    @property
    def url(self) -> str:
        """Where it is, without a path.

        Raises:
            RuntimeError: it does not listen.
        """
        return self._listener.url

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        began = time.perf_counter()
        if self._observer is not None:
            self._observer.asked(request.headers)
        path = request.path if request.path in ROUTES or request.path == OPENAPI else UNKNOWN
        try:
            response = await self._within_bounds(request)
        except Problem as problem:
            response = problem.response()
        except sqlite3.Error as error:
            log.warning("%s: database: %s", path, error)
            response = _busy("the database cannot answer now; nothing was stored", RETRY_SECONDS).response()
        except Exception:
            log.exception("%s failed", path)
            response = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "this is Rosey's fault; its log says more").response()
        # What was answered to one token is for no other.
        response.headers["Cache-Control"] = "no-store"
        response.headers["Server"] = SERVER
        if self._observer is not None:
            self._observer.answered(request.method, path, response.status, time.perf_counter() - began)
        return response

    async def _within_bounds(self, request: web.BaseRequest) -> web.Response:
        if self._at_work >= CONCURRENCY:
            raise _busy(f"{CONCURRENCY} requests are being answered, and no more at once", 1)
        self._at_work += 1
        try:
            return await self._serve(request)
        finally:
            self._at_work -= 1

    async def _serve(self, request: web.BaseRequest) -> web.Response:
        token = await self._authorization.check(request.headers.getall("Authorization", []))
        if request.path == OPENAPI:
            _check_method(request, "GET")
            return web.Response(body=openapi.document(), content_type=JSON)
        route = ROUTES.get(request.path)
        if route is None:
            raise Problem(HTTPStatus.NOT_FOUND, f"there is no such route; {OPENAPI} tells of all")
        _check_method(request, route.method)
        if route.method == "POST" and token.read_only:
            raise insufficient()
        asked, channel = await read(route, request)
        if route.method == "POST":
            self._allow(token.hash)
        return await self._reply(route, asked, channel)

    def _allow(self, token: str) -> None:
        wait = self._rate.take(token)
        if wait:
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                "this token posts faster than the bot may; nothing was stored",
                {"Retry-After": str(math.ceil(wait))},
            )

    async def _reply(self, route: Route, asked: Request, channel: str | None) -> web.Response:
        reply = await self._answer(asked, channel)
        return web.Response(status=route.status, body=queries.encode(reply), content_type=JSON)


def _check_method(request: web.BaseRequest, method: str) -> None:
    allowed = ("GET", "HEAD") if method == "GET" else (method,)
    if request.method not in allowed:
        allow = ", ".join(allowed)
        raise Problem(HTTPStatus.METHOD_NOT_ALLOWED, f"{request.path} takes {allow}", {"Allow": allow})


def _busy(detail: str, seconds: int) -> Problem:
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": str(seconds)})


class _Server(web.Server):
    """Makes connections that are bounded in number, in size and in time."""

    def __init__(self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        super().__init__(handler, request_factory=_bounded_request)

    def __call__(self) -> web.RequestHandler:
        return _Connection(
            self,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]
            keepalive_timeout=IDLE_SECONDS,
            lingering_time=LINGERING_SECONDS,
        )

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        if len(self.connections) > CONNECTIONS:
            transport.abort()


class _Connection(web.RequestHandler):
    """One connection. aiohttp would log what cannot be read, with the headers in which a token may stand."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        log.debug("a request that could not be read: %s", type(exc).__name__)
        response = Problem(HTTPStatus(status), "this is no request of HTTP/1.1 that can be read").response()
        response.headers["Server"] = SERVER
        response.force_close()
        return response


def _bounded_request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: web.RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=BODY_BYTES)
