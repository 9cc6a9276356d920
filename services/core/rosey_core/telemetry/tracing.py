"""Traces: which trace this work belongs to, and how it is told over NATS (W3C Trace Context, ``traceparent``).

OpenTelemetry is not imported here. It is where traces are exported, and that is where an endpoint is configured; it
takes 13 MB and a quarter of a second.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from rosey_core.config.models import Telemetry
    from rosey_core.telemetry.tracing_spans import Tracing

TRACEPARENT: Final = "traceparent"
"""The header that carries the context; lower case, as W3C has it."""
EXEMPLAR: Final = "trace_id"
"""The label by which Grafana finds a value's trace."""

_CONTEXT: Final = re.compile(r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[ -~]*)?")
_FIELD: Final = re.compile(rb"\r\ntraceparent: ?([ -~]{55,512})\r\n")
_FIELD_NAME: Final = b"\r\ntraceparent:"
_SAMPLED: Final = 1
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


class TraceContext(NamedTuple):
    """A span of a trace that is exported."""

    trace_id: int
    span_id: int

    @property
    def trace(self) -> str:
        """The trace's id as people and other programs spell it: 32 hexadecimal digits."""
        return f"{self.trace_id:032x}"

    @property
    def traceparent(self) -> str:
        """The header's value."""
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-01"


class Scope:
    """The work that goes on in a trace.

    Attributes:
        context: whose children what happens here is.
        is_open: whether anything may still begin in it; a task that was made in it may live longer.
        is_used: whether anything has begun in it.
    """

    __slots__ = ("context", "is_open", "is_used")

    def __init__(self, context: TraceContext) -> None:
        self.context = context
        self.is_open = True
        self.is_used = False


CURRENT: Final[ContextVar[Scope | None]] = ContextVar("rosey_trace", default=None)
"""The trace that the present work belongs to, where it belongs to one."""


def current() -> Scope | None:
    """The trace that is open here."""
    scope = CURRENT.get()
    return scope if scope is not None and scope.is_open else None


def exemplar() -> dict[str, str] | None:
    """What names the trace that is open here beside a measured value; ``None`` where none is."""
    scope = current()
    return None if scope is None else {EXEMPLAR: scope.context.trace}


def parse(traceparent: str) -> TraceContext | None:
    """The context that a header tells; ``None`` where it is malformed, and where the trace is not sampled."""
    match = _CONTEXT.fullmatch(traceparent)
    if match is None:
        return None
    version, trace, span, flags, more = match.groups()
    if (version == "00" and more) or not int(flags, 16) & _SAMPLED:
        return None
    context = TraceContext(int(trace, 16), int(span, 16))
    return context if context.trace_id and context.span_id else None


def parse_headers(headers: bytes) -> TraceContext | None:
    """The context in a message's headers as they come over the wire (NATS ADR-4); ``None`` as of ``parse``."""
    if _FIELD_NAME not in headers:
        return None
    match = _FIELD.search(headers)
    return None if match is None else parse(match[1].decode("ascii"))


def open_tracing(
    settings: Telemetry,
    registry: CollectorRegistry,
    *,
    service: str,
    version: str,
    environ: Mapping[str, str] = os.environ,
) -> Tracing | None:
    """Begin to export traces; ``None`` where no endpoint is configured, and OpenTelemetry is not imported.

    Args:
        settings: where to, and how many.
        registry: for the metrics.
        service: the process's name.
        version: its version.
        environ: names the endpoint by OpenTelemetry's own variables, where ``settings`` names none.
    """
    is_configured = settings.endpoint is not None or any(environ.get(name) for name in _ENDPOINTS)
    if not is_configured or environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    from rosey_core.telemetry import tracing_spans

    return tracing_spans.open_tracing(settings, registry, service=service, version=version)
