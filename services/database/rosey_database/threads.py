"""Threads that work for an event loop: a function goes in, its result comes back.

As ``run_in_executor`` does it, but with one future for a call in the place of two with a lock and a condition each.
That is nothing where calls follow each other; where they come one by one, each into a thread that slept and on caches
that are cold, it costs more than the transaction of an event.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")

_Call = tuple[asyncio.Future[Any] | None, asyncio.AbstractEventLoop | None, Callable[..., Any], tuple[object, ...]]


class Threads:
    """So many threads, which take calls in the order in which they were made.

    Args:
        count: how many.
        name: what theirs begin with.
    """

    def __init__(self, count: int, *, name: str) -> None:
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        # Not to be waited for at the process's end where nobody has closed them.
        self._threads = [Thread(target=self._work, name=f"{name}_{number}", daemon=True) for number in range(count)]
        for thread in self._threads:
            thread.start()

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """Call ``function`` in a thread and return what it returns; it is not called where nobody waits any more."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._calls.put((future, loop, function, arguments))
        return await future

    def call(self, function: Callable[[], T]) -> T:
        """The same for another thread, which waits."""
        result: Future[T] = Future()

        def work() -> None:
            try:
                result.set_result(function())
            except BaseException as error:
                result.set_exception(error)

        self._calls.put((None, None, work, ()))
        return result.result()

    def close(self) -> None:
        """Do what was asked for until now, and end."""
        for _ in self._threads:
            self._calls.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            _serve(*call)
            # A thread that sleeps holds nothing of what it has done.
            del call


def _serve(
    future: asyncio.Future[Any] | None,
    loop: asyncio.AbstractEventLoop | None,
    function: Callable[..., Any],
    arguments: tuple[object, ...],
) -> None:
    if future is None or loop is None:
        function(*arguments)
        return
    if future.cancelled():
        return
    result, error = None, None
    try:
        result = function(*arguments)
    except BaseException as raised:
        error = raised
    try:
        loop.call_soon_threadsafe(_settle, future, result, error)
    except RuntimeError:
        # The loop is closed: nobody waits.
        pass
    finally:
        # Its traceback holds this frame.
        del error


def _settle(future: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
