"""The guard of programs that know nothing of parents."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rosey_cli.data_directory import identity
from tests.support.waiting import until

SLEEP = "import time; time.sleep(60)"


def guarded(parent: int, *command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "rosey_cli.up.guard", str(parent), *command])


def program_of(directory: Path) -> tuple[str, ...]:
    """A program that writes down its number and sleeps."""
    code = f"import os, pathlib; pathlib.Path({str(directory / 'draft')!r}).write_text(str(os.getpid())); "
    code += f"os.rename({str(directory / 'draft')!r}, {str(directory / 'pid')!r}); {SLEEP}"
    return sys.executable, "-c", code


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[bytes]]:
    """A process that wants programs."""
    with subprocess.Popen([sys.executable, "-c", SLEEP]) as process:
        yield process
        process.kill()


async def test_the_program_ends_with_the_process_that_wanted_it(
    parent: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    guard = guarded(parent.pid, *program_of(tmp_path))
    await until((tmp_path / "pid").exists)
    program = identity(int((tmp_path / "pid").read_text()))
    assert program is not None
    parent.kill()
    parent.wait()
    assert guard.wait(10) == -signal.SIGTERM
    assert program.process is None


async def test_a_signal_is_passed_on(tmp_path: Path) -> None:
    guard = guarded(os.getpid(), *program_of(tmp_path))
    await until((tmp_path / "pid").exists)
    program = identity(int((tmp_path / "pid").read_text()))
    guard.terminate()
    assert guard.wait(10) == -signal.SIGTERM
    assert program is not None
    assert program.process is None


@pytest.mark.parametrize("code", [0, 3])
def test_the_exit_code_is_the_programs(code: int) -> None:
    assert guarded(os.getpid(), sys.executable, "-c", f"raise SystemExit({code})").wait(10) == code
