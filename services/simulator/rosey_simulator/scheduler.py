"""The one place that lets time pass: all timers of a server, driven by its clock."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections.abc import Callable

log = logging.getLogger(__name__)

# A clock that a test moves by hand cannot wake anybody, so the runner looks at it this often.
LONGEST_NAP_SECONDS = 0.02


class Timer:
    """A call that will be made once, unless cancelled before."""

    __slots__ = ("action", "due")

    def __init__(self, due: float, action: Callable[[], None]) -> None:
        self.due = due
        self.action: Callable[[], None] | None = action

    @property
    def pending(self) -> bool:
        return self.action is not None

    def cancel(self) -> None:
        self.action = None


class Scheduler:
    """Timers by Unix seconds. `run_due` works them off by hand; between `start` and `stop` the event loop does."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._heap: list[tuple[float, int, Timer]] = []
        self._sequence = itertools.count()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake_up: asyncio.TimerHandle | None = None
        self._wakes_at = float("inf")

    def call_at(self, due: float, action: Callable[[], None]) -> Timer:
        timer = Timer(due, action)
        heapq.heappush(self._heap, (due, next(self._sequence), timer))
        if due < self._wakes_at and self._loop is not None:
            self._sleep()
        return timer

    def call_later(self, seconds: float, action: Callable[[], None]) -> Timer:
        return self.call_at(self.clock() + seconds, action)

    @property
    def next_due(self) -> float | None:
        """When the earliest pending timer is due; None if there is none."""
        while self._heap and not self._heap[0][2].pending:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def run_due(self) -> int:
        """Make every call that is due by now, in order of time. Returns how many were made.

        A call made here that schedules another one for now or earlier leaves it to the next round, so that a
        timer of zero seconds cannot keep the server from reading its sockets.
        """
        now = self.clock()
        due: list[Timer] = []
        while self._heap and self._heap[0][0] <= now:
            due.append(heapq.heappop(self._heap)[2])
        made = 0
        for timer in due:
            action, timer.action = timer.action, None
            if action is None:
                continue
            made += 1
            try:
                action()
            except Exception:
                log.exception("a timer of the simulator failed")
        return made

    def start(self) -> None:
        """Work off timers on the running event loop until `stop`."""
        self._loop = asyncio.get_running_loop()
        self._sleep()

    def stop(self) -> None:
        """Leave the timers that are pending to `run_due`, or to the next `start`."""
        if self._wake_up is not None:
            self._wake_up.cancel()
        self._loop = self._wake_up = None
        self._wakes_at = float("inf")

    def _sleep(self) -> None:
        if self._loop is None:
            return
        if self._wake_up is not None:
            self._wake_up.cancel()
        now, due = self.clock(), self.next_due
        nap = LONGEST_NAP_SECONDS if due is None else min(max(due - now, 0), LONGEST_NAP_SECONDS)
        self._wakes_at = now + nap
        self._wake_up = self._loop.call_later(nap, self._turn)

    def _turn(self) -> None:
        self._wake_up = None
        self._wakes_at = float("-inf")
        self.run_due()
        self._sleep()
