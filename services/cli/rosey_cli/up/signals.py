"""Being asked to end: Ctrl-C, SIGTERM, a closed terminal; and to read the configuration again: SIGHUP."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import Final

from rosey_core import hangup

_SIGNALS: Final = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)]


@contextlib.contextmanager
def handled(
    on_first: Callable[[], None], on_next: Callable[[], None], on_reload: Callable[[], None] | None = None
) -> Iterator[None]:
    """Within the block, call ``on_first`` at the first signal of a kind, ``on_next`` at each further one of that kind.

    Another kind is no impatience: a terminal that is closed sends SIGHUP, and its shell may send it with SIGTERM.
    SIGHUP while the terminal is there, or without one, is a wish for ``on_reload``, where that is given.
    """
    loop = asyncio.get_running_loop()
    seen: set[int] = set()

    def received(signum: int, frame: FrameType | None) -> None:
        _soon(loop, on_next if signum in seen else on_first)
        seen.add(signum)

    before = {signum: signal.signal(signum, received) for signum in _SIGNALS}
    try:
        with hangup.heard(partial(_soon, loop, on_reload or on_first), partial(_soon, loop, on_first)):
            yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _soon(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call)
