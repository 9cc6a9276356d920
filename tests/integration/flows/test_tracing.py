"""Traces of a whole Rosey, read back from a receiver: from the frame to the row, and from a command to its answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from nats.aio.client import Client
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest

from benchmarks.otlp_receiver import OtlpReceiver, ReceivedSpan
from rosey_bot.publish.outbox import Outbox
from rosey_bot.telemetry import BotTelemetry
from rosey_bot.tracing import BotTracing, TracedRequester, TracedSink
from rosey_core import queries
from rosey_core.bus import Bus
from rosey_core.config import Telemetry
from rosey_core.telemetry.metrics_database import DatabaseMetrics
from rosey_core.telemetry.tracing import open_tracing
from rosey_core.telemetry.tracing_spans import Tracing
from rosey_database import BotDatabase, DatabaseService
from rosey_database.api.server import ApiServer
from rosey_database.observation import ApiObserver
from rosey_database.requests.handlers import HANDLERS
from rosey_database.tracing import DatabaseTracing
from rosey_simulator.server import SimulatorServer
from tests.integration.bot.harness import Person
from tests.integration.flows.conftest import FlowBot
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

CHAT = "rosey.db.message.log"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class TracedRosey:
    """A bot and a database service that trace to ``receiver``, each with an exporter of its own, as processes do."""

    def __init__(self, receiver: OtlpReceiver, ratio: float) -> None:
        settings = Telemetry(endpoint=receiver.url, sample_ratio=ratio)
        self.registries = {name: CollectorRegistry() for name in ("rosey-bot", "rosey-database")}
        self._tracings = {
            name: open_tracing(settings, registry, service=name, version="1")
            for name, registry in self.registries.items()
        }

    def tracing(self, service: str) -> Tracing:
        made = self._tracings[service]
        assert made is not None
        return made

    def value(self, service: str, name: str, **labels: str) -> float:
        return self.registries[service].get_sample_value(name, labels) or 0.0

    async def start(self, nats: NatsServer, cytube: SimulatorServer, spool: Path, database: BotDatabase) -> None:
        self._bus = Bus(nats.url, name="rosey-database")
        await self._bus.start()
        await self._bus.wait_connected()
        self.service = DatabaseService(
            self._bus,
            database,
            metrics=DatabaseMetrics(self.registries["rosey-database"]),
            tracing=DatabaseTracing(self.tracing("rosey-database")),
        )
        await self.service.start()
        tracing = self.tracing("rosey-bot")
        bus = Bus(nats.url, name="rosey-bot")
        outbox = Outbox(bus, spool_directory=spool)
        self.bot = FlowBot(
            nats.url,
            cytube.url,
            spool,
            bus=bus,
            outbox=outbox,
            sink=TracedSink(outbox, tracing),
            requester=TracedRequester(bus, tracing),
            observer=BotTelemetry(self.registries["rosey-bot"], BotTracing(tracing)),
        )
        await self.bot.start()
        await self.bot.in_the_room()

    async def stop(self) -> None:
        await self.bot.stop()
        await self.service.stop()
        await self._bus.close()
        for tracing in self._tracings.values():
            assert tracing is not None
            await asyncio.to_thread(tracing.close, 0.2)


@pytest.fixture
async def receiver() -> AsyncIterator[OtlpReceiver]:
    """A receiver of traces."""
    one = OtlpReceiver()
    await one.start()
    yield one
    await one.stop()


@pytest.fixture
async def trace(
    receiver: OtlpReceiver,
    nats_server: NatsServer,
    cytube: SimulatorServer,
    database_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Callable[[float], Awaitable[TracedRosey]]]:
    """Start a Rosey that traces this part of its events."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    # By the real time, which the simulator's frames have.
    database = BotDatabase(database_file)
    await database.connect()
    made: list[TracedRosey] = []

    async def start(ratio: float) -> TracedRosey:
        one = TracedRosey(receiver, ratio)
        made.append(one)
        await one.start(nats_server, cytube, tmp_path / "spool", database)
        return one

    yield start
    for one in made:
        await one.stop()
    await database.close()


def only(spans: list[ReceivedSpan], name: str) -> ReceivedSpan:
    (found,) = [span for span in spans if span.name == name]
    return found


async def test_the_trace_of_a_chat_line_leads_from_the_frame_to_the_row(
    trace: Any, receiver: OtlpReceiver, enter: Any
) -> None:
    rosey = await trace(1.0)
    alice: Person = await enter("Alice")
    await alice.send("chatMsg", {"msg": "hello", "meta": {}})
    await until(lambda: receiver.named(f"process {CHAT}") and receiver.named(f"publish {CHAT}"))
    await until(lambda: receiver.named("frame chatMsg"))

    frame = only(receiver.spans, "frame chatMsg")
    publish = only(receiver.children(frame), f"publish {CHAT}")
    receive = only(receiver.children(publish), f"receive {CHAT}")
    process = only(receiver.children(publish), f"process {CHAT}")
    (commit,) = [span for span in receiver.named("commit batch") if process.id in span.links]

    assert frame.parent == ""
    assert {span.service for span in (frame, publish)} == {"rosey-bot"}
    assert {span.service for span in (receive, process, commit)} == {"rosey-database"}
    assert (frame.kind, publish.kind, receive.kind, process.kind) == ("internal", "producer", "consumer", "consumer")
    assert process.links == (commit.id,)
    assert publish.attributes["messaging.destination.name"] == f"{CHAT}.lobby"
    assert publish.attributes["messaging.message.id"] == process.attributes["messaging.message.id"]
    assert not any(span.failed for span in receiver.spans)

    # From the frame on there is no time in which it is in no stage, and the end is the row's.
    assert frame.start <= publish.start <= frame.end
    assert publish.start <= receive.start <= publish.end
    assert receive.end == process.start == commit.start
    assert process.end == commit.end

    # What the histogram says is what the spans say, and it says which trace that is.
    seconds, label = exemplar(rosey, "rosey_database_frame_to_row_seconds", frame.trace)
    assert label == frame.trace
    assert seconds == pytest.approx(process.end - process.attributes["rosey.event.time"], abs=1e-5)
    arrived = frame.start - process.attributes["rosey.event.time"]
    # CyTube's times are whole milliseconds.
    assert -0.002 < arrived < 1.0
    stages = arrived + (publish.start - frame.start) + (receive.start - publish.start)
    stages += (receive.end - receive.start) + (process.end - process.start)
    assert stages == pytest.approx(seconds, abs=1e-5)


def exemplar(rosey: TracedRosey, name: str, trace_id: str) -> tuple[float, str]:
    """The exemplar of this trace in the histogram, as OpenMetrics shows it: its value and its label."""
    for line in generate_latest(rosey.registries["rosey-database"]).decode().splitlines():
        if line.startswith(f"{name}_bucket") and trace_id in line:
            label, value, _ = line.partition(" # ")[2].rsplit(" ", 2)
            return float(value), label.split('"')[1]
    raise AssertionError(f"no exemplar of {trace_id}")


async def test_a_command_is_traced_over_the_query_to_the_answer_whatever_the_ratio(
    trace: Any, receiver: OtlpReceiver, enter: Any
) -> None:
    rosey = await trace(0.0)
    mod: Person = await enter("Mod")
    await mod.send("chatMsg", {"msg": "not traced", "meta": {}})
    await mod.send("pm", {"to": "Rosey", "msg": "stats", "meta": {}})
    query = "rosey.db.query.channel_stats"
    action = "rosey.db.action.pm_command"
    await until(lambda: receiver.named("answer") and receiver.named(f"process {query}"))
    await until(lambda: len(receiver.named(f"process {action}")) == 2 and len(receiver.named(f"publish {action}")) == 2)

    frame = only(receiver.spans, "frame pm")
    command = only(receiver.children(frame), "command stats")
    request = only(receiver.children(command), f"request {query}")
    answered = only(receiver.children(request), f"process {query}")
    answer = only(receiver.children(command), "answer")
    assert {span.trace for span in receiver.spans if span.name != "commit batch"} == {frame.trace}
    assert (request.kind, answered.kind) == ("client", "server")
    assert (answered.service, answered.attributes["rosey.outcome"]) == ("rosey-database", "ok")
    assert command.start <= request.start <= answered.start <= answered.end <= request.end <= command.end
    assert command.end == answer.start <= answer.end
    assert command.attributes["rosey.outcome"] == "success"
    # The attempt belongs to the frame, its outcome to the command.
    assert [span.parent for span in sorted(receiver.named(f"publish {action}"), key=lambda span: span.start)] == [
        frame.id,
        command.id,
    ]
    text = generate_latest(rosey.registries["rosey-bot"]).decode()
    assert frame.trace in text.partition("rosey_bot_command_seconds")[2]


async def test_a_plain_client_of_nats_tells_of_traces_too(
    receiver: OtlpReceiver, nats_client: Client, database_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    registry = CollectorRegistry()
    tracing = open_tracing(Telemetry(endpoint=receiver.url), registry, service="rosey-database", version="1")
    assert tracing is not None
    database = BotDatabase(database_file)
    await database.connect()
    service = DatabaseService(
        nats_client, database, metrics=DatabaseMetrics(registry), tracing=DatabaseTracing(tracing)
    )
    await service.start()
    await nats_client.publish(
        f"{CHAT}.lobby", b'{"username": "A", "message": "hi"}', headers={"traceparent": f"00-{TRACE}-{SPAN}-01"}
    )
    await until(lambda: receiver.named(f"process {CHAT}"))
    assert (receiver.spans[0].trace, receiver.spans[0].parent) == (TRACE, SPAN)
    await service.stop()
    await database.close()
    await asyncio.to_thread(tracing.close)


async def test_a_command_that_fails_is_a_span_that_failed(trace: Any, receiver: OtlpReceiver, enter: Any) -> None:
    await trace(0.0)
    mod: Person = await enter("Mod")
    await mod.send("pm", {"to": "Rosey", "msg": "nonsense", "meta": {}})
    await until(lambda: receiver.named("command unknown") and receiver.named("frame pm"))
    assert receiver.named("command unknown")[0].failed


async def test_a_strangers_headers_are_followed_or_ignored_and_a_dead_letter_is_always_traced(
    trace: Any, receiver: OtlpReceiver, nats_client: Client
) -> None:
    rosey = await trace(0.0)

    def stored() -> float:
        return rosey.value("rosey-database", "rosey_database_events_stored_total", subject=CHAT)

    for header in ("malformed", f"00-{TRACE}-{SPAN}-00", f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01"):
        await nats_client.publish(
            f"{CHAT}.lobby", b'{"username": "Ann", "message": "hi"}', headers={"traceparent": header}
        )
    await nats_client.publish(f"{CHAT}.lobby", b"no event")
    await until(lambda: stored() == 4)
    await until(lambda: receiver.named(f"reject {CHAT}") and receiver.named(f"process {CHAT}"))
    (process,) = receiver.named(f"process {CHAT}")
    assert (process.trace, process.parent) == (TRACE, SPAN)
    (reject,) = receiver.named(f"reject {CHAT}")
    assert (reject.failed, reject.parent) == (True, "")


async def test_a_receiver_that_hangs_slows_nothing_and_what_is_lost_is_counted(
    trace: Any, receiver: OtlpReceiver, enter: Any
) -> None:
    receiver.hangs = True
    rosey = await trace(1.0)
    alice: Person = await enter("Alice")
    await until(lambda: receiver.asked)
    for number in range(5):
        await alice.send("chatMsg", {"msg": f"line {number}", "meta": {}})
    began = time.monotonic()
    await until(
        lambda: rosey.value("rosey-database", "rosey_database_events_stored_total", subject=CHAT) == 5, timeout=2
    )
    # The exporter waits for 5 s; the path is not to know of it.
    assert time.monotonic() - began < 2
    tracing = rosey.tracing("rosey-bot")
    for _ in range(3000):
        tracing.start("x").end()
    assert rosey.value("rosey-bot", "rosey_tracing_spans_lost_total", reason="queue_full") > 3000 - 2048 - 512
    assert receiver.spans == []


async def test_a_request_that_fails_is_always_traced_and_one_that_does_not_is_not(
    trace: Any, receiver: OtlpReceiver, nats_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await trace(0.0)
    await nats_client.request("rosey.db.query.user_stats", b'{"username": "Ann"}', timeout=2)

    async def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setitem(HANDLERS, queries.UserStats, broken)
    await nats_client.request("rosey.db.query.user_stats", b'{"username": "Ann"}', timeout=2)
    await until(lambda: receiver.spans)
    (span,) = receiver.spans
    assert (span.name, span.failed, span.parent) == ("process rosey.db.query.user_stats", True, "")


async def test_a_request_over_http_is_part_of_its_program_s_trace(
    receiver: OtlpReceiver, temp_database: BotDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    registry = CollectorRegistry()
    tracing = open_tracing(Telemetry(endpoint=receiver.url), registry, service="rosey-database", version="1")
    assert tracing is not None

    async def fail(*arguments: Any) -> Any:
        raise RuntimeError("a fault in the code")

    api = ApiServer(temp_database, fail, observer=ApiObserver(DatabaseMetrics(registry), DatabaseTracing(tracing)))
    await api.start()
    token = await temp_database.generate_api_token("a program")
    traced = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        await session.get(f"{api.url}/v1/openapi.json")
        await session.get(f"{api.url}/v1/{token}", headers=traced)
        await session.get(f"{api.url}/v1/status")
    spans = await until(lambda: receiver.spans if len(receiver.spans) >= 2 else None)
    assert {span.name for span in spans} == {"GET unknown", "GET /v1/status"}
    asked, failed = only(spans, "GET unknown"), only(spans, "GET /v1/status")
    assert (asked.kind, asked.trace, asked.parent) == ("server", TRACE, SPAN)
    assert asked.attributes["http.response.status_code"] == 404
    assert failed.attributes["http.route"] == "/v1/status"
    assert token not in str(spans)
    await api.stop()
    await asyncio.to_thread(tracing.close, 0.2)
