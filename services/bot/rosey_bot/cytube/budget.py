"""How much CyTube allows an address, shared among the channels that come from it.

A CyTube server allows an address so many connections at once, five new ones quickly and then one in ten seconds, and
one guest's login a minute (PROTOCOL.md 1 and 3). Ten channels that know nothing of each other would be refused; here
they take turns, in the order in which they ask. This is the server's arithmetic with a margin: what leaves here in
time may arrive closer together.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from rosey_bot.cytube.proxy import DIRECT, address_group

MARGIN: Final = 1.1
"""Turns are so many times further apart than the server demands."""
BURST: Final = 4
"""Connections made at once: the server's five, less one for whoever else sits behind the address."""


_QUICK: Final = 0.3
"""Seconds that a turn may take until it is called waiting."""
_LEAST_WAIT: Final = 0.001
"""Rounding must not leave a rest that takes no time to wait for."""

WaitKind = Literal["connections", "connection_rate", "guest_login", "retry"]


@dataclass(frozen=True)
class AddressLimits:
    """What a server allows an address.

    Attributes:
        connections: at once.
        connection_interval: seconds until one more may be made, after a burst.
        guest_login_interval: seconds between two logins of guests.
    """

    connections: int = 10
    connection_interval: float = 10.0
    guest_login_interval: float = 60.0


@dataclass(frozen=True, slots=True)
class Wait:
    """What somebody waits for.

    Attributes:
        kind: one of a few words.
        text: for people, to follow "waits for".
    """

    kind: WaitKind
    text: str


Turn = Callable[[Literal["connect", "guest"]], Awaitable[None]]
"""Waits for the turn to connect, or to log a guest in, among several bots of one address."""

Tell = Callable[[Wait | None], None]
"""Told what is waited for, and ``None`` when that is over."""


@dataclass(slots=True, eq=False)
class Place:
    """A connection's place among those that the server allows.

    Attributes:
        is_spent: whether the server has been asked for the connection.
        lingers: seconds that the server goes on counting the connection after its end, having not noticed it.
        left_at: when the connection ended.
    """

    is_spent: bool = False
    lingers: float = 0.0
    left_at: float | None = None


@dataclass(slots=True)
class GuestTurn:
    """A guest's turn to log in.

    Attributes:
        is_used: whether the server has let the guest in, or may have, or has said that it is too early.
    """

    is_used: bool = False


class AddressBudget:
    """What one server allows one address.

    Args:
        name: of server and address, for people.
        limits: what is allowed.
        turn: waits for a turn among other bots that come from the same address.
        monotonic: seconds.
        sleep: waits seconds.
    """

    def __init__(
        self,
        name: str,
        limits: AddressLimits | None = None,
        *,
        turn: Turn | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._name: Final = name
        self._limits: Final = limits or AddressLimits()
        self._shared_turn: Final = turn
        self._monotonic: Final = monotonic
        self._sleep: Final = sleep
        self._place_turn: Final = asyncio.Lock()
        self._connect_turn: Final = asyncio.Lock()
        self._guest_turn: Final = asyncio.Lock()
        self._changed = asyncio.Event()
        self._places: Final[set[Place]] = set()
        self._waiting = 0
        self._guests_waiting = 0
        self._level = float(BURST)
        self._level_at = monotonic()
        self._next_guest = float("-inf")

    @property
    def in_use(self) -> int:
        """Connections that the server counts now."""
        now = self._monotonic()
        over = [place for place in self._places if place.left_at is not None and place.left_at + place.lingers <= now]
        self._places.difference_update(over)
        return len(self._places)

    @property
    def has_guest_turn(self) -> bool:
        """Whether a guest may log in now, as far as is known here."""
        return not self._guests_waiting and self._next_guest <= self._monotonic()

    @asynccontextmanager
    async def connection(self, tell: Tell) -> AsyncIterator[Place]:
        """Wait for the turn to make a connection, and keep its place for the time of the block."""
        place = await self._enter(tell)
        try:
            yield place
        finally:
            place.left_at = self._monotonic()
            if place.is_spent:
                self._tell_change()
            else:
                self._give_turn_back()

    async def connect_again(self, place: Place, tell: Tell) -> None:
        """Wait for the turn to make a connection in the place of one that is about to be left.

        Nobody who waits for a place is waited for: it would have to be this one.
        """
        await self._take_own_turn(tell)
        await self._confirm_turn(tell)
        tell(None)
        place.is_spent = False

    @asynccontextmanager
    async def guest_login(self, tell: Tell) -> AsyncIterator[GuestTurn]:
        """Wait for the turn to log a guest in, and keep it for the time of the block."""
        before, turn = self._guests_waiting, GuestTurn()
        self._guests_waiting += 1
        try:
            if before or self._next_guest > self._monotonic():
                every = f"{self._name} allows an address one in {self._limits.guest_login_interval:g} s"
                tell(Wait("guest_login", f"its turn to log in as a guest, behind {before} others: {every}"))
            async with self._guest_turn:
                while (wait := self._next_guest - self._monotonic()) > 0:
                    await self._sleep(max(wait, _LEAST_WAIT))
                await self._take_shared_turn("guest", tell)
                tell(None)
                try:
                    yield turn
                finally:
                    if turn.is_used:
                        self._next_guest = self._monotonic() + self._limits.guest_login_interval * MARGIN
        finally:
            self._guests_waiting -= 1

    def refused(self) -> None:
        """The server has refused a connection for the address's sake: others use the address, too."""
        self._level = 0.0
        self._level_at = self._monotonic()
        self._tell_change()

    async def _enter(self, tell: Tell) -> Place:
        before = self._waiting
        self._waiting += 1
        try:
            if before:
                tell(Wait("connection_rate", self._queue(before)))
            async with self._place_turn:
                while self.in_use >= self._limits.connections:
                    tell(Wait("connections", f"a place: {self._name} allows an address {self._limits.connections}"))
                    await self._change(self._next_end())
                await self._take_own_turn(tell)
                place = Place()
                self._places.add(place)
            try:
                # Several at a time: bots take the turns that there are with one request.
                await self._confirm_turn(tell)
            except BaseException:
                self._places.discard(place)
                raise
        finally:
            self._waiting -= 1
        tell(None)
        return place

    async def _take_own_turn(self, tell: Tell) -> None:
        async with self._connect_turn:
            while (level := self._refilled()) < 1:
                tell(Wait("connection_rate", self._queue(0)))
                await self._change(max((1 - level) * self._interval, _LEAST_WAIT))
            self._level = self._refilled() - 1

    async def _confirm_turn(self, tell: Tell) -> None:
        """Have the own turn to connect confirmed by the others at this address; without that it is given back."""
        try:
            await self._take_shared_turn("connect", tell)
        except BaseException:
            self._give_turn_back()
            raise

    def _give_turn_back(self) -> None:
        self._level = min(self._refilled() + 1, BURST)
        self._tell_change()

    async def _take_shared_turn(self, kind: Literal["connect", "guest"], tell: Tell) -> None:
        if self._shared_turn is None:
            return
        turn = asyncio.ensure_future(self._shared_turn(kind))
        try:
            if not (await asyncio.wait({turn}, timeout=_QUICK))[0]:
                wait: WaitKind = "guest_login" if kind == "guest" else "connection_rate"
                tell(Wait(wait, f"its turn among the bots of the pool: {self._name} allows an address so many"))
            await turn
        finally:
            turn.cancel()

    def _queue(self, before: int) -> str:
        interval = f"{self._name} allows an address one connection in {self._limits.connection_interval:g} s"
        return f"its turn to connect, behind {before} others: {interval}"

    @property
    def _interval(self) -> float:
        return self._limits.connection_interval * MARGIN

    def _refilled(self) -> float:
        now = self._monotonic()
        self._level = min(self._level + (now - self._level_at) / self._interval, BURST)
        self._level_at = now
        return self._level

    def _next_end(self) -> float | None:
        """Seconds until the server counts one fewer; ``None`` where nobody can know."""
        ends = [place.left_at + place.lingers for place in self._places if place.left_at is not None]
        return max(min(ends) - self._monotonic(), 0.0) if ends else None

    def _tell_change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _change(self, seconds: float | None) -> None:
        """Wait until something changes, or for so many seconds."""
        waits: list[asyncio.Future[object]] = [asyncio.ensure_future(self._changed.wait())]
        if seconds is not None:
            waits.append(asyncio.ensure_future(self._sleep(seconds)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


class AddressBudgets:
    """The budget of each server and address.

    Args:
        limits: what every server allows.
        turns: makes, of a server's host and an address group, what waits for a turn among other bots there.
    """

    def __init__(self, limits: AddressLimits | None = None, turns: Callable[[str, str], Turn] | None = None) -> None:
        self._limits: Final = limits or AddressLimits()
        self._turns: Final = turns
        self._budgets: Final[dict[tuple[str, str], AddressBudget]] = {}

    def of(self, server: str, proxy: str | None) -> AddressBudget:
        """The budget that a channel of ``server`` has part in, through ``proxy`` if there is one."""
        host, group = urlsplit(server).netloc.lower(), address_group(proxy)
        budget = self._budgets.get((host, group))
        if budget is None:
            name = host if group == DIRECT else f"{host} (through {group})"
            turn = None if self._turns is None else self._turns(host, group)
            budget = self._budgets[host, group] = AddressBudget(name, self._limits, turn=turn)
        return budget
