"""Being asked to end: Ctrl-C, SIGTERM, a closed terminal. What was started ends with it, and nothing is written."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Final

INTERRUPTED: Final = 130
_SIGNALS: Final = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
]


def guarded(work: Callable[[], int]) -> int:
    """Do ``work``, which is interrupted where somebody asks the process to end; returns the exit code."""
    for signum in _SIGNALS:
        # A shell has what it starts in the background ignore Ctrl-C, which nobody asked for; nohup was asked for.
        if signum == signal.SIGINT or signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, _interrupt)
    try:
        return work()
    except KeyboardInterrupt:
        print("interrupted: nothing is written", file=sys.stderr)
        return INTERRUPTED


def _interrupt(signum: int, frame: FrameType | None) -> None:
    # A terminal that is closed sends several. What ends in good order is done within bounds, and left to do that.
    for other in _SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt
