"""Keeps a worker's member told of what stands in the pool's bucket, from one connection to NATS to the next."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import nats.errors
from nats.js.errors import BucketNotFoundError, NotFoundError
from nats.js.errors import Error as JetStreamError

from rosey_bot.pool import store
from rosey_bot.pool.member import Member
from rosey_core.bus import Bus, BusError, end_task

log = logging.getLogger(__name__)

RETRY_WAIT: Final = 0.2
QUIET: Final = 1 / 2
"""The share of ``ttl`` without news after which it is looked whether there should have been some."""


class Follower:
    """Looks at everything, then at each change, and at everything anew wherever a change may have been missed.

    Args:
        bus: the connection; it may be down.
        member: who is told.
        ttl: as the member has it.
        clock: seconds, by which the member is told.
        news: called when the member has been told something.

    Attributes:
        problem: what keeps it from following, for people; empty where nothing does.
    """

    def __init__(
        self, bus: Bus, member: Member, *, ttl: float, clock: Callable[[], float], news: Callable[[], None]
    ) -> None:
        self._bus: Final = bus
        self._member: Final = member
        self._ttl: Final = ttl
        self._clock: Final = clock
        self._news: Final = news
        self._following: asyncio.Task[None] | None = None
        self.problem = ""
        bus.on_disconnected(self._lose)

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            following = self._following = asyncio.create_task(self._try_to_follow(), name="pool-watch")
            try:
                await asyncio.wait({following})
            finally:
                # nats-py, and asyncio before Python 3.12, swallow some cancellations.
                await end_task(following)
            self._member.interrupted()
            await asyncio.sleep(RETRY_WAIT)

    def say(self, problem: str) -> None:
        """This is wrong with the bucket, as far as is known; empty where nothing is."""
        if problem and problem != self.problem:
            log.info("pool: %s", problem)
        self.problem = problem

    def _lose(self) -> None:
        # The watch dies with the server, silently, also where the same client is soon connected again.
        self._member.interrupted()
        if self._following is not None:
            self._following.cancel()

    async def _try_to_follow(self) -> None:
        try:
            await self._bus.wait_connected()
            await self._follow()
        except (BucketNotFoundError, NotFoundError):
            self.say("no bucket of leases yet: the DatabaseService makes it")
        except (BusError, nats.errors.Error, JetStreamError, TimeoutError, OSError) as error:
            self.say(str(error) or type(error).__name__)
        except Exception:
            log.exception("following the pool failed; it goes on")

    async def _follow(self) -> None:
        self._member.interrupted()
        async with store.watch(self._bus.client, self._ttl) as watch:
            self._member.loaded(watch.entries, self._clock())
            self.say("")
            self._news()
            seen_at = self._clock()
            while True:
                change = await watch.next(self._ttl * QUIET)
                if change is not None:
                    seen_at = self._clock()
                    self._member.observe(*change, seen_at)
                    self._news()
                elif self._clock() - seen_at > self._ttl:
                    # At least the own renewals should have been seen.
                    self.say("nothing is told of the bucket of leases")
                    return
