"""SIGHUP: a wish that the configuration be read again, and what a terminal sends that is closed."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final

SIGNALS: Final = [getattr(signal, name) for name in ("SIGHUP",) if hasattr(signal, name)]

_held: Final[list[int]] = []


def hold() -> None:
    """Keep SIGHUP from ending this process, as it else does, until somebody listens; the wish is remembered.

    To be called first of all: what a service is made of takes some tenths of a second to import.
    """
    for signum in SIGNALS:
        # Who is to outlive the terminal was told to ignore it.
        if signal.getsignal(signum) is signal.SIG_DFL:
            signal.signal(signum, lambda signum, frame: _held.append(signum))


@contextlib.contextmanager
def heard(reload: Callable[[], None], end: Callable[[], None]) -> Iterator[None]:
    """Within the block, call ``reload`` when it is wished, now too if it was before, and ``end`` with the terminal."""
    has_terminal = has_a_terminal()

    def received(signum: int, frame: FrameType | None) -> None:
        # Whoever was started in a terminal ends with it.
        if has_terminal and not has_a_terminal():
            end()
        else:
            reload()

    before = {signum: signal.signal(signum, received) for signum in SIGNALS}
    # As nohup has it: the process outlives its terminal.
    has_terminal = has_terminal and signal.SIG_IGN not in before.values()
    if _held:
        _held.clear()
        reload()
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def has_a_terminal() -> bool:
    """Whether the process has a terminal that is there."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | getattr(os, "O_NOCTTY", 0)))
    except OSError:
        return False
    return True
