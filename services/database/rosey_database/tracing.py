"""The database service's part of a trace: from the stream to the committed row, and from a request to its answer.

All spans are made afterwards, when their times are known: the path itself does nothing for them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from rosey_core import subjects
from rosey_core.telemetry import tracing_names as names
from rosey_core.telemetry.tracing import CURRENT, TRACEPARENT, Scope, TraceContext, parse, parse_headers
from rosey_database.ingest.batch import Item, Poison
from rosey_database.ingest.ingest import Stored
from rosey_database.requests import server

if TYPE_CHECKING:
    from rosey_core.telemetry.tracing_spans import Tracing


_METHODS: Final = frozenset({"GET", "HEAD", "POST"})


class DatabaseTracing:
    """Traces what one database service does.

    Args:
        tracing: makes the spans.
        clock: Unix seconds.
    """

    def __init__(self, tracing: Tracing, *, clock: Callable[[], float] = time.time) -> None:
        self._tracing: Final = tracing
        self._clock: Final = clock

    def stored(self, stored: Stored) -> list[tuple[Item, TraceContext]]:
        """A batch was committed; returns those of its events that are traced."""
        traced = _traced(stored.items)
        if not traced:
            return traced
        begun = stored.committed - stored.commit_seconds
        commit = self._tracing.start(
            names.span(names.COMMIT, "batch"),
            attributes={
                names.BATCH_SIZE: len(stored.items),
                names.DUPLICATES: stored.duplicates,
                names.SEQUENCE: stored.position.sequence,
            },
            at=begun,
        )
        for item, sender in traced:
            commit.link(self._process(item, sender, begun, stored.committed, commit.context))
        commit.end(stored.committed)
        return traced

    def rejected(self, poison: Poison) -> None:
        """A message went to the dead letters; a failure is traced whether its sender traces or not."""
        message = poison.message
        now = self._clock()
        template = _template(message.subject)
        span = self._tracing.start(
            names.span(names.REJECT, template),
            "client",
            parent=parse_headers(message.headers),
            attributes={**names.messaging(names.REJECT, template, message.subject), names.SEQUENCE: message.sequence},
            at=min(message.nanoseconds / 1e9, now),
        )
        span.fail("rejected", poison.reason[:500])
        span.end(now)

    def asked(self, headers: Mapping[str, str]) -> None:
        """A request came; what its headers tell holds for this task."""
        context = parse(headers.get(TRACEPARENT, ""))
        if context is not None:
            CURRENT.set(Scope(context))

    def answered(self, template: str, outcome: str, seconds: float) -> TraceContext | None:
        """The request was answered; returns its trace, where it has one."""
        return self._replied(
            names.span(names.PROCESS, template),
            {**names.messaging(names.PROCESS, template, template), names.OUTCOME: outcome},
            seconds,
            failure=None if outcome == server.OK else outcome,
            is_own_fault=outcome == server.FAILED,
        )

    def served(self, method: str, route: str, status: int, seconds: float) -> TraceContext | None:
        """A request over HTTP was answered; returns its trace, where it has one."""
        is_known, failed = method in _METHODS, status >= HTTPStatus.INTERNAL_SERVER_ERROR
        return self._replied(
            names.span(method if is_known else names.HTTP, route),
            {
                names.HTTP_METHOD: method if is_known else names.HTTP_OTHER_METHOD,
                names.HTTP_ROUTE: route,
                names.HTTP_STATUS: status,
            },
            seconds,
            failure=str(status) if failed else None,
            is_own_fault=failed,
        )

    def _replied(
        self, name: str, attributes: Mapping[str, Any], seconds: float, *, failure: str | None, is_own_fault: bool
    ) -> TraceContext | None:
        """A request was answered; what is this service's fault is traced whether who asked traces or not."""
        scope = CURRENT.get()
        if scope is None and not is_own_fault:
            return None
        now = self._clock()
        parent = None if scope is None else scope.context
        span = self._tracing.start(name, "server", parent=parent, attributes=attributes, at=now - seconds)
        if failure is not None:
            span.fail(failure)
        span.end(now)
        return span.context

    def _process(
        self, item: Item, sender: TraceContext, begun: float, committed: float, commit: TraceContext
    ) -> TraceContext:
        """From the stream to the row: the wait for its batch, and the batch's transaction."""
        message, received = item.message, item.received
        template = received.event.SUBJECT
        attributes: dict[str, str | int | float] = {names.SEQUENCE: message.sequence, names.EVENT_TIME: received.time}
        if received.channel is not None:
            attributes[names.CHANNEL] = received.channel
        if received.event.event_id is not None:
            attributes[names.MESSAGE_ID] = received.event.event_id
        arrived = min(received.stored, begun)
        receive = self._tracing.start(
            names.span(names.RECEIVE, template),
            "consumer",
            parent=sender,
            attributes={**names.messaging(names.RECEIVE, template, message.subject), **attributes},
            at=arrived,
        )
        receive.end(begun)
        process = self._tracing.start(
            names.span(names.PROCESS, template),
            "consumer",
            parent=sender,
            attributes={**names.messaging(names.PROCESS, template, message.subject), **attributes},
            links=[commit],
            at=begun,
        )
        process.end(committed)
        return process.context


def _traced(items: Iterable[Item]) -> list[tuple[Item, TraceContext]]:
    found = []
    for item in items:
        headers = item.message.headers
        # One comparison for an event that nobody traces.
        if b"\r\ntraceparent:" in headers:
            context = parse_headers(headers)
            if context is not None:
                found.append((item, context))
    return found


def _template(subject: str) -> str:
    try:
        return subjects.parse_event(subject)[0]
    except ValueError:
        return "unknown"
