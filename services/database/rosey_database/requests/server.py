"""The server of requests: a NATS micro service, so that ``nats micro ls|stats`` show it and replicas share the load.

nats.micro serves one request at a time for each endpoint; here each is handed over to a task, and the tasks are
bounded: who asks more than can be answered waits in NATS's own buffer.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, Protocol, cast

import nats.errors
from nats import micro
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.micro.request import Request as Message
from nats.micro.service import EndpointStats, Service

from rosey_core import queries, subjects
from rosey_core.queries import Request
from rosey_database.database import BotDatabase
from rosey_database.requests import backlog
from rosey_database.requests.bad_requests import BadRequestLog
from rosey_database.requests.handlers import HANDLERS
from rosey_database.requests.notices import Notices

log = logging.getLogger(__name__)

NAME: Final = "rosey-database"
CONCURRENCY: Final = 64
REQUEST_BYTES: Final = 256 << 10
"""More than the longest message to be posted, with every character escaped: larger ones are not held at work."""
WAITING_BYTES: Final = 1 << 20
WAITING_REQUESTS: Final = 2
"""An endpoint's requests that wait for their turn have so many bytes, or so many of them the largest size, at most."""
STOP_TIMEOUT_S: Final = 2.0
BEHIND_WAIT_S: Final = 1.0
"""How long a claim waits for events to be read; less than bots wait for its answer."""

OK: Final = "ok"
FAILED: Final = "failed"
BAD: Final = "bad_request"


class Observer(Protocol):
    """Who wants to know of the requests; metrics, for one."""

    def asked(self, headers: Mapping[str, str]) -> None:
        """A request came that has headers; what follows is told in the same task."""

    def answered(self, template: str, outcome: str, seconds: float) -> None:
        """A request was answered: ``ok``, ``failed`` or ``bad_request``."""


class _Figures:
    """What nats.micro cannot count by itself, since its part ends when a request is handed over."""

    def __init__(self) -> None:
        self.errors = 0
        self.last_error = ""
        self.nanoseconds = 0


class RequestServer:
    """Answers every request of ``rosey_core.queries``, with and without a channel in the subject.

    Args:
        database: to answer from, connected.
        version: shown by ``nats micro ls``.
        is_behind: whether events wait that tell what became of messages; none is given away meanwhile.
        observer: is told of each request.
        clock: Unix seconds, for the record of bad requests.
    """

    def __init__(
        self,
        database: BotDatabase,
        *,
        version: str,
        is_behind: Callable[[], bool] = lambda: False,
        observer: Observer | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._version = version
        self._is_behind = is_behind
        self._observer = observer
        self._bad = BadRequestLog(clock)
        self._notices = Notices(database, is_behind)
        self._figures: dict[str, _Figures] = {}
        self._client: Client | None = None
        self._service: Service | None = None
        self._slots = asyncio.Semaphore(CONCURRENCY)
        self._tasks: set[asyncio.Task[None]] = set()
        self._starting = asyncio.Lock()

    async def start(self, client: Client) -> None:
        """Serve on this client; what was served on another one before has ended with it.

        When this returns, the NATS server knows that the subjects are served.

        Raises:
            nats.errors.Error: the connection is gone.
        """
        async with self._starting:
            if self._service is None or self._client is not client:
                await self._serve_on(client)

    async def _serve_on(self, client: Client) -> None:
        self._client = client
        self._figures = {}
        self._service = await micro.add_service(
            cast(Client, _BoundedClient(client)),
            name=NAME,
            version=self._version,
            description="Rosey's database: statistics, history, and messages to be posted",
            queue_group=NAME,
            stats_handler=self._complete_stats,
        )
        for kind in queries.TYPES:
            for subject in subjects.in_every_form(kind.SUBJECT):
                self._figures[subject] = figures = _Figures()
                await self._service.add_endpoint(
                    name=_endpoint_name(subject),
                    subject=subject,
                    handler=partial(self._accept, kind, figures),
                )
        await client.flush()
        self._notices.start(client)

    async def stop(self) -> None:
        """Stop serving; what is being answered is answered first, within bounds. Safe to call again."""
        await self._notices.stop()
        service, self._service = self._service, None
        client, self._client = self._client, None
        if service is not None and client is not None and not client.is_closed:
            try:
                # A server that has died would be waited for.
                await asyncio.wait_for(service.stop(), STOP_TIMEOUT_S)
            except (nats.errors.Error, TimeoutError, OSError) as error:
                log.info("stopping to serve requests: %s", error)
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=STOP_TIMEOUT_S)
            for task in late:
                task.cancel()

    async def _accept(self, kind: type[Request], figures: _Figures, message: Message) -> None:
        await self._slots.acquire()
        task = asyncio.create_task(self._serve(kind, figures, message))
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._slots.release()

    async def _serve(self, kind: type[Request], figures: _Figures, message: Message) -> None:
        began = time.perf_counter()
        if self._observer is not None and message.headers:
            self._observer.asked(message.headers)
        reply, outcome, error = await self._answer(kind, message)
        seconds = time.perf_counter() - began
        figures.nanoseconds += int(seconds * 1e9)
        if error:
            figures.errors += 1
            figures.last_error = error
        try:
            await message.respond(reply)
        except ValueError:
            log.debug("a request on %s without a place for the answer", kind.SUBJECT)
        except (nats.errors.Error, OSError) as problem:
            log.info("an answer on %s could not be sent: %s", kind.SUBJECT, problem)
        if self._observer is not None:
            self._observer.answered(kind.SUBJECT, outcome, seconds)

    async def answer(self, request: Request, channel: str | None) -> Any:
        """What a request is answered with, whichever way it came: an instance of its ``REPLY``.

        Raises:
            sqlite3.Error: the database cannot answer now.
        """
        if isinstance(request, queries.BadRequests):
            return self._bad.newest(request.limit)
        if isinstance(request, queries.ClaimMessages) and not await backlog.wait_read(self._is_behind, BEHIND_WAIT_S):
            # In a database that was restored, what was posted since is still to be posted.
            return []
        reply = await HANDLERS[type(request)](self._database, request, channel)
        if isinstance(request, queries.EnqueueMessage):
            await self._notices.queued(channel)
        return reply

    async def _answer(self, kind: type[Request], message: Message) -> tuple[bytes, str, str]:
        try:
            if len(message.data) > REQUEST_BYTES:
                raise queries.InvalidRequest(f"{len(message.data)} bytes: no request has more than {REQUEST_BYTES}")
            request, channel = queries.decode(kind.SUBJECT, message.subject, message.data)
        except queries.InvalidRequest as problem:
            error = str(problem)
            self._bad.add(kind.SUBJECT, message.subject, message.data, error)
            return _failure(error), BAD, error
        try:
            payload = queries.encode(await self.answer(request, channel))
        except sqlite3.Error as problem:
            error = f"database: {problem}"
            log.warning("%s: %s", kind.SUBJECT, error, extra={"channel": channel})
            return _failure(error), FAILED, error
        except Exception as problem:
            error = f"unexpected: {type(problem).__name__}: {problem}"
            log.exception("%s failed", kind.SUBJECT, extra={"channel": channel})
            return _failure(error), FAILED, error
        # Over max_payload the server would cut the connection.
        if self._client is not None and len(payload) > self._client.max_payload:
            error = f"the answer has {len(payload)} bytes, more than NATS carries: ask for less at once"
            return _failure(error), FAILED, error
        return payload, OK, ""

    def _complete_stats(self, stats: EndpointStats) -> None:
        figures = self._figures.get(stats.subject)
        if figures is None or not stats.num_requests:
            return
        stats.num_errors = figures.errors
        stats.last_error = figures.last_error
        stats.processing_time = figures.nanoseconds
        stats.average_processing_time = figures.nanoseconds // stats.num_requests


class _BoundedClient:
    """A client of which each subscription holds few bytes back; nats.micro leaves it at nats-py's 128 MiB for each.

    What comes beyond them is dropped, and who asked gets no answer.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def subscribe(
        self, subject: str, queue: str = "", cb: Callable[[Msg], Awaitable[None]] | None = None
    ) -> Subscription:
        limit = max(WAITING_BYTES, WAITING_REQUESTS * self._client.max_payload)
        return await self._client.subscribe(subject, queue, cb, pending_bytes_limit=limit)


def _endpoint_name(subject: str) -> str:
    return subject.replace(".*", "-channel").replace(".", "-")


def _failure(error: str) -> bytes:
    return queries.encode(queries.Failure(error=error))
