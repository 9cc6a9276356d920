"""Keeping CyTube's rate limit."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rosey_bot.cytube.throttle import BURST, INTERVAL, RECOVERY, Throttle


class CytubeLimit:
    """CyTube's own limit, as PROTOCOL.md 5 gives the algorithm."""

    def __init__(self) -> None:
        self.count = 0
        self.last = float("-inf")

    def accepts(self, now: float) -> bool:
        if now - self.last > 2.0:
            self.count, self.last = 1, now
            return True
        if self.count < 20:
            self.count, self.last = self.count + 1, now
            return True
        if now - self.last >= 0.1:
            self.last = now
            return True
        return False


def test_a_burst_goes_at_once() -> None:
    throttle = Throttle()
    for _ in range(BURST):
        assert throttle.wait(0.0) == 0.0
        throttle.sent(0.0)
    assert throttle.wait(0.0) == INTERVAL


def test_silence_gives_the_burst_back() -> None:
    throttle = Throttle()
    for _ in range(BURST):
        throttle.sent(0.0)
    assert throttle.wait(RECOVERY) == 0.0
    throttle.sent(RECOVERY)
    assert throttle.wait(RECOVERY) == 0.0


def test_a_refusal_is_waited_out_and_ends_the_burst() -> None:
    throttle = Throttle()
    throttle.sent(0.0)
    throttle.refused(0.0, 1.0)
    assert throttle.wait(0.5) == 0.5
    throttle.sent(1.0)
    assert throttle.wait(1.0) == INTERVAL


@given(st.lists(st.tuples(st.floats(0, 4), st.floats(0, 0.02)), max_size=120))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_cytube_drops_nothing_even_with_jitter(steps: list[tuple[float, float]]) -> None:
    throttle, cytube = Throttle(), CytubeLimit()
    now = arrival = 100.0
    for idle, jitter in steps:
        now += idle if idle > 3 else 0.0
        now += throttle.wait(now)
        assert throttle.wait(now) < 1e-9
        throttle.sent(now)
        arrival = max(arrival, now + jitter)
        assert cytube.accepts(arrival)
