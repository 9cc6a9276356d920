"""The processes that are killed: started, ended and asked how they are."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

READY_TIMEOUT_S = 30.0


class ServiceProcess:
    """A real process of Rosey's.

    Args:
        program: its name, such as ``rosey-database``.
        directory: where its configuration, ready file and log go.
        name: tells it from others in that directory.
        config: its configuration, in the terms of the file.
    """

    def __init__(self, program: str, directory: Path, name: str, config: dict[str, Any]) -> None:
        self.name = name
        self._program = program
        self._ready_file = directory / f"{name}.ready"
        self._log = directory / f"{name}.log"
        self._config = directory / f"{name}.json"
        self._config.write_text(json.dumps({"version": 2, "health": {"port": 0}, **config}))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it may not be ready yet."""
        self._ready_file.unlink(missing_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(Path(sys.executable).with_name(self._program)), str(self._config)],
                stdout=log,
                stderr=log,
                env={**os.environ, "ROSEY_READY_FILE": str(self._ready_file)},
            )

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def pause(self) -> None:
        """Let it hang (SIGSTOP)."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it in good order."""
        if self._process is None:
            return
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()

    @property
    def exit_code(self) -> int | None:
        """Its exit code, ``None`` while it runs."""
        return None if self._process is None else self._process.poll()

    @property
    def log(self) -> str:
        """What it has written."""
        return self._log.read_text(errors="replace")

    def readiness(self) -> dict[str, Any] | None:
        """What ``/readyz`` says, ``None`` where nobody answers."""
        try:
            url = json.loads(self._ready_file.read_text())["health_url"]
            with urllib.request.urlopen(f"{url}/readyz", timeout=1) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            return dict(json.load(error))
        except (OSError, ValueError):
            return None

    def wait_ready(self) -> None:
        """Return when it is ready.

        Raises:
            TimeoutError: it is not within ``READY_TIMEOUT_S``; the text holds its log.
        """
        deadline = time.monotonic() + READY_TIMEOUT_S
        while True:
            state = self.readiness()
            if state is not None and state.get("ready"):
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} is not ready: {state}\n{self.log[-3000:]}")
            time.sleep(0.02)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)


def database_process(
    directory: Path, name: str, *, nats_url: str, database: Path, default_channel: str
) -> ServiceProcess:
    """A ``rosey-database`` on a database and a NATS server."""
    config = {"nats": {"url": nats_url}, "database": {"path": str(database), "default_channel": default_channel}}
    return ServiceProcess("rosey-database", directory, name, config)


def bot_process(
    directory: Path, name: str, *, nats_url: str, cytube_url: str, channels: list[str], user: str, password: str
) -> ServiceProcess:
    """A ``rosey-bot`` in channels of a CyTube server that lets it connect as often as it likes."""
    login = {"server": cytube_url, "user": user, "password": password}
    config = {
        "nats": {"url": nats_url},
        "platforms": [{"type": "cytube", "channel": channel, **login} for channel in channels],
        "bot": {"spool_dir": str(directory / f"{name}-spool"), "connection_interval": 0.001},
    }
    return ServiceProcess("rosey-bot", directory, name, config)
