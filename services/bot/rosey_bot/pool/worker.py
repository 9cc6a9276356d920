"""One worker of a pool at work: its member over NATS, and the rooms as the member wants them."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Coroutine
from typing import Any, Final
from urllib.parse import urlsplit

import nats.errors
from nats.js.errors import Error as JetStreamError

from rosey_bot.channels.channels import Channels
from rosey_bot.channels.lease import Lease, LeasedSink, Telling
from rosey_bot.cytube.proxy import DIRECT, address_group
from rosey_bot.pool import store
from rosey_bot.pool.follower import Follower
from rosey_bot.pool.member import Member
from rosey_bot.pool.plan import Want
from rosey_bot.pool.turns import Ticket, TurnKind
from rosey_bot.pool.writes import Write
from rosey_bot.sink import EventSink
from rosey_core import leases
from rosey_core.bus import Bus, BusError, end_task
from rosey_core.channel_status import ChannelStatus
from rosey_core.config import Platform, laid_open

log = logging.getLogger(__name__)

TICK: Final = 1 / 30
"""The share of ``ttl`` after which the member is asked again."""
STOOD_STILL: Final = 1 / 2
"""The share of ``ttl`` between two ticks that shows that the process has stood still."""
DRAIN_TIMEOUT: Final = 7.0


def own_clock() -> float:
    """Seconds of a clock that nobody sets, and that goes on while the machine sleeps where the system has one."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def unused_name() -> str:
    """A text that no session was named by."""
    return uuid.uuid4().hex[:12]


class PoolWorker:
    """Sits in the channels that are its share of the pool's.

    Args:
        bus: the connection; it may be down.
        channels: those of this process, which enter nothing by themselves.
        member: what decides.
        ttl: as the member has it.
        group: as the member has it.
        clock: seconds, as of ``own_clock``.
    """

    def __init__(
        self,
        bus: Bus,
        channels: Channels,
        member: Member,
        *,
        ttl: float,
        group: str,
        clock: Callable[[], float] = own_clock,
    ) -> None:
        self.member: Final = member
        self._bus: Final = bus
        self._channels: Final = channels
        self._ttl: Final = ttl
        self._group: Final = group
        self._clock: Final = clock
        self._inside: Final[set[str]] = set()
        self._going: Final[set[str]] = set()
        self._works: Final[set[asyncio.Task[None]]] = set()
        self._sinks: Final[dict[str, LeasedSink]] = {}
        self._acting: Final[dict[str, asyncio.Event]] = {}
        self._version = -1
        self._ticked_at = clock()
        self._resumed_at: float | None = None
        self._was_valid = False
        self._session: str | None = None
        self._follower: Final = Follower(bus, member, ttl=ttl, clock=clock, news=self._pump)
        self._drained: Final = asyncio.Event()
        self.lapses = 0

    # What channels ask

    def lease(self, key: str) -> Lease:
        """The hold on a channel."""
        return _ChannelLease(self, key)

    def sink(self, key: str, sink: EventSink) -> EventSink:
        """Where a channel's events go."""
        leased = self._sinks[key] = LeasedSink(sink, self.lease(key))
        return leased

    def acts(self, key: str) -> bool:
        """Whether this worker may act for a channel now."""
        return self.member.acts(key, self._clock())

    async def wait_acts(self, key: str) -> None:
        """Wait until it may."""
        while not self.acts(key):
            event = self._acting.setdefault(key, asyncio.Event())
            event.clear()
            await event.wait()

    def telling(self, key: str) -> Telling:
        """What is to become of what happens in a channel's room now."""
        if self.acts(key):
            return Telling.DELIVER
        view, session = self.member.view, self.member.session
        owner = view.owner(key)
        if owner is not None and owner != session and owner in view.sessions:
            return Telling.DROP
        stands_still = self._clock() - self._ticked_at > self._ttl * STOOD_STILL
        if stands_still or self._resumed_at is not None or owner is None or owner != session:
            return Telling.HOLD
        return Telling.DELIVER

    async def turn(self, budget: str, kind: TurnKind) -> None:
        """Wait for a turn among all workers that come from the same address."""
        granted = asyncio.Event()
        ticket = Ticket(budget, kind, granted.set)
        self.member.turns.ask(ticket)
        self._pump()
        try:
            await granted.wait()
        finally:
            self.member.turns.give_up(ticket)

    def budget(self, host: str, group: str) -> str:
        """The pool's name for what a server allows an address."""
        return leases.budget_of(host, self._group if group == DIRECT else group)

    # What others want to know

    @property
    def problem(self) -> str | None:
        """Why this worker does not act, for the operator; ``None`` where it does."""
        now = self._clock()
        if not self.member.is_valid(now):
            return f"no valid lease: {self._follower.problem or 'no session yet'}"
        if not self._inside and not self.member.may_begin(now):
            return "it looks on for a time before it takes channels"
        return None

    @property
    def held(self) -> set[str]:
        """The channels that this worker holds."""
        return {key for key in self._inside if self.member.holds(key)}

    @property
    def unheld(self) -> set[str]:
        """The channels that no worker holds, as it is seen here."""
        return {key for key in self._channels.wanted() if self.member.view.owner(key) is None}

    def statuses(self) -> list[ChannelStatus]:
        """How the channels of this worker fare; and those that nobody has, where it is its turn to tell that."""
        found = [status for status in self._channels.statuses() if self.acts(status.key)]
        if self.member.reports(self._clock()):
            held = [key for key in self.member.view.claims if self.member.view.owner(key) is not None]
            found += self._channels.unheld(self.member.waiting, held)
        return found

    # The work

    async def run(self) -> None:
        """Take part until cancelled."""
        ticker = asyncio.create_task(self._tick(), name="pool-ticker")
        try:
            await self._follower.run()
        finally:
            await asyncio.gather(*map(end_task, (ticker, *self._works)))

    async def drain(self) -> None:
        """Hand all channels over, one after the other where that is better, and end the session."""
        if not self.member.is_valid(self._clock()):
            log.warning("pool: nothing can be handed over: %s", self.problem)
            return
        log.info("pool: handing over %d channels", len(self._inside))
        self.member.drain(self._clock())
        self._pump()
        try:
            async with asyncio.timeout(DRAIN_TIMEOUT):
                await self._drained.wait()
        except TimeoutError:
            pass
        if not self.member.finished:
            log.warning("pool: not all channels could be handed over in time; the others take them when the lease ends")

    async def _tick(self) -> None:
        while True:
            now = self._clock()
            if now - self._ticked_at > self._ttl * STOOD_STILL:
                log.warning("pool: this process has stood still for %.1f s", now - self._ticked_at)
                self._resumed_at = now
            self._ticked_at = now
            try:
                self._pump()
            except Exception:
                # Whoever ticks no more renews no more.
                log.exception("pool: a tick failed; the next one comes")
            await asyncio.sleep(self._ttl * TICK)

    def _pump(self) -> None:
        """Ask the member, and do what it says."""
        now, member = self._clock(), self.member
        if self._channels.version != self._version:
            self._version = self._channels.version
            member.want({key: _want(platform) for key, platform in self._channels.wanted().items()})
        for write in member.step(now):
            self._start(self._write(write))
        rooms = set() if member.finished else member.rooms(now)
        for key in rooms - self._inside:
            self._inside.add(key)
            member.entered(key)
            self._channels.admit(key)
        for key in self._inside - rooms - self._going:
            self._going.add(key)
            self._start(self._leave(key))
        self._notice(now)
        if member.is_draining and (not self._was_valid or (member.finished and not self._inside)):
            # Without a lease nothing can be handed over.
            self._drained.set()

    def _notice(self, now: float) -> None:
        """Tell of what has changed, and let those go on who waited for it."""
        member = self.member
        is_valid = member.is_valid(now)
        if is_valid and self._resumed_at is not None and (member.renewed_at or 0) >= self._resumed_at:
            self._resumed_at = None
        if is_valid != self._was_valid:
            self._was_valid = is_valid
            if not is_valid and not member.finished:
                self.lapses += 1
                log.warning("pool: the lease has run out: silent in %d rooms until it is renewed", len(self._inside))
            elif is_valid:
                log.info("pool: the lease holds, session %s", member.session)
        if member.session != self._session:
            if self._session is not None and not member.is_draining:
                log.warning("pool: session %s was ended by others, or is lost", self._session)
            self._session = member.session
            self._resumed_at = None
        for sink in self._sinks.values():
            sink.settle()
        if is_valid:
            for event in self._acting.values():
                event.set()

    async def _leave(self, key: str) -> None:
        try:
            await self._channels.dismiss(key)
        finally:
            self._sinks.pop(key, None)
            self._acting.pop(key, None)
            self._going.discard(key)
            self._inside.discard(key)
            self.member.left(key)
        self._pump()

    async def _write(self, write: Write) -> None:
        try:
            revision = await store.write(self._bus.client, write)
        except (BusError, nats.errors.Error, JetStreamError, TimeoutError, OSError) as error:
            self._follower.say(str(error) or type(error).__name__)
            revision = None
        if revision is None:
            self.member.refused(write, self._clock())
        else:
            self.member.confirmed(write, revision, self._clock())
        self._pump()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="pool")
        self._works.add(task)
        task.add_done_callback(self._works.discard)


class _ChannelLease:
    """A worker's hold on one channel."""

    def __init__(self, worker: PoolWorker, key: str) -> None:
        self._worker: Final = worker
        self._key: Final = key

    def acts(self) -> bool:
        return self._worker.acts(self._key)

    async def wait(self) -> None:
        await self._worker.wait_acts(self._key)

    def telling(self) -> Telling:
        return self._worker.telling(self._key)


def _want(platform: Platform) -> Want:
    proxy = laid_open(platform.proxy)
    return Want(
        host=urlsplit(platform.server).netloc.lower(),
        through=None if proxy is None else address_group(proxy),
        is_guest=platform.user is not None and platform.password is None,
    )
