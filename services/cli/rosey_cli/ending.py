"""Being asked to end: whoever ends a command ends it in good order, as Ctrl-C does, so that nothing half made stays."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Final

_ENDING: Final = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]


@contextlib.contextmanager
def heeded() -> Iterator[None]:
    """Within the block SIGTERM and the end of the terminal end the command in good order, and Ctrl-C does anyway.

    Commands that hear signals by themselves do so all the same. Where nohup was asked for, the terminal may end. In
    other threads than the main one nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signum: signal.getsignal(signum) for signum in (*_ENDING, signal.SIGINT)}
    for signum in _ENDING:
        if before[signum] is signal.SIG_DFL:
            signal.signal(signum, _end)
    if before[signal.SIGINT] is signal.SIG_IGN:
        # A shell has what it starts in the background ignore it, which nobody asked for.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _end(signum: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + signum)
