"""Each event is in the stream once and in order, whatever happens to the server; and were it not, this would notice."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nats
import pytest
from msgspec.structs import replace
from nats.aio.client import Client

from rosey_bot.publish.limits import OutboxLimits
from rosey_bot.publish.outbox import Outbox
from rosey_bot.publish.spool import SpoolError
from rosey_bot.publish.window import IN_FLIGHT, QUEUED, Delivery, Window
from rosey_core import streams, subjects
from rosey_core.bus import Bus
from rosey_core.events import ChatMessage, PlaylistChanged, PmCommand, UserJoined
from rosey_core.identity import uuid7
from tests.integration.outbox.conftest import MakeOutbox
from tests.support.nats_server import NatsServer
from tests.support.verdict import CLEAN, judge, stored_events
from tests.support.waiting import until

MakeEvents = Callable[..., list[ChatMessage]]


async def is_empty(outbox: Outbox, timeout: float = 20) -> None:
    await until(lambda: outbox.backlog == 0, timeout=timeout, what=f"backlog empty; problem: {outbox.problem}")


async def test_all_arrive_once_and_in_order(stream: Client, make_outbox: MakeOutbox, make_events: MakeEvents) -> None:
    outbox = await make_outbox()
    published = make_events(5000)
    for event in published:
        outbox.publish(event)
        if outbox.backlog % 500 == 0:
            await asyncio.sleep(0)
    await is_empty(outbox)
    assert judge(published, await stored_events(stream)) == CLEAN
    assert outbox.statistics.acked == outbox.statistics.queued == 5000
    assert outbox.statistics.retried == outbox.statistics.dropped == outbox.in_flight == 0
    assert outbox.oldest_age == 0
    assert outbox.problem is None


async def test_more_than_memory_takes_goes_through_the_spool_and_keeps_its_order(
    stream: Client, make_outbox: MakeOutbox, make_events: MakeEvents
) -> None:
    outbox = await make_outbox(window=100)
    published = make_events(5000)
    for event in published:
        outbox.publish(event)
    await is_empty(outbox)
    assert outbox.statistics.replayed > 1000
    assert judge(published, await stored_events(stream)) == CLEAN
    await until(lambda: outbox.spool_bytes == 0)


async def test_a_command_is_stored_attempted_and_done(stream: Client, make_outbox: MakeOutbox) -> None:
    outbox = await make_outbox()
    command = PmCommand(channel="room", id=uuid7(), username="anna", command="say", result="pending")
    outbox.publish(command)
    outbox.publish(replace(command, result="success"))
    outbox.publish(command)
    await is_empty(outbox)
    assert [event.result for event in await stored_events(stream) if isinstance(event, PmCommand)] == [
        "pending",
        "success",
    ]
    assert outbox.statistics.duplicates == 1


async def test_latency_is_told_for_each_event(
    nats_server: NatsServer, stream: Client, make_events: MakeEvents, tmp_path: Path
) -> None:
    latencies: list[tuple[float, float]] = []
    bus = Bus(nats_server.url, name="test")
    outbox = Outbox(bus, spool_directory=tmp_path / "spool", on_ack_latency=lambda *told: latencies.append(told))
    await bus.start()
    await outbox.start()
    for event in make_events(10):
        outbox.publish(event, traceparent="00-1-2-01")
    await is_empty(outbox)
    await outbox.close()
    await bus.close()
    assert len(latencies) == 10
    assert all(0 <= waited < 5 and 0 < until_told < 5 for waited, until_told in latencies)
    message = await stream.jetstream().get_last_msg(streams.EVENTS, subjects.for_channel(subjects.MESSAGE_LOG, "room0"))
    assert message.headers is not None
    assert message.headers["traceparent"] == "00-1-2-01"


async def test_a_server_killed_under_load_costs_nothing(
    nats_server: NatsServer, stream: Client, make_outbox: MakeOutbox, make_events: MakeEvents
) -> None:
    outbox = await make_outbox()
    published = make_events(6000)
    for index, event in enumerate(published):
        outbox.publish(event)
        if index % 20 == 0:
            await asyncio.sleep(0.001)
        if index == 3000:
            # Delivery goes on after the first restart; all of it may have been acknowledged by now.
            await until(lambda: outbox.statistics.acked > 2000)
            nats_server.pause()
        if index == 3200:
            await until(lambda: outbox.in_flight > 0)
        if index in (1500, 3200, 4500):
            nats_server.restart()
    await is_empty(outbox)
    assert judge(published, await stored_events(stream)) == CLEAN
    assert outbox.statistics.retried > 0


def with_new_ids(outbox: Outbox) -> None:
    """Broken: a repetition bears another id."""
    real = outbox._sender._command

    def command(delivery: Delivery) -> bytes:
        if delivery.sendings > 1:
            headers = f"NATS/1.0\r\nNats-Msg-Id: {uuid7()}\r\n\r\n".encode()
            delivery.message = replace(delivery.message, headers=headers)
        return real(delivery)

    outbox._sender._command = command  # type: ignore[method-assign]


@pytest.mark.parametrize("broken", [False, True])
async def test_silence_beyond_the_time_out_doubles_nothing(
    nats_server: NatsServer, stream: Client, make_outbox: MakeOutbox, make_events: MakeEvents, broken: bool
) -> None:
    outbox = await make_outbox(ack_timeout=0.1, configure=with_new_ids if broken else None)
    published = make_events(600)
    for event in published[:300]:
        outbox.publish(event)
    await is_empty(outbox)
    nats_server.pause()
    for event in published[300:]:
        outbox.publish(event)
    await until(lambda: outbox.statistics.retried >= 3)
    assert outbox.problem is not None
    assert "has not answered" in outbox.problem
    nats_server.resume()
    await is_empty(outbox)
    verdict = judge(published, await stored_events(stream))
    assert (verdict == CLEAN) is not broken
    assert bool(verdict.doubled) is broken
    assert outbox.problem is None


class UnorderedWindow(Window):
    """Broken: what is in doubt is sent again after what is new."""

    def rewind(self) -> None:
        while self._sent:
            delivery = self._sent.popleft()
            if delivery.state == IN_FLIGHT:
                delivery.state = QUEUED
                self._queue.append(delivery)
        self.in_flight = 0
        self._in_flight_bytes = 0
        self._allowed = 1


def with_unordered_window(outbox: Outbox) -> None:
    outbox._window.__class__ = UnorderedWindow


@pytest.mark.parametrize("broken", [False, True])
async def test_what_was_in_flight_when_the_server_died_stays_before_what_is_new(
    nats_server: NatsServer, stream: Client, make_outbox: MakeOutbox, make_events: MakeEvents, broken: bool
) -> None:
    outbox = await make_outbox(in_flight=99, ack_timeout=60.0, configure=with_unordered_window if broken else None)
    published = make_events(300)
    outbox.publish(published[0])
    await is_empty(outbox)
    nats_server.pause()
    for event in published[1:100]:
        outbox.publish(event)
    await until(lambda: outbox.in_flight == 99)
    nats_server.kill()
    for event in published[100:]:
        outbox.publish(event)
    await until(lambda: outbox.in_flight == 0)
    nats_server.start()
    await is_empty(outbox)
    verdict = judge(published, await stored_events(stream))
    assert (verdict == CLEAN) is not broken
    assert bool(verdict.reordered) is broken


def with_the_clients_buffer(outbox: Outbox) -> None:
    """Broken: messages go through nats-py's own buffer, as ``Client.publish`` does it."""

    async def write(client: Client, data: bytes) -> None:
        client._pending.append(data)
        client._pending_data_size += len(data)
        await client._flush_pending()

    outbox._sender._write = write  # type: ignore[method-assign, assignment]


@pytest.mark.parametrize("broken", [False, True])
async def test_a_server_that_dies_with_full_buffers_before_it_changes_no_order(
    nats_server: NatsServer, stream: Client, make_outbox: MakeOutbox, make_events: MakeEvents, broken: bool
) -> None:
    megabytes = 1 << 20
    outbox = await make_outbox(
        in_flight_bytes=32 * megabytes,
        window_bytes=32 * megabytes,
        memory_bytes=64 * megabytes,
        configure=with_the_clients_buffer if broken else None,
    )
    published = make_events(800, text="x" * 20_000)
    outbox.publish(published[0])
    await is_empty(outbox)
    nats_server.pause()
    for event in published[1:]:
        outbox.publish(event)
    transport = outbox._sender._bus.client._transport._io_writer.transport
    await until(transport.get_write_buffer_size)
    nats_server.restart()
    await is_empty(outbox)
    verdict = judge(published, await stored_events(stream))
    assert (verdict == CLEAN) is not broken
    assert bool(verdict.reordered) is broken


async def test_a_stream_that_comes_late_gets_everything_in_order(
    nats_client: Client, make_outbox: MakeOutbox, make_events: MakeEvents
) -> None:
    outbox = await make_outbox(retry_wait=(0.01, 0.05))
    published = make_events(500)
    for event in published:
        outbox.publish(event)
    await until(lambda: outbox.statistics.refused > 3)
    assert outbox.statistics.published == 1
    assert "no stream" in (outbox.problem or "")
    await streams.ensure(nats_client, streams.StreamLimits())
    await is_empty(outbox)
    assert judge(published, await stored_events(nats_client)) == CLEAN
    assert outbox.problem is None


async def test_jetstream_that_is_missing_is_waited_for(
    make_nats_server: Callable[..., NatsServer], make_outbox: MakeOutbox, make_events: MakeEvents
) -> None:
    server = make_nats_server(jetstream=False)
    outbox = await make_outbox(server=server, retry_wait=(0.01, 0.05))
    published = make_events(50)
    for event in published:
        outbox.publish(event)
    await until(lambda: outbox.statistics.refused > 1)
    server.jetstream = True
    server.restart()
    client = await nats.connect(server.url)
    await streams.ensure(client, streams.StreamLimits())
    await is_empty(outbox)
    assert judge(published, await stored_events(client)) == CLEAN
    await client.close()


async def test_a_refusal_is_tried_again_until_the_stream_has_room(
    stream: Client, make_outbox: MakeOutbox, make_events: MakeEvents
) -> None:
    js = stream.jetstream()
    config = (await js.stream_info(streams.EVENTS)).config
    await js.update_stream(config, max_msgs=10, discard="new")
    outbox = await make_outbox(retry_wait=(0.01, 0.05))
    published = make_events(40, channels=1)
    for event in published:
        outbox.publish(event)
    await until(lambda: outbox.statistics.refused > 3 and outbox.statistics.acked == 10)
    assert "maximum messages exceeded" in (outbox.problem or "")
    await js.update_stream(config, max_msgs=-1)
    await is_empty(outbox)
    verdict = judge(published, await stored_events(stream))
    # In what order is up to the server: room may come between one message that it refuses and the next.
    assert (verdict.lost, verdict.doubled) == (CLEAN.lost, CLEAN.doubled)


async def test_what_is_too_large_for_the_server_is_dropped_and_the_connection_stays(
    make_nats_server: Callable[..., NatsServer],
    make_outbox: MakeOutbox,
    make_events: MakeEvents,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = make_nats_server(config="max_payload: 4000")
    client = await nats.connect(server.url)
    await streams.ensure(client, streams.StreamLimits())
    outbox = await make_outbox(server=server)
    published = make_events(9)
    huge = make_events(1, text="x" * 5000)[0]
    barely = make_events(1, text="x" * 3870)[0]  # fits, but not with its headers
    assert 3950 < len(outbox_payload(barely)) <= 4000
    for event in [*published[:3], huge, *published[3:6], barely, *published[6:]]:
        outbox.publish(event)
    await is_empty(outbox)
    assert judge(published, await stored_events(client)) == CLEAN
    assert outbox.statistics.dropped == 2
    assert outbox.statistics.acked == outbox.statistics.published == 9
    assert caplog.text.count("event lost") == 2
    assert "maximum payload" not in server.log().lower()
    await client.close()


def outbox_payload(event: ChatMessage) -> bytes:
    from rosey_bot.publish.message import prepare

    return prepare(event).payload


async def test_a_bad_event_is_counted_and_logged_and_harms_no_other(
    stream: Client, make_outbox: MakeOutbox, make_events: MakeEvents, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = await make_outbox()
    published = make_events(2)
    outbox.publish(published[0])
    outbox.publish(PlaylistChanged(action="queued", item=object()))
    outbox.publish(UserJoined(channel="No Key", username="anna"))
    outbox.publish("not an event")  # type: ignore[arg-type]
    outbox.publish(published[1])
    await is_empty(outbox)
    assert outbox.statistics.invalid == 3
    assert caplog.text.count("cannot be published") == 3
    assert judge(published, await stored_events(stream)) == CLEAN


async def test_a_client_that_the_library_has_closed_is_replaced(
    stream: Client, make_outbox: MakeOutbox, make_events: MakeEvents
) -> None:
    outbox = await make_outbox(ack_timeout=0.5)
    published = make_events(200)
    for event in published[:100]:
        outbox.publish(event)
    await is_empty(outbox)
    await outbox._sender._bus.client.close()
    for event in published[100:]:
        outbox.publish(event)
    await is_empty(outbox)
    assert judge(published, await stored_events(stream)) == CLEAN


async def test_the_event_loop_is_not_held_up_by_a_slow_disk(
    nats_server: NatsServer, stream: Client, make_outbox: MakeOutbox, make_events: MakeEvents
) -> None:
    outbox = await make_outbox()
    append = outbox._store._spool.append
    begun, go_on = threading.Event(), threading.Event()
    went_on: list[bool] = []

    def slow(*arguments: Any, **options: Any) -> Any:
        begun.set()
        # Were it the event loop that waits here, nobody would be left to let it go on.
        went_on.append(go_on.wait(10))
        return append(*arguments, **options)

    outbox._store._spool.append = slow  # type: ignore[method-assign]
    nats_server.kill()
    for event in make_events(300):
        outbox.publish(event)
        await asyncio.sleep(0)
    await until(begun.is_set)
    go_on.set()
    await until(lambda: outbox.statistics.spooled == 300)
    assert all(went_on)


async def test_two_outboxes_cannot_share_a_directory(make_outbox: MakeOutbox, tmp_path: Path) -> None:
    first = await make_outbox()
    second = Outbox(first._sender._bus, spool_directory=tmp_path / "spool")
    with pytest.raises(SpoolError, match="in use by process"):
        await second.start()
    await second.close()


def test_limits_have_defaults_that_fit_each_other() -> None:
    limits = OutboxLimits()
    assert limits.in_flight_bytes < limits.window_bytes < limits.memory_bytes
