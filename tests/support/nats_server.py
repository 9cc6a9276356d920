"""A real nats-server for one test: on 127.0.0.1, on a port of its own, with a store of its own.

It starts in some 20 ms, so each test has its own and isolation costs nothing. What a test does to it (kill, pause,
restart on the same port and store) is what happens to servers in the field.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

START_TIMEOUT: Final = 15.0
STOP_TIMEOUT: Final = 10.0
POLL: Final = 0.002


def executable() -> Path:
    """The nats-server beside the running Python, else the one on the path.

    Raises:
        FileNotFoundError: there is none.
    """
    beside = Path(sys.executable).with_name("nats-server.exe" if sys.platform == "win32" else "nats-server")
    if beside.exists():
        return beside
    found = shutil.which("nats-server")
    if found is None:
        raise FileNotFoundError("nats-server: neither beside sys.executable nor on the path")
    return Path(found)


class NatsServer:
    """One nats-server process, with JetStream unless told otherwise.

    Args:
        directory: where its store, log and configuration go; survives ``kill`` and ``restart``.
        jetstream: whether JetStream is enabled.
        config: text in nats-server's configuration language, such as ``max_payload: 1000``.
        options: more command-line options, such as ``("--user", "rosey", "--pass", "...")``.
    """

    def __init__(
        self, directory: Path, *, jetstream: bool = True, config: str = "", options: Sequence[str] = ()
    ) -> None:
        self.directory = directory
        self.jetstream = jetstream
        self.config = config
        self.options = options
        self.port: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._paused = False

    @property
    def url(self) -> str:
        """``nats://127.0.0.1:port``; the same after ``restart``.

        Raises:
            RuntimeError: it was never started.
        """
        if self.port is None:
            raise RuntimeError("this nats-server was never started")
        return f"nats://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process id.

        Raises:
            RuntimeError: it does not run.
        """
        if self._process is None:
            raise RuntimeError("this nats-server does not run")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process lives; a paused one does."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and return when it accepts clients; on the former port, if it ran before.

        Raises:
            RuntimeError: it runs already, or ended at once; the text holds its log.
            TimeoutError: it accepts nobody within ``START_TIMEOUT`` seconds.
        """
        if self.is_running:
            raise RuntimeError("this nats-server runs already")
        self.directory.mkdir(parents=True, exist_ok=True)
        config_file = self.directory / "nats.conf"
        config_file.write_text(self.config)
        command = [str(executable()), "--addr", "127.0.0.1", "--config", str(config_file)]
        command += ["--port", str(self.port or -1), "--ports_file_dir", str(self.directory)]
        if self.jetstream:
            command += ["--jetstream", "--store_dir", str(self.directory / "store")]
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen([*command, *self.options], stdout=log, stderr=log)
        # By the name of the program that was started: on Windows it ends in .exe.
        ports_file = self.directory / f"{Path(command[0]).name}_{self._process.pid}.ports"
        self._wait(lambda: self._accepts(ports_file), START_TIMEOUT, "accept clients")
        ports_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """End it at once (SIGKILL; on Windows nothing else is known), as a crash does."""
        self._end(getattr(signal, "SIGKILL", signal.SIGTERM))

    def stop(self) -> None:
        """End it in good order (SIGTERM); nothing happens if it does not run."""
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """Let it hang (SIGSTOP): connections stay open and nothing is answered."""
        assert self._process is not None, "not started"
        self._process.send_signal(signal.SIGSTOP)
        # On a busy machine its threads run on for a while after the signal was sent.
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)
        self._paused = True

    def resume(self) -> None:
        """Let it go on after ``pause``."""
        assert self._process is not None, "not started"
        self._process.send_signal(signal.SIGCONT)
        self._paused = False

    def restart(self) -> None:
        """Kill it if it still runs, then start it on the same port and store."""
        self.kill()
        self.start()

    def log(self) -> str:
        """What it has logged so far."""
        return self._log_file.read_text(errors="replace") if self._log_file.exists() else ""

    @property
    def _log_file(self) -> Path:
        return self.directory / "nats-server.log"

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        if self._paused:
            process.send_signal(signal.SIGCONT)
            self._paused = False
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _accepts(self, ports_file: Path) -> bool:
        if not self.is_running:
            self._process = None
            raise RuntimeError(f"nats-server ended at once:\n{self.log()}")
        try:
            (url,) = json.loads(ports_file.read_text())["nats"]
        except (FileNotFoundError, json.JSONDecodeError):
            return False
        self.port = int(url.rpartition(":")[2])
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                return connection.recv(4) == b"INFO"
        except OSError:
            return False

    def _wait(self, condition: Callable[[], bool], timeout: float, what: str) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                self.kill()
                raise TimeoutError(f"nats-server did not {what} within {timeout:g} s:\n{self.log()}")
            time.sleep(POLL)
