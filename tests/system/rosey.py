"""A real ``rosey up`` with all its processes, for one test."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import psutil

from rosey_cli.data_directory import DataDirectory, Running
from rosey_cli.up.baseline import open_to_read

START_S: Final = 45.0
"""A machine that runs other tests, too, may take this long to start five Python processes."""
STOP_S: Final = 30.0
_POLL_S: Final = 0.02


def command() -> list[str]:
    """How ``rosey`` is called, whatever the PATH."""
    return [str(Path(sys.executable).with_name("rosey"))]


def environment(home: Path) -> dict[str, str]:
    """The environment of a user who has never seen Rosey."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ROSEY_", "XDG_"))}
    return {**kept, "HOME": str(home)}


class RoseyUp:
    """One ``rosey up`` process.

    Args:
        data: its data directory.
        arguments: more options.
        terminal: give it a terminal of its own, which ``close_terminal`` closes.
    """

    def __init__(self, data: Path, *arguments: str, terminal: bool = False) -> None:
        self.directory = DataDirectory(data)
        self._output = data.with_name(f"{data.name}.{time.monotonic_ns()}.out")
        self._errors = self._output.with_suffix(".err")
        self._terminal: int | None = None
        options: dict[str, Any] = {}
        streams: list[Any] = [self._output.open("wb"), self._errors.open("wb")]
        if terminal:
            self._terminal, inner = pty.openpty()
            fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
            for stream in streams:
                stream.close()
            streams = [os.fdopen(inner, "r+b", buffering=0)] * 2
            options = {"stdin": inner, "preexec_fn": lambda: fcntl.ioctl(inner, termios.TIOCSCTTY, 0)}
        home = data.parent / "home"
        home.mkdir(exist_ok=True)
        self._process = subprocess.Popen(
            [*command(), "up", "--data", str(data), *arguments],
            stdout=streams[0],
            stderr=streams[1],
            env={**environment(home), "TERM": "xterm-256color"},
            start_new_session=True,
            **options,
        )
        for stream in streams:
            stream.close()

    @property
    def pid(self) -> int:
        """The process id of ``rosey up`` itself."""
        return self._process.pid

    @property
    def output(self) -> str:
        """What it has written to standard output so far."""
        return self._output.read_text(errors="replace")

    @property
    def errors(self) -> str:
        """What it has written to standard error so far."""
        return self._errors.read_text(errors="replace")

    @property
    def running(self) -> Running | None:
        """What it has written down of its processes."""
        return self.directory.running()

    def child(self, name: str) -> int:
        """The process id of a child."""
        running = self.running
        assert running is not None, "nothing is written down"
        return running.processes[name].pid

    def left_behind(self) -> list[str]:
        """The processes that it has started and that live now."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("ROSEY_PARENT_PID") == str(self.pid):
                    found.append(f"{process.pid} {process.name()}")
            except psutil.Error:
                continue
        return found

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database has."""
        with closing(open_to_read(self.directory.database)) as connection:
            return connection.execute(query).fetchall()

    def position(self) -> int:
        """How far the stream is stored."""
        if not self.directory.database.exists():
            return 0
        with closing(open_to_read(self.directory.database)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            if "ingest_position" not in tables:
                return 0
            return int(connection.execute("SELECT coalesce(max(sequence), 0) FROM ingest_position").fetchone()[0])

    def wait_until(self, condition: Callable[[], Any], what: str, timeout: float = START_S) -> Any:
        """Return the first true value of ``condition``; the process must live meanwhile."""
        deadline = time.monotonic() + timeout
        while not (value := condition()):
            assert self._process.poll() is None, f"rosey up ended before {what}:\n{self.output}{self.errors}"
            assert time.monotonic() < deadline, f"not within {timeout:g} s: {what}\n{self.output}{self.errors}"
            time.sleep(_POLL_S)
        return value

    def wait_stored(self, beyond: int = 0) -> int:
        """Wait until the database has stored events beyond this position; returns the new one."""
        self.wait_until(lambda: self.position() > beyond, f"events beyond {beyond} are stored")
        return self.position()

    def wait_restarted(self, name: str, before: int) -> None:
        """Wait until child ``name`` is another process than ``before``."""

        def another() -> bool:
            running = self.running
            return running is not None and running.processes[name].pid != before

        self.wait_until(another, f"{name} is started again")

    def send(self, signum: signal.Signals) -> None:
        """Send a signal to ``rosey up`` alone."""
        self._process.send_signal(signum)

    def close_terminal(self) -> None:
        """Close its terminal, as a window that is closed does."""
        assert self._terminal is not None, "it has none"
        os.close(self._terminal)
        self._terminal = None

    def read_terminal(self) -> str:
        """What it has shown since the last time, waiting for at least something."""
        assert self._terminal is not None, "it has none"
        return os.read(self._terminal, 1 << 20).decode(errors="replace")

    def wait(self, timeout: float = START_S + STOP_S) -> int:
        """Wait for its end; returns its exit code."""
        return self._process.wait(timeout)

    def wait_for_nobody(self, recorded: Running | None = None, timeout: float = STOP_S) -> None:
        """Wait until no process of it is left, nor any that it had written down.

        A process on its last way has no environment any more by which to find it.
        """
        processes = {} if recorded is None else recorded.processes
        deadline = time.monotonic() + timeout
        while left := self.left_behind() + [name for name, child in processes.items() if child.process is not None]:
            assert time.monotonic() < deadline, f"left behind after {timeout:g} s: {left}"
            time.sleep(_POLL_S)

    def report(self) -> dict[str, Any]:
        """The last line of standard output, as JSON."""
        report = json.loads(self.output.splitlines()[-1])
        assert isinstance(report, dict)
        return report

    def clean_up(self) -> None:
        """End whatever is left, whatever the test came to."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        if self._terminal is not None:
            os.close(self._terminal)
        self.wait_for_nobody()


def run_rosey(home: Path, arguments: Sequence[str], timeout: float = START_S) -> subprocess.CompletedProcess[str]:
    """Run another command of ``rosey`` to its end."""
    return subprocess.run(
        [*command(), *arguments], env=environment(home), capture_output=True, text=True, timeout=timeout, check=False
    )
