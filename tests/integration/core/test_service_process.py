"""The end of a service's process, which comes whatever hangs in it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rosey_core.service import FAILED


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a service in a process of its own, and return when its ``main`` has printed that it works."""
    started: list[subprocess.Popen[str]] = []

    def make(body: str, *argv: str, **environ: str) -> subprocess.Popen[str]:
        script = tmp_path / "service_under_test.py"
        script.write_text(SCRIPT.format(body=body))
        started.append(
            subprocess.Popen(
                [sys.executable, str(script), *argv],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, **environ},
            )
        )
        assert started[-1].stdout is not None
        assert started[-1].stdout.readline() == "works\n"
        return started[-1]

    yield make
    for one in started:
        one.kill()
        one.communicate()


SCRIPT = """
import asyncio, sys, threading, time
from rosey_core import service

async def check(config):
    return []

async def main(config, context):
    print("works", flush=True)
    {body}

service._CANCEL_SECONDS = 0.1
sys.exit(service.run("rosey-database", "", check, main, stop_seconds=0.1))
"""


def test_the_same_signal_again_ends_it_at_once(process: Callable[..., subprocess.Popen[str]]) -> None:
    hanging = process("time.sleep(60)")
    hanging.send_signal(signal.SIGINT)
    hanging.send_signal(signal.SIGINT)
    deadline = time.monotonic() + 10
    while hanging.poll() is None and time.monotonic() < deadline:
        hanging.send_signal(signal.SIGINT)
        time.sleep(0.005)
    assert hanging.returncode == 128 + signal.SIGINT


def test_a_loop_that_hangs_does_not_keep_it_from_ending(process: Callable[..., subprocess.Popen[str]]) -> None:
    hanging = process("time.sleep(60)")
    hanging.terminate()
    assert hanging.wait(10) == FAILED


def test_a_thread_that_hangs_does_not_keep_it_from_ending(process: Callable[..., subprocess.Popen[str]]) -> None:
    hanging = process("threading.Thread(target=time.sleep, args=[60], name='stuck').start()")
    assert hanging.wait(10) == FAILED
    assert hanging.stderr is not None
    assert "threads that do not end: stuck" in hanging.stderr.read()


def test_it_ends_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "service_under_test.py"
    script.write_text(SCRIPT.format(body="await context.stop.wait()"))
    supervisor = (
        "import os, subprocess, sys\n"
        "environ = {**os.environ, 'ROSEY_PARENT_PID': str(os.getpid())}\n"
        f"subprocess.Popen([sys.executable, {str(script)!r}], env=environ).wait()\n"
    )
    with subprocess.Popen([sys.executable, "-c", supervisor], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "works\n"
        process.kill()
        ended = threading.Event()

        def read_to_the_end() -> None:
            # The service holds the pipe's other end for as long as it lives.
            process.stdout.read()
            ended.set()

        reader = threading.Thread(target=read_to_the_end, daemon=True)
        reader.start()
        assert ended.wait(10)
        reader.join()
