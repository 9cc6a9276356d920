"""Whoever ends a run of benchmarks ends all that it has started, also where a shell began it in the background."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from benchmarks.interruption import INTERRUPTED
from tests.support.waiting import until

ROSEY = Path(sys.executable).with_name("rosey")
REPORT = ("bench", "--quick", "--only", "test_sustained_throughput")
PATH = ("bench", "path", "--quick", "--only", "latency_1k")
SATURATION = ("bench", "saturation", "--quick", "--channels", "1")
START_S = 60.0

SWALLOWS = """
import subprocess, sys, tempfile, time
from benchmarks import interruption

def work():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    print(child.pid, tempfile.mkdtemp(), flush=True)
    while True:
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            pass

interruption.ENDING_S = 0.1
sys.exit(interruption.guarded(work))
"""

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Begin a run as a shell without job control does what has an ampersand behind it; its files go to ``made``."""
    begun: list[subprocess.Popen[bytes]] = []
    (tmp_path / "made").mkdir()

    def begin(*arguments: str) -> subprocess.Popen[bytes]:
        command = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", str(ROSEY), *arguments]
        environment = {**os.environ, "TMPDIR": str(tmp_path / "made")}
        with (tmp_path / "said").open("w") as said:
            begun.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=said))
        return begun[-1]

    yield begin
    for process in begun:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("command", "signum"),
    [
        (REPORT, signal.SIGTERM),
        (PATH, signal.SIGTERM),
        (PATH, signal.SIGINT),
        (PATH, signal.SIGHUP),
        (SATURATION, signal.SIGHUP),
    ],
    ids=lambda value: value.name if isinstance(value, signal.Signals) else "-".join(value[:2]).replace("-", " "),
)
async def test_what_was_started_ends_with_it(
    tmp_path: Path, begin: Callable[..., subprocess.Popen[bytes]], command: tuple[str, ...], signum: signal.Signals
) -> None:
    process = begin(*command, "--output", str(tmp_path / "report"))
    harness = psutil.Process(process.pid)
    # The server, and what publishes to it or reads from it.
    await until(lambda: len(harness.children(recursive=True)) > 1, timeout=START_S)
    children = harness.children(recursive=True)
    assert "nats-server" in {child.name() for child in children}
    process.send_signal(signum)
    # As a terminal that is closed.
    process.send_signal(signum)
    assert process.wait(START_S) == INTERRUPTED
    said = (tmp_path / "said").read_text()
    assert said.endswith("interrupted: nothing is written\n")
    assert "Traceback" not in said
    # What multiprocessing watches its own with ends when it has noticed.
    await until(lambda: not any(child.is_running() for child in children), what="all have ended", timeout=START_S)
    assert list((tmp_path / "made").iterdir()) == []
    assert not (tmp_path / "report").exists()


def test_what_swallows_the_interruption_is_ended_all_the_same() -> None:
    with subprocess.Popen([sys.executable, "-c", SWALLOWS], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid, directory = process.stdout.readline().split()
        child = psutil.Process(int(pid))
        process.terminate()
        assert process.wait(START_S) == INTERRUPTED
        child.wait(START_S)
        assert not Path(directory).exists()
