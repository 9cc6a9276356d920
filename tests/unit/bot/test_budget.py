"""What CyTube allows an address is shared: nobody is refused, everybody has a turn, and all are told why they wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from rosey_bot.cytube.budget import BURST, MARGIN, AddressBudget, AddressBudgets, AddressLimits, Place, Wait
from rosey_bot.cytube.login import LoginRefused, explain_refusal
from rosey_simulator.throttle import ConnectionBucket


class Time:
    """A clock that jumps to the next sleeper when nobody has anything to do."""

    def __init__(self) -> None:
        self.now = 0.0
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        sleeper = (self.now + seconds, asyncio.Event())
        self._sleepers.append(sleeper)
        try:
            await sleeper[1].wait()
        finally:
            self._sleepers.remove(sleeper)

    async def pass_until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            for _ in range(20):
                await asyncio.sleep(0)
            if condition():
                return
            assert self._sleepers, "nobody waits for time to pass"
            self.now = min(due for due, _ in self._sleepers)
            for due, event in self._sleepers:
                if due <= self.now:
                    event.set()


class Visitor:
    """Somebody who wants a connection and stays in it until told to go."""

    def __init__(self, budget: AddressBudget, time: Time) -> None:
        self.waits: list[Wait | None] = []
        self.entered_at: float | None = None
        self.place: Place | None = None
        self._go = asyncio.Event()
        self._time = time
        self._task = asyncio.create_task(self._visit(budget))

    async def _visit(self, budget: AddressBudget) -> None:
        async with budget.connection(self.waits.append) as place:
            place.is_spent = True
            self.place = place
            self.entered_at = self._time.now
            await self._go.wait()

    async def go(self, lingers: float = 0.0) -> None:
        assert self.place is not None
        self.place.lingers = lingers
        self._go.set()
        await self._task

    async def give_up(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


Make = Callable[..., list[Visitor]]


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def visitors(time: Time) -> AsyncIterator[Make]:
    """Let so many come at once to a budget of these limits."""
    all_of_them: list[Visitor] = []
    budgets: dict[Any, AddressBudget] = {}

    def make(count: int, **limits: Any) -> list[Visitor]:
        budget = budgets.setdefault(
            str(limits), AddressBudget("cytu.be", AddressLimits(**limits), monotonic=time, sleep=time.sleep)
        )
        some = [Visitor(budget, time) for _ in range(count)]
        all_of_them.extend(some)
        return some

    yield make
    for visitor in all_of_them:
        await visitor.give_up()


async def test_a_server_refuses_nobody_who_comes_in_turn(visitors: Make, time: Time) -> None:
    """Against the server's own bucket, with a travelling time that varies by a quarter of a second."""
    guests = visitors(10)
    await time.pass_until(lambda: all(guest.entered_at is not None for guest in guests))
    bucket = ConnectionBucket()
    times = [guest.entered_at or 0.0 for guest in guests]
    assert times == sorted(times), "who comes first is served first"
    assert all(bucket.take("address", at + 0.25 * (index % 2)) for index, at in enumerate(times))
    assert times[-1] < 70


async def test_broken_variant_without_a_budget_is_refused() -> None:
    bucket = ConnectionBucket()
    assert not all(bucket.take("address", 0.0) for _ in range(10))


async def test_no_more_than_allowed_are_there_at_once(visitors: Make, time: Time) -> None:
    guests = visitors(4, connections=3)
    await time.pass_until(lambda: sum(guest.entered_at is not None for guest in guests) == 3)
    assert guests[3].waits == [Wait("connections", "a place: cytu.be allows an address 3")]
    [late] = visitors(1, connections=3)
    await time.pass_until(lambda: bool(late.waits))
    why = "its turn to connect, behind 1 others: cytu.be allows an address one connection in 10 s"
    assert late.waits == [Wait("connection_rate", why)]
    await guests[0].go()
    await time.pass_until(lambda: guests[3].entered_at is not None)
    assert guests[3].waits[-1] is None


async def test_a_connection_that_the_server_still_counts_keeps_its_place(visitors: Make, time: Time) -> None:
    first, second = visitors(2, connections=1)
    await time.pass_until(lambda: first.entered_at is not None)
    await first.go(lingers=145)
    await time.pass_until(lambda: second.entered_at is not None)
    assert second.entered_at == pytest.approx(145)


async def test_who_connects_again_keeps_its_place_from_who_waits_for_one_but_takes_a_turn(time: Time) -> None:
    budget = AddressBudget("cytu.be", AddressLimits(connections=1), monotonic=time, sleep=time.sleep)
    waits: list[Wait | None] = []
    first = Visitor(budget, time)
    await time.pass_until(lambda: first.entered_at is not None)
    late = Visitor(budget, time)
    await time.pass_until(lambda: bool(late.waits))
    assert first.place is not None
    for _ in range(BURST - 1):
        await budget.connect_again(first.place, waits.append)
    assert set(waits) == {None}
    again = asyncio.create_task(budget.connect_again(first.place, waits.append))
    await time.pass_until(again.done)
    assert time.now == pytest.approx(10 * MARGIN)
    assert [wait.kind for wait in waits if wait is not None] == ["connection_rate"]
    assert late.entered_at is None
    assert budget.in_use == 1
    await first.go()
    await time.pass_until(lambda: late.entered_at is not None)
    assert time.now == pytest.approx(10 * MARGIN), "the turn that was not used is the next one's"
    await late.go()


async def test_a_connection_that_was_not_asked_for_costs_nothing(visitors: Make, time: Time) -> None:
    for _ in range(20):
        [guest] = visitors(1)
        await time.pass_until(lambda guest=guest: guest.entered_at is not None)
        assert guest.place is not None
        guest.place.is_spent = False
        await guest.go()
    assert time.now == 0


async def test_who_gives_up_holds_up_nobody(visitors: Make, time: Time) -> None:
    guests = visitors(6, connections=1)
    await time.pass_until(lambda: guests[0].entered_at is not None)
    await guests[1].give_up()
    await guests[0].go()
    await time.pass_until(lambda: guests[2].entered_at is not None)


async def test_a_refusal_holds_all_back(time: Time) -> None:
    budget = AddressBudget("cytu.be", monotonic=time, sleep=time.sleep)
    budget.refused()
    guest = Visitor(budget, time)
    await time.pass_until(lambda: guest.entered_at is not None)
    assert guest.entered_at is not None
    assert guest.entered_at >= 10
    assert guest.waits[0] is not None
    await guest.go()


async def test_guests_log_in_one_a_minute(time: Time) -> None:
    budget = AddressBudget("cytu.be", monotonic=time, sleep=time.sleep)
    logins: list[float] = []
    waits: list[Wait | None] = []

    async def log_in(succeeds: bool) -> None:
        async with budget.guest_login(waits.append) as turn:
            turn.is_used = succeeds
            logins.append(time.now)

    works = [asyncio.create_task(log_in(succeeds)) for succeeds in (True, False, True, True)]
    await time.pass_until(lambda: len(logins) == 4)
    await asyncio.gather(*works)
    assert logins[0] == 0
    assert logins[1] == logins[2] > 60, "who is not let in for another reason leaves the turn to the next"
    assert logins[3] - logins[2] > 60
    assert any(wait is not None and "log in as a guest" in wait.text for wait in waits)


async def test_a_guest_who_is_told_that_it_is_too_early_takes_the_turn(time: Time) -> None:
    budget = AddressBudget("cytu.be", monotonic=time, sleep=time.sleep)

    async def log_in(error: str) -> float:
        async with budget.guest_login(lambda _: None) as turn:
            began = time.now
            if error:
                refusal = explain_refusal("Guest", error)
                turn.is_used = refusal.takes_turn
                raise refusal
        return began

    errors = ("Guest logins are restricted to one per IP", "That username is reserved.", "")
    works = [asyncio.create_task(log_in(error)) for error in errors]
    await time.pass_until(lambda: all(work.done() for work in works))
    early, reserved, admitted = await asyncio.gather(*works, return_exceptions=True)
    assert isinstance(early, LoginRefused)
    assert isinstance(reserved, LoginRefused)
    assert admitted == pytest.approx(66), "after the first, and not after the second"


async def test_servers_and_addresses_have_budgets_of_their_own() -> None:
    budgets = AddressBudgets()
    budget = budgets.of("https://cytu.be", None)
    assert budgets.of("https://CYTU.BE", None) is budget
    assert budgets.of("https://other.example", None) is not budget
    proxied = budgets.of("https://cytu.be", "socks5://ann:hush@proxy:1080")
    assert proxied is not budget
    assert budgets.of("https://cytu.be", "socks5://bob:mum@proxy:1080") is proxied


async def test_several_ask_a_pool_for_their_turns_at_a_time_and_who_gives_up_keeps_none(time: Time) -> None:
    asked: list[str] = []
    granted = asyncio.Event()

    async def turn(kind: str) -> None:
        asked.append(kind)
        await granted.wait()

    limits = AddressLimits(connections=2, connection_interval=1)
    budget = AddressBudget("cytube", limits, turn=turn, monotonic=time, sleep=time.sleep)
    visitors = [Visitor(budget, time) for _ in range(3)]
    await time.pass_until(lambda: len(asked) == 2)
    assert budget.in_use == 2
    await visitors[0].give_up()
    await time.pass_until(lambda: len(asked) == 3)
    granted.set()
    await time.pass_until(lambda: all(visitor.entered_at is not None for visitor in visitors[1:]))
    assert visitors[0].entered_at is None
    for visitor in visitors[1:]:
        await visitor.give_up()
