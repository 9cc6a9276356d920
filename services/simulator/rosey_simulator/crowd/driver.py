"""Lets time pass for a crowd: as it passes anyway, or as fast as everybody can follow."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable

from rosey_simulator.crowd.clock import ManualClock
from rosey_simulator.crowd.crowd import Crowd
from rosey_simulator.scheduler import Scheduler

# A crowd that is behind its time lets others have their turn this often.
CATCH_UP_ACTIONS = 20


async def run_live(
    crowd: Crowd, clock: Callable[[], float], *, actions: int | None = None, silence: asyncio.Event | None = None
) -> int:
    """Act at the crowd's own rate, whatever becomes of it (open loop): for so many actions, until silence, or for ever.

    Whoever drives the scheduler of the rooms goes on doing so. Returns how many actions were performed.
    """
    began = clock()
    performed = 0
    for action in itertools.islice(crowd.actions(), actions):
        ahead = began + action.at / 1000 - clock()
        if ahead > 0:
            await asyncio.sleep(ahead)
        elif performed % CATCH_UP_ACTIONS == 0:
            await asyncio.sleep(0)
        if silence is not None and silence.is_set():
            break
        crowd.perform(action)
        performed += 1
    return performed


class FastDriver:
    """Moves a clock by hand, from one event to the next: actions of the crowd, and timers of the rooms.

    `settle` is awaited before each move of the clock: until whoever follows the rooms has caught up, so that they see
    the same time. What was performed once is not performed again: each `run` goes on where the last one ended, and if
    the clock was moved meanwhile, from there.
    """

    def __init__(
        self,
        crowd: Crowd,
        clock: ManualClock,
        scheduler: Scheduler,
        settle: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._crowd = crowd
        self._clock = clock
        self._scheduler = scheduler
        self._settle = settle
        self._began = clock()

    async def run(self, actions: int) -> int:
        """Perform so many actions. Returns how many of them were possible."""
        possible = 0
        for action in itertools.islice(self._crowd.actions(), actions):
            self._began = max(self._began, self._clock() - action.at / 1000)
            await self.pass_time_until(self._began + action.at / 1000)
            possible += self._crowd.perform(action)
        await self._settled()
        return possible

    async def pass_time(self, seconds: float) -> None:
        """Let time pass in which the crowd does nothing."""
        await self.pass_time_until(self._clock() + seconds)

    async def pass_time_until(self, seconds: float) -> None:
        """Move the clock to the Unix time, with a stop at each timer on the way."""
        while (due := self._scheduler.next_due) is not None and due <= seconds:
            await self._move(due)
        await self._move(seconds)

    async def _move(self, seconds: float) -> None:
        if seconds > self._clock():
            await self._settled()
            self._clock.move_to(seconds)
        self._scheduler.run_due()

    async def _settled(self) -> None:
        if self._settle is not None:
            await self._settle()
