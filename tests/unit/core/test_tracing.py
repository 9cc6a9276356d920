"""Traces: what a header tells, what is sampled, and what becomes of spans that nobody takes."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from rosey_core.config import Telemetry
from rosey_core.telemetry import tracing, tracing_spans
from rosey_core.telemetry.metrics_tracing import TracingMetrics
from rosey_core.telemetry.tracing import TraceContext
from rosey_core.telemetry.tracing_spans import Tracing
from tests.support.waiting import until

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"
CONTEXT = TraceContext(int(TRACE, 16), int(SPAN, 16))


class Hanging(SpanExporter):
    """Takes spans when it is let go, and not before."""

    def __init__(self) -> None:
        self.let_go = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.let_go.wait(10)
        return SpanExportResult.SUCCESS


class Broken(SpanExporter):
    """Takes nothing, until it is mended."""

    is_mended = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self.is_mended:
            return SpanExportResult.SUCCESS
        raise OSError("no route")


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def trace_into(registry: CollectorRegistry) -> Iterator[Callable[..., Tracing]]:
    """Make tracings that end with the test."""
    made: list[Tracing] = []

    def make(exporter: SpanExporter, ratio: float = 1.0) -> Tracing:
        one = tracing_spans.new_tracing(exporter, TracingMetrics(registry), service="test", version="1", ratio=ratio)
        made.append(one)
        return one

    yield make
    for one in made:
        one.close(0.0)


def lost(registry: CollectorRegistry, reason: str) -> float:
    return registry.get_sample_value("rosey_tracing_spans_lost_total", {"reason": reason}) or 0.0


def test_a_header_is_read_as_it_was_written() -> None:
    assert tracing.parse(GOOD) == CONTEXT
    assert CONTEXT.traceparent == GOOD
    assert tracing.parse_headers(f"NATS/1.0\r\nNats-Msg-Id: x\r\ntraceparent: {GOOD}\r\n\r\n".encode()) == CONTEXT


def test_a_later_version_of_the_header_is_read_as_far_as_it_is_known() -> None:
    assert tracing.parse(f"01-{TRACE}-{SPAN}-03-more") == CONTEXT


@pytest.mark.parametrize(
    "malformed",
    [
        "",
        "01",
        f"00-{TRACE}-{SPAN}-00",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}",
        "٠٠" + GOOD[2:],
        GOOD * 20,
    ],
)
def test_a_header_that_is_malformed_or_not_sampled_is_none(malformed: str) -> None:
    assert tracing.parse(malformed) is None
    assert tracing.parse_headers(f"NATS/1.0\r\ntraceparent: {malformed}\r\n\r\n".encode()) is None


def test_bytes_that_are_no_header_are_none() -> None:
    assert tracing.parse_headers(b"") is None
    assert tracing.parse_headers(b"NATS/1.0\r\ntraceparent: \xff\xfe\r\n\r\n") is None
    assert tracing.parse_headers(f"NATS/1.0\r\nother: traceparent: {GOOD}\r\n\r\n".encode()) is None


@pytest.mark.parametrize(("ratio", "sampled"), [(0.0, False), (1.0, True)])
def test_the_ratio_decides_what_is_sampled(trace_into: Callable[..., Tracing], ratio: float, sampled: bool) -> None:
    traced = trace_into(InMemorySpanExporter(), ratio)
    assert {traced.is_sampled() for _ in range(100)} == {sampled}


def test_spans_are_exported_with_their_times_parents_and_links(
    trace_into: Callable[..., Tracing], registry: CollectorRegistry
) -> None:
    exporter = InMemorySpanExporter()
    traced = trace_into(exporter)
    span = traced.start("child", "consumer", parent=CONTEXT, attributes={"n": 1}, links=[CONTEXT], at=100.5)
    span.fail("broken", "it broke")
    span.end(101.0)
    traced.start("never ended")
    traced.close()
    (found,) = exporter.get_finished_spans()
    assert (found.name, found.kind.name, found.start_time, found.end_time) == (
        "child",
        "CONSUMER",
        100500000000,
        101000000000,
    )
    assert found.parent is not None
    assert (found.context.trace_id, found.parent.span_id) == CONTEXT
    assert [link.context.span_id for link in found.links] == [CONTEXT.span_id]
    assert found.status.description == "it broke"
    assert found.resource.attributes["service.name"] == "test"
    assert registry.get_sample_value("rosey_tracing_spans_exported_total") == 1


def test_an_exporter_that_hangs_holds_nobody_up_and_what_is_lost_is_counted(
    trace_into: Callable[..., Tracing], registry: CollectorRegistry
) -> None:
    exporter = Hanging()
    traced = trace_into(exporter)
    before = threading.active_count()
    for _ in range(3000):
        traced.start("x").end()
    assert threading.active_count() == before
    # 2048 may wait, and one batch of 512 may be with the exporter.
    assert 3000 - 2048 - 512 <= lost(registry, "queue_full") <= 3000 - 2048
    exporter.let_go.set()


async def test_an_exporter_that_fails_loses_spans_that_are_counted_and_is_used_again(
    registry: CollectorRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = Broken()
    traced = tracing_spans.new_tracing(
        exporter, TracingMetrics(registry), service="test", version="1", ratio=1.0, interval=0.01
    )
    caplog.set_level("INFO")
    for _ in range(3):
        traced.start("x").end()
    await until(lambda: lost(registry, "export_failed") == 3)
    exporter.is_mended = True
    traced.start("x").end()
    await until(lambda: registry.get_sample_value("rosey_tracing_spans_exported_total") == 1)
    traced.close()
    assert caplog.text.count("takes no spans") == 1
    assert caplog.text.count("takes spans again") == 1


def test_without_an_endpoint_nothing_is_opened(registry: CollectorRegistry) -> None:
    def opened(settings: Telemetry, **environ: str) -> Tracing | None:
        return tracing.open_tracing(settings, registry, service="test", version="1", environ=environ)

    assert opened(Telemetry()) is None
    assert opened(Telemetry(endpoint="http://127.0.0.1:1"), OTEL_SDK_DISABLED="true") is None
    one = opened(Telemetry(), OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1")
    assert one is not None
    one.close()


def test_without_an_endpoint_opentelemetry_is_not_imported() -> None:
    code = (
        "import sys, rosey_bot.service, rosey_database.service\n"
        "sys.exit(any(name.partition('.')[0] in ('opentelemetry', 'requests') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


@pytest.mark.parametrize("endpoint", ["collector:4318", "ftp://x", "http://", "http://u:pw@host:4318"])
def test_an_endpoint_that_is_no_address_is_refused(endpoint: str) -> None:
    with pytest.raises(ValueError, match="endpoint") as refused:
        Telemetry(endpoint=endpoint)
    assert "u:pw" not in str(refused.value)
