"""A NATS client with a shortcut for subscriptions that receive much.

nats-py makes of each message an object with its headers taken apart, puts it into a queue, and has a task of the
subscription call the callback: 9 of the 15 us that receiving costs. What is diverted here goes from the parser to its
taker at once. It rests on one private method, which ``Client`` and its parser have had for years; tests notice where
that changes, and without it everything goes the usual way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from nats.aio.subscription import Subscription

from rosey_core.client import MendedClient

Taker = Callable[[bytes, bytes, bytes, bytes], Awaitable[None]]
"""Called with subject, reply subject, payload and headers (as they came, empty for none) of a message; what it raises
ends the connection."""

_STATUS: Final = b"NATS/1.0 "


class ShortcutClient(MendedClient):
    """Use as nats-py's own; ``divert`` and ``restore`` are all that there is more."""

    def __init__(self) -> None:
        super().__init__()
        self._takers: dict[int, Taker] = {}

    def divert(self, subscription: Subscription, taker: Taker) -> None:
        """From now on hand this subscription's messages to ``taker``, in order and with their headers as they came.

        What carries a status (end of a pull request, nobody responds) still goes to the subscription's callback, and
        arrives there later than the messages before it.
        """
        self._takers[subscription._id] = taker

    def restore(self, subscription: Subscription) -> None:
        """End a diversion; nothing happens where there is none."""
        self._takers.pop(subscription._id, None)

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        taker = self._takers.get(sid)
        if taker is None or (headers and headers.startswith(_STATUS)):
            await super()._process_msg(sid, subject, reply, data, headers)
            return
        self.stats["in_msgs"] += 1
        self.stats["in_bytes"] += len(data)
        await taker(subject, reply, data, headers or b"")
