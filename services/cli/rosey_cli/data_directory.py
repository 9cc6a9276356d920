"""The directory in which one Rosey lives on this machine: its database, its stream, its spool, its logs.

It belongs to one ``rosey up`` at a time. What that one runs is written down in it, so that other commands find it and
so that the next one can wait for what a killed one left behind.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
import psutil

from rosey_cli.failure import Failure

DEMO: Final = "demo"
MAIN: Final = "main"
RECORDINGS: Final = "recordings"

_POLL_S: Final = 0.02


class ProcessIdentity(msgspec.Struct, frozen=True):
    """A process that is this one and no later one of its number.

    Attributes:
        pid: its number.
        started: Unix seconds of its start.
    """

    pid: int
    started: float

    @property
    def process(self) -> psutil.Process | None:
        """The process, ``None`` where it has ended."""
        try:
            process = psutil.Process(self.pid)
            # The same figure comes from the same clock, but for rounding.
            if abs(process.create_time() - self.started) > 0.5 or process.status() == psutil.STATUS_ZOMBIE:
                return None
        except psutil.Error:
            return None
        return process


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """What a ``rosey up`` runs.

    Attributes:
        pid: of ``rosey up`` itself.
        nats_url: where its nats-server is.
        processes: its children by name.
    """

    pid: int
    nats_url: str
    processes: dict[str, ProcessIdentity] = {}


def identity(pid: int) -> ProcessIdentity | None:
    """The identity of a process that runs, ``None`` where it has ended already."""
    try:
        return ProcessIdentity(pid, psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the data directories of this user are, unless one is named: ``rosey`` under the user's data."""
    if sys.platform == "win32":
        base = environ.get("LOCALAPPDATA")
        default = Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base, default = None, Path.home() / "Library" / "Application Support"
    else:
        base, default = environ.get("XDG_DATA_HOME"), Path.home() / ".local" / "share"
    return (Path(base) if base else default) / "rosey"


class DataDirectory:
    """One data directory.

    Args:
        path: made where it is absent.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = path / "rosey.db"
        self.stream_store = path / "nats"
        self.spool = path / "spool"
        self.logs = path / "logs"
        self.ready_files = path / "run"
        self.configuration = path / "run" / "config.json"
        self.crowd_record = path / "run" / "crowd.jsonl"
        self._lock_file = path / "lock"
        self._running_file = path / "run" / "rosey.json"
        self._lock: int | None = None

    def acquire(self) -> None:
        """Make the directory and take it for this process, which keeps it until it ends.

        Raises:
            Failure: another ``rosey up`` has it, or it cannot be written.
        """
        try:
            for directory in (self.path, self.logs, self.ready_files):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise Failure(
                f"the data directory {self.path} cannot be used: {error.strerror}: {error.filename}\n"
                "Name another with --data DIR, or make it writable."
            ) from None
        if not _lock(descriptor):
            os.close(descriptor)
            raise Failure(
                f"{self._holder()} is at work on {self.path} already.\n"
                "Stop it first, or give this one a directory of its own with --data DIR."
            )
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._lock = descriptor

    def release(self) -> None:
        """Let go of the directory; safe to call again."""
        descriptor, self._lock = self._lock, None
        if descriptor is not None:
            self._running_file.unlink(missing_ok=True)
            self.configuration.unlink(missing_ok=True)
            os.close(descriptor)

    def clear_leftovers(self, timeout: float) -> list[str]:
        """Wait until the children of a ``rosey up`` that was killed have ended; end those that do not.

        They notice their parent's death by themselves, but need a moment to store what they hold, and a second
        nats-server on one store would spoil it.

        Args:
            timeout: seconds until they are killed.

        Returns:
            The names of those that had to be waited for.
        """
        former = self.running()
        left = {} if former is None else _alive(former.processes)
        names = list(left)
        deadline = time.monotonic() + timeout
        while left and time.monotonic() < deadline:
            time.sleep(_POLL_S)
            left = _alive(left)
        for child in left.values():
            process = child.process
            if process is not None:
                process.kill()
                process.wait(timeout)
        for file in self.ready_files.glob("*"):
            file.unlink(missing_ok=True)
        return names

    def write_running(self, running: Running) -> None:
        """Write down what runs."""
        write_private(self._running_file, msgspec.json.encode(running))

    def running(self) -> Running | None:
        """What was last written down and not taken back, ``None`` where there is nothing; it may have ended since."""
        try:
            return msgspec.json.decode(self._running_file.read_bytes(), type=Running)
        except (OSError, msgspec.MsgspecError):
            return None

    def is_held(self) -> bool:
        """Whether a ``rosey up`` is at work here now."""
        try:
            descriptor = os.open(self._lock_file, os.O_RDWR)
        except OSError:
            return False
        try:
            return not _lock(descriptor)
        finally:
            os.close(descriptor)

    def _holder(self) -> str:
        try:
            pid = self._lock_file.read_text().strip()
        except OSError:
            pid = ""
        return f"another rosey (process {pid})" if pid.isdigit() else "another rosey"


def held_directories(environ: Mapping[str, str] = os.environ) -> list[DataDirectory]:
    """The user's data directories in which a ``rosey up`` is at work now."""
    base = home(environ)
    candidates = [base / DEMO, base / MAIN, *sorted((base / RECORDINGS).glob("*"))]
    return [directory for directory in map(DataDirectory, candidates) if directory.is_held()]


def health_urls(folder: Path) -> dict[str, str]:
    """Where the processes whose ready files lie in a folder serve their health, with their names."""
    urls = {}
    for file in sorted(folder.glob("rosey-*.json")):
        try:
            urls[str(json.loads(file.read_bytes())["health_url"])] = file.stem
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return urls


def write_private(path: Path, content: bytes) -> None:
    """Replace a file at once by one that only this user can read."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.replace(path)


def _alive(processes: Mapping[str, ProcessIdentity]) -> dict[str, ProcessIdentity]:
    return {name: child for name, child in processes.items() if child.process is not None}


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
