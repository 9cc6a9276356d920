"""Being asked to end: Ctrl-C, SIGTERM, a closed terminal. What was started ends with it, and nothing is written."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Final

import psutil

INTERRUPTED: Final = 130
ENDING_S: Final = 10.0
"""Seconds to end in good order; then it ends anyway: a library may have swallowed the interruption."""
_SIGNALS: Final = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
]


def guarded(work: Callable[[], int]) -> int:
    """Do ``work``, which is interrupted where somebody asks the process to end; returns the exit code.

    Temporary files of it and of what it starts are in one folder, which goes with it.
    """
    directory = tempfile.tempdir = os.environ["TMPDIR"] = tempfile.mkdtemp(prefix="rosey-bench-")
    told, tell = os.pipe()

    def interrupt(signum: int, frame: FrameType | None) -> None:
        # A terminal that is closed sends several. What ends in good order is left to do that.
        for other in _SIGNALS:
            signal.signal(other, signal.SIG_IGN)
        # Whatever takes a lock could wait for whom this has interrupted.
        os.write(tell, b"\0")
        raise KeyboardInterrupt

    def end_anyway() -> None:
        os.read(told, 1)
        time.sleep(ENDING_S)
        _leave_nothing(directory)
        os._exit(INTERRUPTED)

    for signum in _SIGNALS:
        # A shell has what it starts in the background ignore Ctrl-C, which nobody asked for; nohup was asked for.
        if signum == signal.SIGINT or signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, interrupt)
    threading.Thread(target=end_anyway, name="interruption", daemon=True).start()
    try:
        return work()
    except KeyboardInterrupt:
        print("interrupted: nothing is written", file=sys.stderr)
        return INTERRUPTED
    finally:
        _leave_nothing(directory)


def _leave_nothing(directory: str) -> None:
    # Of one that was just being started nobody else may know.
    for child in psutil.Process().children(recursive=True):
        child.kill()
    shutil.rmtree(directory, ignore_errors=True)
