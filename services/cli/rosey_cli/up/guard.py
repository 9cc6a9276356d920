"""Runs a program that knows nothing of parents, and ends it when the process that asked for it is gone.

For systems whose kernel does not offer that: ``python -m rosey_cli.up.guard PARENT-PID PROGRAM ARGUMENT...``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Final

from rosey_core import parent

_KILL_AFTER_S: Final = 10.0


def guard(parent_pid: int, command: Sequence[str], *, interval: float = 0.5) -> int:
    """Run ``command`` to its end, which comes with that of process ``parent_pid``; returns its exit code."""
    program = subprocess.Popen(command)  # noqa: S603 - what to run is the caller's choice

    def pass_on(signum: int, frame: FrameType | None) -> None:
        program.terminate()

    def end() -> None:
        program.terminate()
        try:
            program.wait(_KILL_AFTER_S)
        except subprocess.TimeoutExpired:
            program.kill()

    for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), pass_on)
    parent.watch(parent_pid, end, interval=interval)
    return program.wait()


def main(arguments: Sequence[str]) -> int:
    """The process. Where the program was ended by a signal, so is this one."""
    code = guard(int(arguments[0]), arguments[1:])
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
