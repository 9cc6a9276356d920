"""Ending with one's parent, so that a supervisor that is killed leaves nothing behind."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable
from typing import Final

import psutil

_PR_SET_PDEATHSIG: Final = 1
# Opened here and not between fork and exec, where another thread may have held the loader's lock.
_LIBC: Final = ctypes.CDLL(None) if sys.platform.startswith("linux") else None


def request_signal_at_parents_death(signum: int) -> bool:
    """Ask the kernel to send this process ``signum`` when its parent dies; ``False`` where it cannot (not Linux).

    The parent is the thread that started this process: it must be one that lives as long as its process. The request
    outlives exec, so that a ``preexec_fn`` may make it for a program that knows nothing of it.
    """
    if _LIBC is None:
        return False
    result: int = _LIBC.prctl(_PR_SET_PDEATHSIG, signum, 0, 0, 0)
    return result == 0


def watch(pid: int, when_gone: Callable[[], None], *, interval: float = 0.5) -> threading.Thread:
    """Call ``when_gone`` once, in a thread of its own, when process ``pid`` is gone; also where it is gone already.

    A thread, since what it guards against includes an event loop that hangs.
    """

    def look() -> None:
        pause = threading.Event()
        while not _gone(pid, process):
            pause.wait(interval)
        when_gone()

    try:
        process = psutil.Process(pid)
    except psutil.NoSuchProcess:
        process = None
    thread = threading.Thread(target=look, name=f"watch-{pid}", daemon=True)
    thread.start()
    return thread


def _gone(pid: int, process: psutil.Process | None) -> bool:
    """Whether the process is gone; another one that has got its number since does not count, nor does a zombie."""
    if process is None or not process.is_running():
        return True
    if pid == os.getppid():
        return False
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
