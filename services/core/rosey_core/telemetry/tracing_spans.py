"""Spans, over OpenTelemetry's SDK: the one module that makes them.

What is sampled is decided before a span is made: an event that is not costs one comparison. So the SDK records all
that it gets.
"""

from __future__ import annotations

import logging
import os
import random
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal
from urllib.parse import unquote

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from prometheus_client import CollectorRegistry

from rosey_core.config.models import Telemetry
from rosey_core.telemetry import logs, tracing_names
from rosey_core.telemetry.metrics_tracing import TracingMetrics
from rosey_core.telemetry.tracing import TraceContext
from rosey_core.telemetry.tracing_queue import INTERVAL_S, SpanQueue

EXPORT_TIMEOUT_S: Final = 5.0
TRACES_PATH: Final = "/v1/traces"
_HEADERS: Final = ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS")
_DELAY: Final = "OTEL_BSP_SCHEDULE_DELAY"
"""OpenTelemetry's own variable for the milliseconds between two exports."""

Kind = Literal["internal", "producer", "consumer", "client", "server"]
Attributes = Mapping[str, str | int | float]

_KINDS: Final[Mapping[Kind, SpanKind]] = {
    "internal": SpanKind.INTERNAL,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
    "client": SpanKind.CLIENT,
    "server": SpanKind.SERVER,
}


class Span:
    """A span that has begun; one that is never ended is never exported.

    Attributes:
        context: to be the parent of others.
    """

    __slots__ = ("_clock", "_span", "context")

    def __init__(self, span: trace.Span, clock: Callable[[], float]) -> None:
        self._span = span
        self._clock = clock
        made = span.get_span_context()
        self.context = TraceContext(made.trace_id, made.span_id)

    def set(self, attributes: Attributes) -> None:
        """Add attributes."""
        self._span.set_attributes(dict(attributes))

    def link(self, context: TraceContext) -> None:
        """Say that another span has to do with it."""
        self._span.add_link(_remote(context))

    def fail(self, kind: str, text: str = "") -> None:
        """It failed: a word for the kind of failure, and a sentence."""
        self._span.set_attribute(tracing_names.ERROR_TYPE, kind)
        self._span.set_status(Status(StatusCode.ERROR, logs.redacted(text or kind)))

    def end(self, at: float | None = None) -> None:
        """It is over, now or at this time (Unix seconds)."""
        self._span.end(_nanoseconds(self._clock() if at is None else at))


class Tracing:
    """Makes spans and has them exported.

    Args:
        provider: OpenTelemetry's.
        queue: where finished spans go, to be closed in the end.
        ratio: the part of events that are traced, 0 to 1.
        clock: Unix seconds.
        chance: returns numbers from 0 to below 1.
    """

    def __init__(
        self,
        provider: TracerProvider,
        queue: SpanQueue,
        *,
        ratio: float,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._tracer: Final = provider.get_tracer("rosey")
        self._queue: Final = queue
        self._chance: Final = chance
        self._clock: Final = clock
        self.ratio: Final = ratio

    def is_sampled(self) -> bool:
        """Whether to trace this event, if nobody else has decided."""
        return self._chance() < self.ratio

    def start(
        self,
        name: str,
        kind: Kind = "internal",
        *,
        parent: TraceContext | None = None,
        attributes: Attributes | None = None,
        links: Iterable[TraceContext] = (),
        at: float | None = None,
    ) -> Span:
        """Begin a span, now or at this time (Unix seconds); one without parent begins a trace."""
        above = trace.INVALID_SPAN_CONTEXT if parent is None else _remote(parent)
        span = self._tracer.start_span(
            name,
            trace.set_span_in_context(NonRecordingSpan(above)),
            _KINDS[kind],
            dict(attributes or {}),
            [Link(_remote(context)) for context in links],
            _nanoseconds(self._clock() if at is None else at),
        )
        return Span(span, self._clock)

    def close(self, timeout: float = 1.0) -> None:
        """Export what waits, for so many seconds at most."""
        self._queue.close(timeout)


def new_tracing(
    exporter: SpanExporter,
    metrics: TracingMetrics,
    *,
    service: str,
    version: str,
    ratio: float,
    interval: float = INTERVAL_S,
) -> Tracing:
    """Trace into this exporter, which gets what there is after so many seconds."""
    queue = SpanQueue(exporter, metrics, interval=interval)
    resource = Resource.create(
        {
            "service.name": service,
            "service.namespace": "rosey",
            "service.version": version,
            "service.instance.id": str(uuid.uuid4()),
        }
    )
    provider = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False)
    provider.add_span_processor(queue)
    return Tracing(provider, queue, ratio=ratio)


def open_tracing(settings: Telemetry, registry: CollectorRegistry, *, service: str, version: str) -> Tracing:
    """Trace to the endpoint of the settings, or the one that OpenTelemetry's environment variables name."""
    for name in _HEADERS:
        logs.hide(_secrets_in(os.environ.get(name, "")))
    # It logs each failure; the queue says once that there are any.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    endpoint = None if settings.endpoint is None else f"{settings.endpoint.rstrip('/')}{TRACES_PATH}"
    exporter = OTLPSpanExporter(endpoint, timeout=EXPORT_TIMEOUT_S)
    return new_tracing(
        exporter,
        TracingMetrics(registry),
        service=service,
        version=version,
        ratio=settings.sample_ratio,
        interval=_interval(os.environ.get(_DELAY, "")),
    )


def _secrets_in(headers: str) -> set[str]:
    """What is secret of ``name=value,name=value``: each value, and without its scheme (``Bearer ...``)."""
    values = {unquote(pair.partition("=")[2].strip()) for pair in headers.split(",")}
    return values | {value.rpartition(" ")[2] for value in values}


def _interval(milliseconds: str) -> float:
    return int(milliseconds) / 1000 if milliseconds.isascii() and milliseconds.isdecimal() else INTERVAL_S


def _remote(context: TraceContext) -> SpanContext:
    return SpanContext(context.trace_id, context.span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)
