"""Being asked to end: Ctrl-C, SIGTERM, a closed terminal."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final

_SIGNALS: Final = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
]


@contextlib.contextmanager
def handled(on_first: Callable[[], None], on_next: Callable[[], None]) -> Iterator[None]:
    """Within the block, call ``on_first`` at the first signal of a kind, ``on_next`` at each further one of that kind.

    Another kind is no impatience: a terminal that is closed sends SIGHUP, and its shell may send it with SIGTERM.
    """
    loop = asyncio.get_running_loop()
    seen: set[int] = set()

    def received(signum: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(on_next if signum in seen else on_first)
        seen.add(signum)

    before = {signum: signal.signal(signum, received) for signum in _SIGNALS}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
