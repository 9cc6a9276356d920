"""Processes under measurement: started, told to go, asked for CPU and memory, ended."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import psutil

ROOT: Final = Path(__file__).parents[1]
REPORT_TIMEOUT_S: Final = 900.0
READY_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 20.0


class Process:
    """A process of ours.

    Args:
        command: what to start, in the repository's root.
        log: takes what it says on standard error.
        environment: added to ours.
    """

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self._command = command
        self._log = log
        # A harness that is killed leaves no service behind.
        self._environment = {**os.environ, "ROSEY_PARENT_PID": str(os.getpid()), **(environment or {})}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                limit=1 << 26,
            )

    @property
    def pid(self) -> int:
        """Its id."""
        return self._running.pid

    async def report(self) -> dict[str, Any]:
        """The next line of JSON that it says.

        Raises:
            RuntimeError: it ended instead; the text holds its log.
        """
        stdout = self._running.stdout
        assert stdout is not None
        line = await asyncio.wait_for(stdout.readline(), REPORT_TIMEOUT_S)
        if not line:
            raise RuntimeError(f"{' '.join(self._command)} ended:\n{self._log.read_text(errors='replace')[-5000:]}")
        return dict(json.loads(line))

    async def go(self) -> dict[str, Any]:
        """Tell it to go on, and return what it reports next."""
        self.nudge()
        return await self.report()

    async def ask(self, **fields: Any) -> dict[str, Any]:
        """Tell it what to do, in a line of JSON, and return what it reports next."""
        self._tell(json.dumps(fields).encode())
        return await self.report()

    def nudge(self) -> None:
        """Tell it to go on."""
        self._tell(b"")

    def _tell(self, line: bytes) -> None:
        stdin = self._running.stdin
        assert stdin is not None
        stdin.write(line + b"\n")

    async def wait(self) -> None:
        """Wait until it has ended by itself; it is ended where that takes long."""
        try:
            await asyncio.wait_for(self._running.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            await self.kill()

    async def stop(self) -> None:
        """End it in good order, the hard way where that takes long; safe to call again."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        await self.wait()

    async def kill(self) -> None:
        """End it at once."""
        if self._running.returncode is None:
            self._running.kill()
            await self._running.wait()

    @property
    def _running(self) -> asyncio.subprocess.Process:
        assert self._process is not None, "not started"
        return self._process


class Service(Process):
    """A process of Rosey's, from its configuration; ready when ``/readyz`` says so.

    Args:
        program: how to start it, without the configuration.
        name: tells it from others in that directory.
        directory: for its configuration, ready file and log.
    """

    def __init__(
        self,
        program: Sequence[str],
        name: str,
        directory: Path,
        configuration: Mapping[str, Any],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        file = directory / f"{name}.json"
        file.write_text(json.dumps({"version": 2, "health": {"port": 0}, **configuration}))
        self._name = name
        self._ready_file = directory / f"{name}.ready"
        super().__init__(
            [*program, str(file)],
            directory / f"{name}.log",
            {**(environment or {}), "ROSEY_READY_FILE": str(self._ready_file)},
        )

    async def start(self) -> None:
        """Start it; it may not be ready yet."""
        self._ready_file.unlink(missing_ok=True)
        await super().start()

    async def ready(self) -> None:
        """Return when it is ready.

        Raises:
            TimeoutError: it is not in time; the text says what it lacks.
            RuntimeError: it ended instead; the text holds its log.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + READY_TIMEOUT_S
        state: dict[str, Any] = {}
        while not state.get("ready"):
            if self._running.returncode is not None:
                raise RuntimeError(f"{self._name} ended:\n{self._log.read_text(errors='replace')[-3000:]}")
            if loop.time() > deadline:
                raise TimeoutError(
                    f"{self._name} is not ready: {state}\n{self._log.read_text(errors='replace')[-3000:]}"
                )
            await asyncio.sleep(0.05)
            state = await asyncio.to_thread(self._readiness)

    @property
    def health_url(self) -> str:
        """Where it serves health and metrics, once it was ready."""
        return str(json.loads(self._ready_file.read_text())["health_url"])

    def _readiness(self) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(f"{self.health_url}/readyz", timeout=1) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            return dict(json.load(error))
        except (OSError, ValueError) as error:
            return {"unreachable": str(error)}


def module(name: str) -> list[str]:
    """How to start a program of this package."""
    return [sys.executable, "-m", f"benchmarks.{name}"]


class CpuMeter:
    """CPU seconds, user and system, that processes take from its making on.

    Args:
        pids: processes by the names under which they are reported.
    """

    def __init__(self, **pids: int) -> None:
        self._pids = pids
        self._before = self._read()

    def microseconds(self, events: int) -> dict[str, float]:
        """What each process took since, for each of so many events."""
        now = self._read()
        return {name: (now[name] - self._before[name]) / events * 1e6 for name in now}

    def _read(self) -> dict[str, float]:
        return {name: cpu_seconds(pid) for name, pid in self._pids.items()}


def cpu_seconds(pid: int) -> float:
    """What a process has taken so far, user and system, with all its threads.

    Linux tells it to the nanosecond, macOS to the microsecond, Windows in steps of a 64th of a second.
    """
    if sys.platform == "linux":
        # The clock of another process (clock_getcpuclockid), in the form that the kernel has for it: what /proc tells
        # is rounded down to hundredths of a second.
        return time.clock_gettime((~pid << 3) | 2)
    return float(sum(psutil.Process(pid).cpu_times()[:2]))


def resident_mb(pid: int) -> float:
    """A process's resident memory, in 2**20 bytes."""
    return float(psutil.Process(pid).memory_info().rss) / (1 << 20)
