"""An ephemeral pull consumer that reads a stream from a given sequence on, in order and without acknowledgements.

It either delivers each message of the stream after the start, in order, or raises ``ConsumerLost``: then a new one is
made from the stored position. Pull requests die with the server, silently; heartbeats tell. nats-py's ``fetch`` makes
a task and a future for each message, which is why the requests are our own.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Final

import nats.errors
from msgspec import Struct
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from rosey_core.message_parser import Message
from rosey_core.shortcut import ShortcutClient
from rosey_core.telemetry.tracing import TRACEPARENT

log = logging.getLogger(__name__)

PULL_BATCH: Final = 500
PULLS_OUTSTANDING: Final = 2
PULL_EXPIRES_S: Final = 30.0
HEARTBEAT_S: Final = 1.0
HEARTBEATS_MISSED: Final = 3
WATCH_INTERVAL_S: Final = 0.1
BUFFER_LIMIT: Final = 2 * PULL_BATCH
"""Messages waiting here beyond which no more are asked for."""
PULL_BYTES: Final = 4 << 20
"""Bytes that a pull request may bring, and that may wait here while more is asked for: events have some hundred."""
TOO_MANY_BYTES: Final = "Message Size Exceeds MaxBytes"
"""How the server ends a pull request whose next message would be more than it may bring (NATS ADR-37)."""
COMPLETED: Final = "Batch Completed"
"""How it says that one with a limit of bytes has brought all its messages."""
INACTIVE_THRESHOLD_S: Final = 30.0


class ConsumerLost(Exception):
    """Messages may be missing from here on; ``reason`` is one of a few fixed words."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


def _trace_headers(message: Msg) -> bytes:
    traceparent = (message.headers or {}).get(TRACEPARENT)
    return b"" if traceparent is None else f"NATS/1.0\r\n{TRACEPARENT}: {traceparent}\r\n\r\n".encode()


class StreamMessage(Struct, frozen=True, gc=False):
    """A message of the stream.

    Attributes:
        sequence: in the stream.
        nanoseconds: the server's time of it, Unix time.
        missing: how many sequences before it are gone from the stream for good.
        headers: as they came over the wire, or what of them concerns traces; empty where there is nothing.
    """

    subject: str
    payload: bytes
    sequence: int
    nanoseconds: int
    missing: int
    headers: bytes = b""


class Consumer:
    """Reads a stream on from a sequence. Use ``start``, then ``take`` again and again, then ``stop``.

    Args:
        client: connected to NATS.
        stream: the stream's name.
        start: the first sequence wanted.
    """

    def __init__(self, client: Client, stream: str, *, start: int) -> None:
        self._client = client
        self._stream = stream
        self._next = start
        self._next_delivery = 1
        self._messages: list[Message] = []
        self._waiting_bytes = 0
        self._outstanding = 0
        self._arrived = asyncio.Event()
        self._lost: ConsumerLost | None = None
        self._name = ""
        self._subscription: Subscription | None = None
        self._watch: asyncio.Task[None] | None = None
        self._last_heard = 0.0
        self._reconnects = client.stats["reconnects"]
        self.pending = 0
        """How many messages the server still had after the last one taken, or when it was last asked."""

    async def start(self) -> None:
        """Make the consumer and ask for the first messages.

        Raises:
            nats.errors.Error: the server refuses or does not answer.
        """
        self._inbox = self._client.new_inbox()
        self._subscription = await self._client.subscribe(self._inbox, cb=self._on_message, pending_bytes_limit=0)
        if isinstance(self._client, ShortcutClient):
            self._client.divert(self._subscription, self._on_data)
        info = await self._client.jsm().add_consumer(
            self._stream,
            ConsumerConfig(
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=self._next,
                ack_policy=AckPolicy.NONE,
                mem_storage=True,
                num_replicas=1,
                inactive_threshold=INACTIVE_THRESHOLD_S,
            ),
        )
        self._name = info.name
        self.pending = info.num_pending or 0
        self._heard()
        for _ in range(PULLS_OUTSTANDING):
            await self._pull()
        self._watch = asyncio.create_task(self._watch_over(), name="consumer-watch")

    async def stop(self) -> None:
        """Give the consumer up; what was not taken is forgotten."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        if isinstance(self._client, ShortcutClient) and self._subscription is not None:
            self._client.restore(self._subscription)
        if self._client.is_closed:
            return
        try:
            if self._subscription is not None:
                # Without a connection too: nats-py would subscribe to it again on the next one.
                await self._subscription.unsubscribe()
            if self._name and self._client.is_connected:
                # The server forgets it by itself after a while: no need to wait for the answer.
                await self._client.publish(f"$JS.API.CONSUMER.DELETE.{self._stream}.{self._name}", b"")
        except nats.errors.Error as error:
            log.debug("giving up a consumer: %s", error)

    async def ask_pending(self) -> int:
        """Ask the server how many messages it still has for this consumer, with those that are on their way.

        Raises:
            nats.errors.Error: it does not answer.
        """
        info = await self._client.jsm().consumer_info(self._stream, self._name)
        if not self._messages:
            delivered = info.delivered.consumer_seq if info.delivered is not None else 0
            self.pending = (info.num_pending or 0) + delivered - (self._next_delivery - 1)
        return self.pending

    async def take(self, limit: int, timeout: float | None = None) -> list[StreamMessage]:
        """Wait for messages and return up to ``limit`` of them.

        Args:
            timeout: seconds after which none are returned; ``None`` to wait for ever.

        Raises:
            ConsumerLost: the rest must be read by a new consumer.
        """
        if not self._messages:
            if self._lost is not None:
                raise self._lost
            self._arrived.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self._arrived.wait()
            except TimeoutError:
                return []
        taken, self._messages = self._messages[:limit], self._messages[limit:]
        self._waiting_bytes -= sum(len(payload) for _, _, payload, _ in taken)
        messages = []
        for subject, reply, payload, headers in taken:
            read = self._read(subject, reply, payload, headers)
            if read is None:
                break
            messages.append(read)
        if not messages and self._lost is not None:
            raise self._lost
        if self._outstanding <= PULL_BATCH * (PULLS_OUTSTANDING - 1):
            await self._pull_where_room()
        return messages

    def _read(self, subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> StreamMessage | None:
        # $JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>; with a domain and an
        # account two tokens more in front and one behind (NATS ADR-15).
        tokens = reply.split(b".")
        place = tokens[5:9] if len(tokens) == 9 else tokens[7:11]
        sequence, delivery, nanoseconds = int(place[0]), int(place[1]), int(place[2])
        self.pending = int(place[3])
        if delivery != self._next_delivery or sequence < self._next:
            self._give_up("order", f"delivery {delivery} of sequence {sequence} where {self._next} was due")
            return None
        # Deliveries are without a hole: what is missing in between is gone from the stream itself.
        missing = sequence - self._next
        self._next = sequence + 1
        self._next_delivery += 1
        return StreamMessage(subject.decode(errors="replace"), payload, sequence, nanoseconds, missing, headers)

    async def _on_message(self, message: Msg) -> None:
        if message.reply:
            subject, reply = message.subject.encode(), message.reply.encode()
            await self._on_data([(subject, reply, message.data, _trace_headers(message))])
        else:
            await self._on_status(message)
            self._heard()

    async def _on_data(self, messages: list[Message]) -> None:
        self._messages += messages
        self._waiting_bytes += sum([len(payload) for _, _, payload, _ in messages])
        self._outstanding -= len(messages)
        if self._outstanding <= PULL_BATCH * (PULLS_OUTSTANDING - 1):
            await self._pull_where_room()
        self._arrived.set()
        self._heard()

    async def _on_status(self, message: Msg) -> None:
        headers = message.headers or {}
        status = headers.get("Status", "")
        if status == "100":
            return
        description = headers.get("Description")
        if status == "408" or description in (TOO_MANY_BYTES, COMPLETED):
            # The pull request has ended; what it had not delivered is asked for again.
            undelivered = int(headers.get("Nats-Pending-Messages", PULL_BATCH))
            self._outstanding -= undelivered
            if description == TOO_MANY_BYTES and undelivered == PULL_BATCH:
                # The first message alone was too large.
                await self._pull(one_of_any_size=True)
            await self._pull_where_room()
            return
        self._give_up("server", f"the server ended a pull request: {status} {description or ''}")

    async def _pull_where_room(self) -> None:
        while (
            self._outstanding <= PULL_BATCH * (PULLS_OUTSTANDING - 1)
            and len(self._messages) < BUFFER_LIMIT
            and self._waiting_bytes < PULL_BYTES
        ):
            await self._pull()

    async def _pull(self, *, one_of_any_size: bool = False) -> None:
        batch = 1 if one_of_any_size else PULL_BATCH
        request = {
            "batch": batch,
            "max_bytes": 0 if one_of_any_size else PULL_BYTES,
            "expires": int(PULL_EXPIRES_S * 1e9),
            "idle_heartbeat": int(HEARTBEAT_S * 1e9),
        }
        if not self._outstanding:
            # Without a pull request there was nothing to be heard.
            self._heard()
        self._outstanding += batch
        await self._client.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._name}", json.dumps(request).encode(), reply=self._inbox
        )

    async def _watch_over(self) -> None:
        while self._lost is None:
            await asyncio.sleep(WATCH_INTERVAL_S)
            if not self._client.is_connected or self._client.stats["reconnects"] != self._reconnects:
                self._give_up("connection", "the connection to NATS was lost")
            elif self._outstanding and self._now() - self._last_heard > HEARTBEAT_S * HEARTBEATS_MISSED:
                self._give_up("heartbeat", f"nothing heard for {HEARTBEAT_S * HEARTBEATS_MISSED:g} s")

    def _give_up(self, reason: str, text: str) -> None:
        if self._lost is None:
            self._lost = ConsumerLost(reason, text)
        self._arrived.set()

    def _heard(self) -> None:
        self._last_heard = self._now()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
