"""The programs that make up a whole Rosey."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

from rosey_cli.failure import Failure
from rosey_cli.up.program import Program
from rosey_cli.up.scrape import get_readiness
from rosey_core.service import READY_FILE

LOOPBACK: Final = "127.0.0.1"
_ANSWER_S: Final = 2.0


def executable(name: str) -> str:
    """The path of an installed program: beside the running Python, else on the path.

    Raises:
        Failure: there is none.
    """
    beside = Path(sys.executable).with_name(f"{name}.exe" if sys.platform == "win32" else name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise Failure(f"the program {name} is neither beside {sys.executable} nor on the PATH: run 'make install'")
    return found


def free_port() -> int:
    """A port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def check_port(port: int) -> None:
    """Make sure that a server could listen on ``port``.

    Raises:
        Failure: somebody else does, or it is not allowed.
    """
    with socket.socket() as probe:
        if sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise Failure(
                f"nats-server cannot listen on {LOOPBACK} port {port}: {error.strerror}.\n"
                "Name another with --nats-port N, or leave it out for any that is free."
            ) from None


class NatsServer(Program):
    """nats-server with JetStream, on this machine's loopback address.

    Args:
        store: the directory of its streams.
        run: a directory for the file in which it tells its port.
        port: to listen on; 0 for any that is free, which it then keeps.
    """

    watches_parent: ClassVar[bool] = False

    def __init__(self, *, store: Path, run: Path, log_file: Path, port: int = 0) -> None:
        super().__init__("nats-server", log_file)
        self._executable = executable("nats-server")
        self._store = store
        self._run = run
        self.port = port

    @property
    def url(self) -> str:
        """Its address, once it was ready."""
        return f"nats://{LOOPBACK}:{self.port}"

    def command(self) -> list[str]:
        for stale in self._ports_files():
            stale.unlink(missing_ok=True)
        return [
            self._executable,
            *("--name", "rosey", "--addr", LOOPBACK, "--port", str(self.port or -1)),
            *("--jetstream", "--store_dir", str(self._store), "--ports_file_dir", str(self._run)),
        ]

    async def is_ready(self, pid: int) -> bool:
        if not self.port:
            try:
                (url,) = json.loads(self._ports_files()[0].read_text())["nats"]
            except (IndexError, FileNotFoundError, json.JSONDecodeError):
                return False
            self.port = int(url.rpartition(":")[2])
        return await _greets(self.port, b"INFO")

    def _ports_files(self) -> list[Path]:
        return list(self._run.glob("nats-server*_*.ports"))


class Service(Program):
    """A process of ours that tells where it serves its health: rosey-bot or rosey-database.

    Args:
        configuration: its configuration file.
        run: a directory for the file in which it tells so.
        needs_all: whether it counts as ready only when all that it needs is there; else as soon as it lives.
    """

    def __init__(self, name: str, *, configuration: Path, run: Path, log_file: Path, needs_all: bool = True) -> None:
        super().__init__(name, log_file)
        self._executable = executable(name)
        self._configuration = configuration
        self._ready_file = run / f"{name}.json"
        self._needs_all = needs_all

    @property
    def health_url(self) -> str | None:
        """Where its present process serves health and metrics, ``None`` where it does not."""
        try:
            url = json.loads(self._ready_file.read_text())["health_url"]
        except (OSError, ValueError):
            return None
        return str(url)

    def command(self) -> list[str]:
        # What a killed process left would be taken for the next one's.
        self._ready_file.unlink(missing_ok=True)
        return [self._executable, str(self._configuration)]

    def environment(self) -> dict[str, str]:
        return {READY_FILE: str(self._ready_file)}

    async def is_ready(self, pid: int) -> bool:
        url = self.health_url
        if url is None:
            return False
        if not self._needs_all:
            return True
        readiness = await get_readiness(url)
        self.problem = "; ".join(readiness.reasons)
        return readiness.ready


class Simulator(Program):
    """rosey-simulator: a CyTube site on this machine.

    Args:
        options: what it is to do beside listening.
        may_finish: whether it ends by itself when that is done.
    """

    watches_parent: ClassVar[bool] = False

    def __init__(self, *, log_file: Path, options: Sequence[str] = (), may_finish: bool = False) -> None:
        super().__init__("rosey-simulator", log_file)
        self.may_finish = may_finish
        self._executable = executable("rosey-simulator")
        self._options = list(options)
        # Chosen here, since the bot must find the next process at the address of the last one.
        self.port = free_port()

    @property
    def url(self) -> str:
        """The site's address."""
        return f"http://{LOOPBACK}:{self.port}"

    def command(self) -> list[str]:
        return [self._executable, "--host", LOOPBACK, "--port", str(self.port), *self._options]

    async def is_ready(self, pid: int) -> bool:
        return await _greets(self.port, b"")


async def _greets(port: int, greeting: bytes) -> bool:
    """Whether a server on this port accepts a connection and begins with ``greeting``."""
    try:
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                return await reader.readexactly(len(greeting)) == greeting
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False
