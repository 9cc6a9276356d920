"""The program ``rosey-bot`` without metrics of what happens on the path, or with a watch on what they cost."""

from __future__ import annotations

import sys
from collections.abc import Callable

from benchmarks import counting
from rosey_bot import service
from rosey_bot.telemetry import BotTelemetry
from rosey_core import health


class UncountedTelemetry(BotTelemetry):
    """Counts neither frames nor acknowledgements; what is looked at twice a second goes on."""

    def frame(self, channel: str, name: str) -> Callable[[], None] | None:
        """A frame came."""
        return None if self._tracing is None else self._tracing.frame(channel, name)

    def acknowledged(self, waited: float, seconds: float) -> None:
        """An event was acknowledged."""


if __name__ == "__main__":
    if counting.is_timed():
        watch = counting.Watch()
        for name in ("frame", "acknowledged"):
            watch.put_on(BotTelemetry, name)
        watch.put_on(health, "exposition")
    else:
        service.BotTelemetry = UncountedTelemetry  # type: ignore[attr-defined]
    sys.exit(service.main())
