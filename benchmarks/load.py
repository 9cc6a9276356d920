"""Open-loop load: what is due is done, on time or late, and lateness counts.

A closed loop asks less of a system that is slow, and so hides how slow it is (coordinated omission). Here each act has
a moment at which it is due, fixed before the run; latency is counted from that moment by whoever observes the end.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from benchmarks.histogram import Histogram

SHORTEST_TICK_S: Final = 0.001
LEAD_S: Final = 0.2
"""Between the call and the first act: the machine has calmed down by then."""


@dataclass(frozen=True)
class Schedule:
    """When each act is due: number ``i`` at ``start + i / rate``, Unix seconds."""

    start: float
    rate: float

    def due(self, number: int) -> float:
        """When act ``number`` is due."""
        return self.start + number / self.rate


@dataclass(frozen=True)
class Performance:
    """How a schedule was kept.

    Attributes:
        schedule: what was due.
        lateness: seconds from due to done of each act: what the generator itself adds, and part of every latency.
    """

    schedule: Schedule
    lateness: Histogram


async def open_loop(act: Callable[[int], object], *, rate: float, count: int) -> Performance:
    """Call ``act(0)``, ``act(1)``, ... ``count`` times, ``rate`` a second, whatever becomes of it.

    A thread keeps the time: the timers of uvloop and asyncio are good to a millisecond only.

    Args:
        act: does one thing; must not block.
    """
    loop = asyncio.get_running_loop()
    tick = asyncio.Event()
    ended = threading.Event()
    schedule = Schedule(time.time() + LEAD_S, rate)
    interval = max(1 / rate, SHORTEST_TICK_S)

    def keep_time() -> None:
        due = schedule.start
        while not ended.is_set():
            time.sleep(max(due - time.time(), 0))
            loop.call_soon_threadsafe(tick.set)
            due += interval

    keeper = threading.Thread(target=keep_time, name="load-ticks", daemon=True)
    keeper.start()
    lateness: list[float] = []
    done = 0
    try:
        while done < count:
            await tick.wait()
            tick.clear()
            now = time.time()
            while done < count and (due := schedule.due(done)) <= now:
                act(done)
                lateness.append(now - due)
                done += 1
    finally:
        ended.set()
        await asyncio.to_thread(keeper.join)
    return Performance(schedule, Histogram(lateness))
