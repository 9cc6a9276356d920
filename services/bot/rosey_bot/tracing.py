"""The bot's part of a trace: from a CyTube frame to the stream's acknowledgement, and from a command to its answer.

What is open is in a context variable, which tasks inherit: so whoever publishes or asks need not know of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from rosey_bot.cytube import frames
from rosey_core import subjects
from rosey_core.bus import BusError
from rosey_core.events import Event
from rosey_core.telemetry import tracing_names as names
from rosey_core.telemetry.tracing import CURRENT, TRACEPARENT, Scope, current

if TYPE_CHECKING:
    from rosey_core.telemetry.tracing_spans import Span, Tracing

_REQUESTS: Final = frozenset(subjects.REQUESTS)


class Publisher(Protocol):
    """What of an outbox is needed here."""

    def publish(
        self, event: Event, *, traceparent: str | None = None, on_acknowledged: Callable[[], None] | None = None
    ) -> None:
        """Take an event for delivery."""


class Requester(Protocol):
    """What of a bus is needed here."""

    async def request(
        self, subject: str, payload: bytes, timeout: float, headers: dict[str, str] | None = None
    ) -> bytes:
        """Ask and return the answer."""


class _Command(Scope):
    """A command that is being carried out."""

    __slots__ = ("ready", "span")

    def __init__(self, span: Span) -> None:
        super().__init__(span.context)
        self.span = span
        self.ready = 0.0


class BotTracing:
    """Traces what one bot does.

    Args:
        tracing: makes the spans.
        clock: Unix seconds.
    """

    def __init__(self, tracing: Tracing, *, clock: Callable[[], float] = time.time) -> None:
        self._tracing: Final = tracing
        self._clock: Final = clock

    def frame(self, channel: str, name: str) -> Callable[[], None] | None:
        """A frame came: begin its trace, if it is to have one; returns what ends it.

        Each private message has one, since it may be a command; what comes of nothing is not exported.
        """
        if name != frames.PM.name and not self._tracing.is_sampled():
            return None
        # A stranger to this server may have made the name up.
        label = name if name in frames.NAMES else "other"
        span = self._tracing.start(names.span("frame", label), attributes={names.CHANNEL: channel, names.FRAME: label})
        scope = Scope(span.context)
        token = CURRENT.set(scope)

        def done() -> None:
            CURRENT.reset(token)
            scope.is_open = False
            if scope.is_used:
                span.end()

        return done

    def command_begins(self, name: str) -> None:
        """A command is about to be carried out in this task."""
        # The task inherits what was open when its frame came, and closed since.
        above = CURRENT.get()
        span = self._tracing.start(
            names.span("command", name),
            parent=None if above is None else above.context,
            attributes={names.COMMAND: name},
        )
        CURRENT.set(_Command(span))

    def command(self, outcome: str) -> None:
        """Its answer is ready."""
        scope = current()
        if isinstance(scope, _Command):
            scope.span.set({names.OUTCOME: outcome})
            if outcome == "error":
                scope.span.fail("command")
            scope.ready = self._clock()
            scope.span.end(scope.ready)

    def answered(self) -> None:
        """Its answer is with CyTube."""
        scope = current()
        if isinstance(scope, _Command):
            self._tracing.start(names.ANSWER, parent=scope.context, at=scope.ready).end()
            scope.is_open = False


class TracedSink:
    """An ``EventSink`` that makes a span of each event's way to the stream, where a trace is open.

    Args:
        publisher: takes the events.
        tracing: makes the spans.
    """

    def __init__(self, publisher: Publisher, tracing: Tracing) -> None:
        self._publisher: Final = publisher
        self._tracing: Final = tracing

    def publish(self, event: Event) -> None:
        """Take an event for delivery."""
        scope = current()
        if scope is None:
            self._publisher.publish(event)
            return
        scope.is_used = True
        subject = subjects.for_channel(event.SUBJECT, event.channel)
        attributes = names.messaging(names.PUBLISH, event.SUBJECT, subject)
        if event.channel is not None:
            attributes[names.CHANNEL] = event.channel
        if event.event_id is not None:
            attributes[names.MESSAGE_ID] = event.event_id
        span = self._tracing.start(
            names.span(names.PUBLISH, event.SUBJECT), "producer", parent=scope.context, attributes=attributes
        )
        self._publisher.publish(event, traceparent=span.context.traceparent, on_acknowledged=span.end)


class TracedRequester:
    """Asks over a bus, and tells whom it asks which trace that belongs to, where one is open.

    Args:
        bus: carries the requests.
        tracing: makes the spans.
    """

    def __init__(self, bus: Requester, tracing: Tracing) -> None:
        self._bus: Final = bus
        self._tracing: Final = tracing

    async def request(self, subject: str, payload: bytes, timeout: float) -> bytes:
        """Ask and return the answer; raises what the bus raises."""
        scope = current()
        if scope is None:
            return await self._bus.request(subject, payload, timeout)
        scope.is_used = True
        template = subject if subject in _REQUESTS else subject.rpartition(".")[0]
        span = self._tracing.start(
            names.span(names.REQUEST, template),
            "client",
            parent=scope.context,
            attributes=names.messaging(names.REQUEST, template, subject),
        )
        try:
            return await self._bus.request(subject, payload, timeout, {TRACEPARENT: span.context.traceparent})
        except BusError as error:
            span.fail(type(error).__name__)
            raise
        finally:
            span.end()
