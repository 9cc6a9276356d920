"""Threads that work for an event loop."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Iterator

import pytest

from rosey_database.threads import Threads


@pytest.fixture
def threads() -> Iterator[Threads]:
    """One thread."""
    made = Threads(1, name="test")
    yield made
    made.close()


class Thing:
    """Something that can be forgotten."""


async def test_a_result_comes_back_and_what_was_raised_is_raised(threads: Threads) -> None:
    def divide(one: int, other: int) -> float:
        return one / other

    assert await threads.run(divide, 6, 3) == 2
    with pytest.raises(ZeroDivisionError):
        await threads.run(divide, 1, 0)
    assert await threads.run(threading.current_thread) is not threading.current_thread()


async def test_calls_are_made_in_their_order(threads: Threads) -> None:
    order: list[int] = []
    await asyncio.gather(*(threads.run(order.append, number) for number in range(50)))
    assert order == list(range(50))


async def test_what_nobody_waits_for_any_more_is_not_called_unless_it_has_begun(threads: Threads) -> None:
    go, begun, called = threading.Event(), threading.Event(), []

    def first() -> None:
        begun.set()
        go.wait(5)
        called.append("first")

    tasks = [asyncio.create_task(threads.run(first)), asyncio.create_task(threads.run(called.append, "second"))]
    assert await asyncio.to_thread(begun.wait, 5)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    go.set()
    await threads.run(called.append, "third")
    assert called == ["first", "third"]


async def test_several_threads_work_at_once() -> None:
    threads = Threads(2, name="test")
    both = threading.Barrier(2, timeout=5)
    await asyncio.gather(threads.run(both.wait), threads.run(both.wait))
    threads.close()


async def test_another_thread_waits_for_its_result(threads: Threads) -> None:
    def fail() -> None:
        raise LookupError

    assert await asyncio.to_thread(threads.call, lambda: 7) == 7
    with pytest.raises(LookupError):
        await asyncio.to_thread(threads.call, fail)


async def test_what_was_asked_for_is_done_before_it_ends(threads: Threads) -> None:
    called: list[int] = []
    calls = [asyncio.ensure_future(threads.run(called.append, number)) for number in range(3)]
    await asyncio.sleep(0)
    await asyncio.to_thread(threads.close)
    await asyncio.gather(*calls)
    assert called == [0, 1, 2]


async def test_a_thread_that_sleeps_holds_nothing_of_what_it_has_done(threads: Threads) -> None:
    thing = Thing()
    gone = weakref.ref(thing)
    await threads.run(id, thing)
    del thing
    await threads.run(gc.collect)
    assert gone() is None


def test_a_loop_that_is_closed_meanwhile_ends_no_thread(threads: Threads) -> None:
    go = threading.Event()

    async def leave() -> None:
        call = asyncio.ensure_future(threads.run(go.wait, 5))
        await asyncio.sleep(0)
        # As a process does that does not wait for it.
        call.cancel()

    asyncio.run(leave())
    go.set()
    assert threads.call(lambda: 7) == 7
