"""Publishing to JetStream, pipelined: one subscription for all acknowledgements, one task for all messages.

What is guaranteed of the order: on one connection messages go in the order in which they were accepted. After a lost
connection, a refusal or a silence, everything unacknowledged goes again in that order before anything newer, with the
same ids. JetStream stores in the order of first successful arrival, so this order is that of the stream, unless
JetStream refuses a message while it takes one that was sent after it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from rosey_bot.publish.acknowledgement import Acknowledgement, decode
from rosey_bot.publish.limits import OutboxLimits
from rosey_bot.publish.statistics import OutboxStatistics
from rosey_bot.publish.window import IN_FLIGHT, Delivery, Window
from rosey_core.bus import Bus
from rosey_core.message_parser import Message
from rosey_core.shortcut import ShortcutClient

log = logging.getLogger(__name__)

GATHER: Final = 0.002
"""Seconds that a busy sender waits for company: wake-ups are what sending costs."""
BUSY_GAP: Final = 0.0003
BUSY_BURST: Final = 4
LARGEST_BURST: Final = 256
"""Messages after which the event loop gets its turn."""


class Sender:
    """Sends what is in ``window``, and settles what is acknowledged.

    Args:
        bus: the connection.
        window: what to send.
        limits: time-outs.
        statistics: what it counts in.
        clock: monotonic seconds.
        on_settled: called for each delivery that is acknowledged or given up.
        on_ack_latency: called for each with the seconds from acceptance to sending, and from there to acknowledgement.
    """

    def __init__(
        self,
        bus: Bus,
        window: Window,
        *,
        limits: OutboxLimits,
        statistics: OutboxStatistics,
        clock: Callable[[], float],
        on_settled: Callable[[Delivery], None],
        on_ack_latency: Callable[[float, float], None] | None = None,
    ) -> None:
        self._bus = bus
        self._window = window
        self._limits = limits
        self._statistics = statistics
        self._clock = clock
        self._on_settled = on_settled
        self._on_ack_latency = on_ack_latency
        self._client: Client | None = None
        self._subscription: Subscription | None = None
        self._inbox = ""
        self._is_ready = False
        self._stopped = False
        self._problem: str | None = None
        self._wait = limits.retry_wait[0]
        self._held: asyncio.TimerHandle | None = None
        self._awake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_ready(self) -> bool:
        """Whether there is a connection on which acknowledgements come."""
        return self._is_ready

    @property
    def problem(self) -> str | None:
        """Why messages are held back although there is a connection; ``None`` where they are not."""
        return self._problem

    def start(self) -> None:
        """Begin to send, now and at each connection to come."""
        self._task = asyncio.create_task(self._send_forever(), name="outbox-sender")
        self._bus.on_disconnected(self._disconnected)
        self._bus.on_connected(self._connected)

    async def stop(self) -> None:
        """Send no more, and hear no more acknowledgements."""
        self._stopped = True
        self._is_ready = False
        self._release()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._subscription is not None and self._bus.is_connected:
            try:
                await self._subscription.unsubscribe()
            except nats.errors.Error as error:
                log.debug("leaving the inbox: %s", error)

    def wake(self) -> None:
        """There may be something to send."""
        if not self._awake.is_set():
            self._awake.set()

    def check_time_out(self, now: float) -> None:
        """Send again what has waited too long for its acknowledgement."""
        oldest = self._window.oldest_in_flight
        if self._is_ready and oldest is not None and now - oldest.sent_at > self._limits.ack_timeout:
            self._hold_back(f"JetStream has not answered for {self._limits.ack_timeout:g} s")

    async def _connected(self, client: Client) -> None:
        if self._stopped or (self._is_ready and client is self._client):
            return
        if client is not self._client:
            inbox = client.new_inbox() + "."
            self._subscription = await client.subscribe(f"{inbox}*", cb=self._answered)
            if isinstance(client, ShortcutClient):
                client.divert(self._subscription, self._acknowledged)
            # What is written past nats-py's buffer must not overtake the subscription, which is still in it.
            while client.is_connected and client.pending_data_size:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            self._client, self._inbox = client, inbox
        self._window.rewind()
        self._release()
        self._wait = self._limits.retry_wait[0]
        self._is_ready = client.is_connected
        self.wake()

    def _disconnected(self) -> None:
        self._is_ready = False
        self._window.rewind()

    async def _send_forever(self) -> None:
        last = 0.0
        while True:
            await self._awake.wait()
            self._awake.clear()
            try:
                sent = await self._send_burst()
            except Exception as error:
                if not isinstance(error, (nats.errors.Error, OSError)):
                    log.exception("sending")
                self._hold_back(f"sending: {str(error) or type(error).__name__}")
                continue
            if not sent:
                continue
            now = self._clock()
            if sent >= BUSY_BURST or now - last < BUSY_GAP:
                await asyncio.sleep(GATHER)
            last = now

    async def _send_burst(self) -> int:
        client = self._client
        if client is None or not self._is_ready or self._held is not None or not client.is_connected:
            return 0
        commands: list[bytes] = []
        now = self._clock()
        while len(commands) < LARGEST_BURST and (delivery := self._window.next(now)) is not None:
            if delivery.message.size > client.max_payload:
                self._give_up(delivery, client.max_payload)
                continue
            if delivery.sendings == 1:
                self._statistics.published += 1
            else:
                self._statistics.retried += 1
            commands.append(self._command(delivery))
        if commands:
            await self._write(client, b"".join(commands))
        if len(commands) == LARGEST_BURST:
            self.wake()
        return len(commands)

    def _command(self, delivery: Delivery) -> bytes:
        return delivery.message.command(self._inbox + delivery.token)

    @staticmethod
    async def _write(client: Client, data: bytes) -> None:
        # Past Client.publish, for two reasons. It is half of all that an event costs (33 us with it, 18 without). And
        # what it still holds when a connection is lost it sends on the next one before anyone is told of that: ahead of
        # older messages that were written and are lost.
        transport = client._transport
        if transport is not None:
            transport.write(data)
            await transport.drain()  # type: ignore[no-untyped-call]

    def _give_up(self, delivery: Delivery, max_payload: int) -> None:
        message = delivery.message
        log.error(
            "event lost: %d bytes on %s are more than NATS takes (max_payload %d)",
            message.size,
            message.subject,
            max_payload,
        )
        self._statistics.dropped += 1
        self._window.settle(delivery)
        self._on_settled(delivery)

    async def _answered(self, answer: Msg) -> None:
        self._hear(answer.subject[len(self._inbox) :], decode(answer.data, answer.headers))

    async def _acknowledged(self, messages: list[Message]) -> None:
        for subject, _, payload, _ in messages:
            self._hear(subject[len(self._inbox) :].decode(), decode(payload, None))

    def _hear(self, token: str, acknowledgement: Acknowledgement) -> None:
        delivery = self._window.find(token)
        if delivery is None:
            return
        refusal = acknowledgement.refusal
        if refusal is not None:
            self._statistics.refused += 1
            if delivery.state == IN_FLIGHT:
                self._hold_back(f"{delivery.message.subject}: {refusal}")
            return
        self._statistics.acked += 1
        if acknowledgement.duplicate:
            self._statistics.duplicates += 1
        self._window.settle(delivery)
        self._window.open()
        self._on_settled(delivery)
        if delivery.on_acknowledged is not None:
            delivery.on_acknowledged()
        if self._on_ack_latency is not None:
            sent = delivery.sent_at
            self._on_ack_latency(sent - delivery.accepted_at, self._clock() - sent)
        if self._problem is not None:
            log.info("JetStream takes events again")
            self._problem = None
            self._wait = self._limits.retry_wait[0]
            self._release()
        if self._window.is_worth_sending:
            self.wake()

    def _hold_back(self, problem: str) -> None:
        self._window.rewind()
        if problem != self._problem:
            log.warning("events are held back: %s", problem)
        self._problem = problem
        if self._held is None:
            self._held = asyncio.get_running_loop().call_later(self._wait, self._let_go)
            self._wait = min(self._wait * 2, self._limits.retry_wait[1])

    def _let_go(self) -> None:
        self._held = None
        self.wake()

    def _release(self) -> None:
        if self._held is not None:
            self._held.cancel()
            self._held = None
