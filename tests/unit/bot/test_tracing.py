"""What the bot traces, and what of it belongs together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from rosey_bot.tracing import BotTracing, TracedRequester, TracedSink
from rosey_core.bus import NoResponders
from rosey_core.events import Event, UserLeft
from rosey_core.telemetry.metrics_tracing import TracingMetrics
from rosey_core.telemetry.tracing_spans import Tracing, new_tracing

LEFT = UserLeft(username="Ann", channel="lobby")


class Publisher:
    """An outbox that acknowledges at once."""

    def __init__(self) -> None:
        self.traceparents: list[str | None] = []

    def publish(
        self, event: Event, *, traceparent: str | None = None, on_acknowledged: Callable[[], None] | None = None
    ) -> None:
        self.traceparents.append(traceparent)
        if on_acknowledged is not None:
            on_acknowledged()


class Nobody:
    """A bus on which nobody answers."""

    def __init__(self) -> None:
        self.headers: list[dict[str, str] | None] = []

    async def request(
        self, subject: str, payload: bytes, timeout: float, headers: dict[str, str] | None = None
    ) -> bytes:
        self.headers.append(headers)
        raise NoResponders("nobody")


class Traced:
    """A bot's tracing that keeps its spans."""

    def __init__(self, ratio: float) -> None:
        self._exporter = InMemorySpanExporter()
        metrics = TracingMetrics(CollectorRegistry())
        self.tracing: Tracing = new_tracing(self._exporter, metrics, service="bot", version="1", ratio=ratio)
        self.bot = BotTracing(self.tracing)
        self.publisher = Publisher()
        self.sink = TracedSink(self.publisher, self.tracing)

    def spans(self) -> dict[str, ReadableSpan]:
        self.tracing.close()
        return {span.name: span for span in self._exporter.get_finished_spans()}


@pytest.fixture
def make() -> Iterator[Callable[[float], Traced]]:
    made: list[Traced] = []

    def one(ratio: float) -> Traced:
        made.append(Traced(ratio))
        return made[-1]

    yield one
    for traced in made:
        traced.tracing.close()


def test_a_frame_that_is_not_sampled_makes_no_span_and_no_header(make: Callable[[float], Traced]) -> None:
    traced = make(0.0)
    assert traced.bot.frame("lobby", "userLeave") is None
    traced.sink.publish(LEFT)
    assert traced.publisher.traceparents == [None]
    assert traced.spans() == {}


def test_a_frame_of_which_nothing_comes_is_not_exported(make: Callable[[float], Traced]) -> None:
    traced = make(1.0)
    done = traced.bot.frame("lobby", "mediaUpdate")
    assert done is not None
    done()
    assert traced.spans() == {}


def test_a_name_that_the_server_made_up_is_no_name_of_a_span(make: Callable[[float], Traced]) -> None:
    traced = make(1.0)
    done = traced.bot.frame("lobby", "made up")
    assert done is not None
    traced.sink.publish(LEFT)
    done()
    assert "frame other" in traced.spans()


async def test_a_task_that_outlives_its_frame_is_not_of_its_trace(make: Callable[[float], Traced]) -> None:
    traced = make(1.0)
    is_over = asyncio.Event()

    async def later() -> None:
        await is_over.wait()
        traced.sink.publish(LEFT)

    done = traced.bot.frame("lobby", "userLeave")
    assert done is not None
    task = asyncio.create_task(later())
    traced.sink.publish(LEFT)
    done()
    is_over.set()
    await task
    traced.sink.publish(LEFT)
    assert [traceparent is None for traceparent in traced.publisher.traceparents] == [False, True, True]


async def test_a_command_in_chat_is_traced_where_its_frame_is_not(make: Callable[[float], Traced]) -> None:
    traced = make(0.0)
    bus = Nobody()
    requester = TracedRequester(bus, traced.tracing)

    async def command() -> None:
        traced.bot.command_begins("stats")
        with pytest.raises(NoResponders):
            await requester.request("rosey.db.query.channel_stats.lobby", b"", 1)
        traced.bot.command("error")
        traced.bot.answered()

    assert traced.bot.frame("lobby", "chatMsg") is None
    await asyncio.create_task(command())
    with pytest.raises(NoResponders):
        await requester.request("rosey.db.query.channel_stats", b"", 1)
    spans = traced.spans()
    command_span, request = spans["command stats"], spans["request rosey.db.query.channel_stats"]
    assert command_span.parent is None
    assert request.parent is not None
    assert request.parent.span_id == command_span.context.span_id
    assert not command_span.status.is_ok
    assert (request.attributes or {})["error.type"] == "NoResponders"
    first, second = bus.headers
    assert first is not None
    assert f"{request.context.span_id:016x}" in first["traceparent"]
    assert second is None


async def test_an_answer_without_a_command_is_nothing(make: Callable[[float], Traced]) -> None:
    traced = make(1.0)
    traced.bot.command("success")
    traced.bot.answered()
    assert traced.spans() == {}
