"""How often something may happen: messages, connections, and frames that are merged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rosey_simulator.scheduler import Scheduler, Timer


@dataclass(frozen=True)
class Rate:
    """So many at once, then `sustained` a second; the burst is back after `cooldown` idle seconds."""

    burst: int
    sustained: float
    cooldown: float | None = None

    @property
    def idle_seconds(self) -> float:
        return self.burst / self.sustained if self.cooldown is None else self.cooldown


# PROTOCOL section 5, "Rate limit", and section 8, "Limits".
CHAT = Rate(20, 10)
QUEUE_USER = Rate(3, 1)
QUEUE_MODERATOR = Rate(10, 2)


class Throttle:
    """CyTube's per-socket limiter: rejections change nothing, only accepted calls count (PROTOCOL section 5)."""

    __slots__ = ("_count", "_last_ms")

    def __init__(self) -> None:
        self._count = 0
        self._last_ms: int | None = None

    def accept(self, now: float, rate: Rate) -> bool:
        """Whether one more may happen at `now` (Unix seconds)."""
        # In whole milliseconds, as CyTube counts: fractions of seconds would turn away calls that are just in time.
        now_ms = round(now * 1000)
        idle_ms = None if self._last_ms is None else now_ms - self._last_ms
        if idle_ms is None or idle_ms > rate.idle_seconds * 1000:
            self._count = 1
        elif self._count < rate.burst:
            self._count += 1
        elif idle_ms < 1000 / rate.sustained:
            return False
        self._last_ms = now_ms
        return True


class ConnectionBucket:
    """Connections of each address: `size` at once, refilled by one every `refill_seconds` (PROTOCOL section 1)."""

    def __init__(self, size: int = 5, refill_seconds: float = 10.0) -> None:
        self.size = size
        self.refill_seconds = refill_seconds
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, address: str, now: float) -> bool:
        level, since = self._levels.get(address, (float(self.size), now))
        level = min(self.size, level + (now - since) / self.refill_seconds)
        if level < 1:
            self._levels[address] = (level, now)
            return False
        self._levels[address] = (level - 1, now)
        return True


class Coalescer:
    """Merges calls that come close together: the first goes through, the rest become one at the end of the window.

    The window is counted as CyTube's user count shows it (PROTOCOL section 7: at most one each 10 s, and a lone call
    soon after a merged one waits for a whole window of its own).
    """

    def __init__(self, scheduler: Scheduler, window_seconds: float, action: Callable[[], None]) -> None:
        self._scheduler = scheduler
        self._window = window_seconds
        self._action = action
        self._timer: Timer | None = None
        self._called_at = float("-inf")
        self._acted_at = float("-inf")
        self._wanted = False

    def call(self) -> None:
        now = self._scheduler.clock()
        expired = self._expired(now)
        self._called_at = now
        self._wanted = True
        if expired:
            self._arm(now + self._window)
            self._act(now)
        elif self._timer is None:
            self._arm(now + self._window)

    def cancel(self) -> None:
        """Forget everything, as after a restart."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._called_at = self._acted_at = float("-inf")
        self._wanted = False

    def _expired(self, now: float) -> bool:
        return now - self._called_at >= self._window or now - self._acted_at >= self._window

    def _arm(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._scheduler.call_at(due, self._window_over)

    def _window_over(self) -> None:
        now = self._scheduler.clock()
        self._timer = None
        if not self._expired(now):
            self._arm(min(self._called_at, self._acted_at) + self._window)
        elif self._wanted:
            self._act(now)

    def _act(self, now: float) -> None:
        self._acted_at = now
        self._wanted = False
        self._action()
