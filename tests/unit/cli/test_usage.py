"""CPU and memory of a program over its processes."""

from __future__ import annotations

import os
import subprocess
import sys

from rosey_cli.up.usage import Usage

BURN = "import time; end = time.process_time() + 0.1\nwhile time.process_time() < end: pass\nprint(flush=True); input()"


def burner() -> subprocess.Popen[bytes]:
    """A process that has used a tenth of a second of CPU, and waits."""
    process = subprocess.Popen([sys.executable, "-c", BURN], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def test_a_second_process_adds_to_the_first() -> None:
    usage = Usage()
    first = burner()
    usage.look(first.pid, 1.0)
    end(first)
    before = usage.cpu_seconds
    assert before >= 0.08
    usage.look(None, 2.0)
    assert usage.cpu_seconds == before
    second = burner()
    usage.look(second.pid, 3.0)
    end(second)
    assert usage.cpu_seconds >= before + 0.08
    assert usage.rss_max >= usage.rss > 1 << 20


def test_per_cent_is_of_the_time_between_two_looks() -> None:
    usage = Usage()
    usage.look(os.getpid(), 1.0)
    before = usage.cpu_seconds
    sum(range(10**6))
    usage.look(os.getpid(), 2.0)
    assert abs(usage.cpu_percent - 100 * (usage.cpu_seconds - before)) < 1e-6
