from __future__ import annotations

from rosey_simulator.scheduler import Scheduler
from rosey_simulator.throttle import CHAT, Coalescer, ConnectionBucket, Rate, Throttle


def accepted(throttle: Throttle, times: list[float], rate: Rate = CHAT) -> list[bool]:
    return [throttle.accept(time, rate) for time in times]


def test_a_burst_of_twenty_passes_and_the_twenty_first_does_not() -> None:
    assert accepted(Throttle(), [100.0] * 21) == [True] * 20 + [False]


def test_after_the_burst_one_passes_each_tenth_of_a_second() -> None:
    throttle = Throttle()
    accepted(throttle, [100.0] * 20)
    assert accepted(throttle, [100.05, 100.1, 100.15, 100.21]) == [False, True, False, True]


def test_rejections_do_not_prolong_the_wait() -> None:
    throttle = Throttle()
    accepted(throttle, [100.0] * 20)
    assert accepted(throttle, [100.02, 100.04, 100.06, 100.08, 100.1])[-1]


def test_the_burst_is_back_after_two_idle_seconds() -> None:
    throttle = Throttle()
    accepted(throttle, [100.0] * 20)
    assert accepted(throttle, [102.01] * 21) == [True] * 20 + [False]


def test_five_connections_at_once_then_one_each_ten_seconds() -> None:
    bucket = ConnectionBucket()
    assert [bucket.take("a", 0.0) for _ in range(6)] == [True] * 5 + [False]
    assert bucket.take("b", 0.0)
    assert not bucket.take("a", 9.0)
    assert bucket.take("a", 11.0)
    assert not bucket.take("a", 12.0)


class Counted:
    def __init__(self) -> None:
        self.now = 0.0
        self.acts: list[float] = []
        self.scheduler = Scheduler(lambda: self.now)
        self.coalescer = Coalescer(self.scheduler, 10.0, lambda: self.acts.append(self.now))

    def call_at(self, *times: float) -> None:
        for time in times:
            self.pass_to(time)
            self.coalescer.call()

    def pass_to(self, time: float) -> None:
        while (due := self.scheduler.next_due) is not None and due <= time:
            self.now = due
            self.scheduler.run_due()
        self.now = time


def test_the_first_of_several_calls_acts_at_once_and_the_rest_at_the_end_of_the_window() -> None:
    counted = Counted()
    counted.call_at(0.0, 2.0, 5.0)
    counted.pass_to(60.0)
    assert counted.acts == [0.0, 10.0]


def test_a_call_soon_after_a_merged_one_waits_a_whole_window() -> None:
    counted = Counted()
    counted.call_at(0.0, 9.0, 11.0)
    counted.pass_to(60.0)
    assert counted.acts == [0.0, 10.0, 21.0]


def test_a_call_after_a_quiet_time_acts_at_once() -> None:
    counted = Counted()
    counted.call_at(0.0, 30.0)
    assert counted.acts == [0.0, 30.0]


def test_a_cancelled_coalescer_starts_anew() -> None:
    counted = Counted()
    counted.call_at(0.0, 1.0)
    counted.coalescer.cancel()
    counted.pass_to(15.0)
    assert counted.acts == [0.0]
    counted.call_at(15.0)
    assert counted.acts == [0.0, 15.0]
