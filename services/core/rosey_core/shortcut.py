"""nats-py's client with a shortcut for subscriptions that receive much, which loses no cancellation and never gives up.

nats-py makes of each message an object with its headers taken apart, puts it into a queue, and has a task of the
subscription call the callback: 9 of the 15 us that receiving costs. What is diverted here goes from the parser to its
taker at once. It rests on one private method, which ``Client`` and its parser have had for years, and the reconnection
on another; tests notice where that changes, and without them everything goes the usual way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

Taker = Callable[[bytes, bytes, bytes, bytes], Awaitable[None]]
"""Called with subject, reply subject, payload and headers (as they came, empty for none) of a message; what it raises
ends the connection."""

_STATUS: Final = b"NATS/1.0 "


class ShortcutClient(Client):
    """Use as nats-py's own; ``divert`` and ``restore`` are all that there is more."""

    def __init__(self) -> None:
        super().__init__()
        self._takers: dict[int, Taker] = {}

    async def request(self, *arguments: Any, **options: Any) -> Msg:
        """As nats-py's own; a cancellation that comes with the answer is not lost."""
        with _cancellations_kept():
            return await super().request(*arguments, **options)

    async def flush(self, *arguments: Any, **options: Any) -> None:
        """As nats-py's own; a cancellation that comes with the answer is not lost."""
        with _cancellations_kept():
            await super().flush(*arguments, **options)

    def divert(self, subscription: Subscription, taker: Taker) -> None:
        """From now on hand this subscription's messages to ``taker``, in order and with their headers as they came.

        What carries a status (end of a pull request, nobody responds) still goes to the subscription's callback, and
        arrives there later than the messages before it.
        """
        self._takers[subscription._id] = taker

    def restore(self, subscription: Subscription) -> None:
        """End a diversion; nothing happens where there is none."""
        self._takers.pop(subscription._id, None)

    async def _attempt_reconnect(self) -> None:
        while True:
            try:
                await super()._attempt_reconnect()
                return
            except Exception as error:
                # Nobody would try again. A connection that is reset between the server's greeting and the answer is a
                # RuntimeError of uvloop's, and a credentials file that is none makes the library raise anything.
                self._status = Client.RECONNECTING
                await self._error_cb(nats.errors.Error(f"no connection could be made ({type(error).__name__})"))
                await asyncio.sleep(self.options["reconnect_time_wait"])

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        taker = self._takers.get(sid)
        if taker is None or (headers and headers.startswith(_STATUS)):
            await super()._process_msg(sid, subject, reply, data, headers)
            return
        self.stats["in_msgs"] += 1
        self.stats["in_bytes"] += len(data)
        await taker(subject, reply, data, headers or b"")


@contextmanager
def _cancellations_kept() -> Iterator[None]:
    # Before Python 3.12 wait_for, by which nats-py waits, swallows a cancellation that comes together with the answer,
    # also with the one that nobody serves the subject: what was to end would go on for ever.
    task = asyncio.current_task()
    before = 0 if task is None else task.cancelling()
    try:
        yield
    finally:
        if task is not None and task.cancelling() > before:
            raise asyncio.CancelledError
