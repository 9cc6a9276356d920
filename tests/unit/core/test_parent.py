"""Watching a parent: told when it is gone, however that came about, and not before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import psutil
import pytest

from rosey_core import parent

SOON = 10.0


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits for its input to end."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        yield process
        process.kill()


def watched(pid: int) -> threading.Event:
    """An event that is set when the watch says that ``pid`` is gone."""
    gone = threading.Event()
    parent.watch(pid, gone.set, interval=0.01)
    return gone


def test_a_process_that_lives_is_not_gone(child: subprocess.Popen[bytes]) -> None:
    assert not watched(child.pid).wait(0.1)
    assert not watched(os.getppid()).wait(0.05)


def test_a_process_that_was_reaped_is_gone(child: subprocess.Popen[bytes]) -> None:
    gone = watched(child.pid)
    child.kill()
    child.wait()
    assert gone.wait(SOON)


def test_a_zombie_is_gone(child: subprocess.Popen[bytes]) -> None:
    gone = watched(child.pid)
    child.kill()
    assert gone.wait(SOON), "nobody has waited for it, so that its number is still there"
    assert psutil.pid_exists(child.pid)


def test_who_was_gone_before_the_watch_began_is_gone(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    assert watched(child.pid).wait(SOON)


def test_another_process_with_the_same_number_is_not_the_parent(
    child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil.Process, "is_running", lambda self: False)
    assert watched(child.pid).wait(SOON)


def test_a_process_that_goes_while_it_is_looked_at_is_gone(
    child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def status(self: psutil.Process) -> str:
        raise psutil.NoSuchProcess(self.pid)

    monkeypatch.setattr(psutil.Process, "status", status)
    assert watched(child.pid).wait(SOON)


def test_elsewhere_than_on_linux_the_kernel_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parent, "_LIBC", None)
    assert not parent.request_signal_at_parents_death(signal.SIGTERM)


def test_on_linux_the_kernel_ends_also_a_program_that_knows_nothing_of_it() -> None:
    on_linux = sys.platform.startswith("linux")
    assert parent.request_signal_at_parents_death(0) is on_linux, "0 takes the request back"
    code = (
        "import signal, subprocess, sys\n"
        "from rosey_core.parent import request_signal_at_parents_death as request\n"
        "child = subprocess.Popen(['cat'], stdin=subprocess.PIPE, preexec_fn=lambda: request(signal.SIGKILL))\n"
        "print(child.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as middle:
        assert middle.stdout is not None
        child = psutil.Process(int(middle.stdout.readline()))
        gone = watched(child.pid)
        assert not gone.is_set()
        # Stopped, it cannot end by itself at the end of its input.
        child.suspend()
        middle.kill()
        assert gone.wait(SOON if on_linux else 0.1) is on_linux
        if not on_linux:
            child.kill()
