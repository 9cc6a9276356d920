from __future__ import annotations

import asyncio
import time

import pytest

from rosey_simulator.scheduler import Scheduler


def test_timers_run_in_order_of_time_and_not_before() -> None:
    now = 10.0
    done: list[str] = []
    scheduler = Scheduler(lambda: now)
    scheduler.call_at(13.0, lambda: done.append("late"))
    scheduler.call_later(2.0, lambda: done.append("early"))
    assert scheduler.run_due() == 0
    now = 12.0
    assert scheduler.run_due() == 1
    now = 20.0
    scheduler.run_due()
    assert done == ["early", "late"]
    assert scheduler.next_due is None


def test_a_cancelled_timer_does_not_run() -> None:
    done: list[int] = []
    scheduler = Scheduler(lambda: 0.0)
    timer = scheduler.call_later(0.0, lambda: done.append(1))
    assert timer.pending
    timer.cancel()
    assert scheduler.run_due() == 0
    assert done == []
    assert scheduler.next_due is None


def test_a_failing_timer_is_logged_and_keeps_no_other_from_running(caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []

    def fail() -> None:
        raise RuntimeError("broken timer")

    scheduler = Scheduler(lambda: 0.0)
    scheduler.call_later(0.0, fail)
    scheduler.call_later(0.0, lambda: done.append(1))
    scheduler.run_due()
    assert done == [1]
    assert "broken timer" in caplog.text


async def test_the_event_loop_runs_timers_between_start_and_stop() -> None:
    scheduler = Scheduler(time.time)
    ran = asyncio.Event()
    scheduler.start()
    scheduler.call_later(0.01, ran.set)
    async with asyncio.timeout(2):
        await ran.wait()
    ran.clear()
    scheduler.stop()
    scheduler.call_later(0.0, ran.set)
    await asyncio.sleep(0.05)
    assert not ran.is_set()
    scheduler.start()
    async with asyncio.timeout(2):
        await ran.wait()
    scheduler.stop()


async def test_a_clock_moved_by_hand_is_noticed() -> None:
    now = 0.0
    scheduler = Scheduler(lambda: now)
    ran = asyncio.Event()
    scheduler.start()
    scheduler.call_later(3600.0, ran.set)
    now = 3600.0
    async with asyncio.timeout(2):
        await ran.wait()
    scheduler.stop()
