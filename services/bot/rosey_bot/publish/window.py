"""The order in which messages are sent, and what of them is unacknowledged: go-back-n, without any network.

What is in doubt is sent again before anything newer. JetStream stores in the order of first arrival and knows a
repetition by its id, so a channel's events stay in order however often the tail is repeated.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from rosey_bot.publish.message import OVERHEAD, Message

QUEUED: Final = 0
IN_FLIGHT: Final = 1
SETTLED: Final = 2


class Delivery(Struct, eq=False):
    """One message on its way.

    Attributes:
        message: what is sent.
        accepted_at: when it came, by the outbox's clock.
        token: names it in the subject that its acknowledgement comes on; the same for every sending.
        weight: its bytes, for bounds.
        state: queued, in flight, or settled: acknowledged or given up.
        sent_at: when it was last sent.
        sendings: how often it was sent.
        segment: the segment of the spool that holds it, if any does.
        on_acknowledged: called when it is acknowledged, unless it was read back from the spool.
    """

    message: Message
    accepted_at: float
    token: str = ""
    weight: int = 0
    state: int = QUEUED
    sent_at: float = 0.0
    sendings: int = 0
    segment: int | None = None
    on_acknowledged: Callable[[], None] | None = None


class Window:
    """Deliveries in the order in which they were accepted; some of the foremost are in flight.

    It begins narrow, with one delivery in flight, and opens at the first acknowledgement: while the stream is not
    there a single message knocks, and none overtakes another at the moment when it appears.

    Args:
        in_flight: deliveries that may be unacknowledged.
        in_flight_bytes: their bytes; a single larger message goes alone.
        capacity: deliveries that may be held.
        capacity_bytes: their bytes.
    """

    def __init__(self, *, in_flight: int, in_flight_bytes: int, capacity: int, capacity_bytes: int) -> None:
        self._limit = in_flight
        self._limit_bytes = in_flight_bytes
        self._capacity = capacity
        self._capacity_bytes = capacity_bytes
        self._queue: deque[Delivery] = deque()
        self._sent: deque[Delivery] = deque()
        self._unsettled: dict[str, Delivery] = {}
        self._next_token = 0
        self._allowed = 1
        self._in_flight_bytes = 0
        self.in_flight = 0
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._unsettled)

    @property
    def is_full(self) -> bool:
        """Whether there is no room for one more."""
        return len(self._unsettled) >= self._capacity or self.bytes >= self._capacity_bytes

    @property
    def is_worth_sending(self) -> bool:
        """Whether something waits, and so much has been acknowledged that going on is worth a wake-up."""
        return (
            bool(self._queue)
            and self.in_flight <= self._allowed // 2
            and self._in_flight_bytes <= self._limit_bytes // 2
        )

    @property
    def oldest_in_flight(self) -> Delivery | None:
        """The delivery that has waited longest for its acknowledgement."""
        return self._sent[0] if self._sent else None

    @property
    def oldest(self) -> Delivery | None:
        """The delivery that was accepted first."""
        if self._sent:
            return self._sent[0]
        self._skip_settled()
        return self._queue[0] if self._queue else None

    def add(self, delivery: Delivery) -> None:
        """Append a delivery."""
        self._next_token += 1
        delivery.token = str(self._next_token)
        delivery.weight = delivery.message.size + OVERHEAD
        self.bytes += delivery.weight
        self._unsettled[delivery.token] = delivery
        self._queue.append(delivery)

    def next(self, now: float) -> Delivery | None:
        """Take the next delivery to be sent; ``None`` where there is none or enough is in flight."""
        if self.in_flight >= self._allowed:
            return None
        self._skip_settled()
        if not self._queue:
            return None
        delivery = self._queue[0]
        if self.in_flight and self._in_flight_bytes + delivery.weight > self._limit_bytes:
            return None
        self._queue.popleft()
        delivery.state = IN_FLIGHT
        delivery.sent_at = now
        delivery.sendings += 1
        self.in_flight += 1
        self._in_flight_bytes += delivery.weight
        self._sent.append(delivery)
        return delivery

    def find(self, token: str) -> Delivery | None:
        """The unsettled delivery of this token."""
        return self._unsettled.get(token)

    def settle(self, delivery: Delivery) -> None:
        """Forget an unsettled delivery."""
        del self._unsettled[delivery.token]
        if delivery.state == IN_FLIGHT:
            self.in_flight -= 1
            self._in_flight_bytes -= delivery.weight
        delivery.state = SETTLED
        self.bytes -= delivery.weight
        sent = self._sent
        while sent and sent[0].state == SETTLED:
            sent.popleft()

    def open(self) -> None:
        """Let as many be in flight as may be: the stream takes them."""
        self._allowed = self._limit

    def rewind(self) -> None:
        """Queue again, in order and before everything else, what is in flight; narrow the window to one."""
        while self._sent:
            delivery = self._sent.pop()
            if delivery.state == IN_FLIGHT:
                delivery.state = QUEUED
                self._queue.appendleft(delivery)
        self.in_flight = 0
        self._in_flight_bytes = 0
        self._allowed = 1

    def _skip_settled(self) -> None:
        queue = self._queue
        while queue and queue[0].state == SETTLED:
            queue.popleft()
