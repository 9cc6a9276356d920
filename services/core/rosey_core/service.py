"""What every process does the same way: arguments, configuration, logging, signals, health, and its end.

A service is a coroutine that works until it is asked to stop::

    def main() -> int:
        return run("rosey-database", "Stores what the bots publish.", check, serve)

    async def serve(config: Config, context: ServiceContext) -> None:
        context.health.expect("nats")
        ...
        await context.stop.wait()

SIGHUP, and a change of its file, make it read its configuration again (``ServiceContext.reload``).

Environment, for supervisors: ``ROSEY_PARENT_PID`` (as ``--parent-pid``) and ``ROSEY_READY_FILE``, a path where
``{"pid": ..., "health_url": ...}`` is put as soon as health is served.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.metadata
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry

from rosey_core import hangup, parent
from rosey_core.config import Config, ConfigError, load
from rosey_core.config.reload import Reload
from rosey_core.health import Health, HealthCollector, HealthServer
from rosey_core.telemetry import logs, metrics
from rosey_core.telemetry.tracing import open_tracing

if TYPE_CHECKING:
    from rosey_core.telemetry.tracing_spans import Tracing

OK: Final = 0
FAILED: Final = 1
BAD_CONFIGURATION: Final = 2

PARENT_PID: Final = "ROSEY_PARENT_PID"
READY_FILE: Final = "ROSEY_READY_FILE"

_CANCEL_SECONDS: Final = 1.0
_STOP_SIGNALS: Final = [getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGBREAK") if hasattr(signal, name)]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServiceContext:
    """What a service is given.

    Attributes:
        stop: set when it shall end; it then has a bounded time to do so.
        health: to report on.
        registry: for its metrics.
        server: serves both, already listening.
        reload: brings changes of the configuration in.
        tracing: makes traces, where they are exported.
    """

    stop: asyncio.Event
    health: Health
    registry: CollectorRegistry
    server: HealthServer
    reload: Reload
    tracing: Tracing | None = None


Check = Callable[[Config], Awaitable[list[str]]]
Main = Callable[[Config, ServiceContext], Awaitable[None]]


def run(
    name: str,
    description: str,
    check: Check,
    main: Main,
    *,
    argv: Sequence[str] | None = None,
    stop_seconds: float = 10.0,
) -> int:
    """Run a service until it ends, by itself or by SIGTERM, SIGINT, the end of its terminal or its parent's death.

    The same signal a second time ends the process at once. SIGHUP makes it read its configuration again.

    Args:
        name: the program's name, which is also its distribution's.
        description: one sentence for ``--help``.
        check: returns what would keep the service from its work; for ``--check``.
        main: the service; ``ConfigError`` from it counts as bad configuration.
        argv: the arguments, ``sys.argv`` unless given.
        stop_seconds: how long it may take to stop; then it is cancelled, and at last the process ends all the same.

    Returns:
        The exit code: 0, 1 after a failure, 2 for a configuration that cannot be used.

    Raises:
        SystemExit: for ``--help``, ``--version``, and arguments that cannot be used.
    """
    arguments = _arguments(name, description, argv)
    try:
        config = _load(arguments)
        if arguments.check:
            return _run(_check(name, config, check))
        logs.configure(config.logging.level, config.logging.format)
        for warning in config.warnings:
            log.warning("configuration: %s", warning)
        process = _Process(name, config, lambda: _load(arguments), main, stop_seconds)
        try:
            return _run(process.serve(arguments.parent_pid))
        finally:
            process.release()
    except ConfigError as error:
        sys.stderr.write(f"{name}: {logs.redacted(str(error))}\n")
        return BAD_CONFIGURATION


def _arguments(name: str, description: str, argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=name, description=description)
    parser.add_argument("config", metavar="CONFIG", nargs="?", type=Path, help="configuration file, JSON or YAML")
    parser.add_argument("--check", action="store_true", help="say whether the service could work, and end")
    parser.add_argument("--version", action="version", version=f"{name} {importlib.metadata.version(name)}")
    parser.add_argument("--health-port", type=_port, metavar="PORT", help="where to serve health and metrics")
    parser.add_argument(
        "--parent-pid",
        type=int,
        metavar="PID",
        default=os.environ.get(PARENT_PID) or None,
        help=f"end when this process is gone (or by the environment: {PARENT_PID})",
    )
    return parser.parse_args(argv)


def _load(arguments: argparse.Namespace) -> Config:
    config = load(arguments.config)
    if arguments.health_port is None:
        return config
    health = config.health.model_copy(update={"port": arguments.health_port})
    return config.model_copy(update={"health": health})


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: 0 to 65535, 0 for any that is free")
    return int(text)


def _run(work: Awaitable[int]) -> int:
    async def ensured() -> int:
        return await work

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(ensured())


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


async def _check(name: str, config: Config, check: Check) -> int:
    # What it comes to is printed: each try to connect need not be told.
    logging.getLogger("rosey_core.bus").setLevel(logging.CRITICAL)
    problems = await check(config)
    for warning in config.warnings:
        sys.stderr.write(f"{name}: warning: {logs.redacted(warning)}\n")
    for problem in problems:
        sys.stderr.write(f"{name}: {logs.redacted(problem)}\n")
    if problems:
        return FAILED
    sys.stdout.write(f"{name}: ready to run\n")
    return OK


class _Process:
    """One run of a service from start to end."""

    _loop: asyncio.AbstractEventLoop

    _reload: Reload

    def __init__(self, name: str, config: Config, load: Callable[[], Config], main: Main, stop_seconds: float) -> None:
        self._name = name
        self._config = config
        self._load = load
        self._main = main
        self._stop_seconds = stop_seconds
        self._stop = asyncio.Event()
        self._health = Health()
        self._received: set[int] = set()
        self._deadline = _exit_after(stop_seconds + 2 * _CANCEL_SECONDS)

    async def serve(self, parent_pid: int | None) -> int:
        self._loop = asyncio.get_running_loop()
        registry = metrics.new_registry(self._name, importlib.metadata.version(self._name))
        registry.register(HealthCollector(self._health))
        tracing = open_tracing(
            self._config.telemetry, registry, service=self._name, version=importlib.metadata.version(self._name)
        )
        self._reload = Reload(self._config, self._load, registry)
        host, port = self._config.health.host, self._config.health.port
        server = HealthServer(self._health, registry, host, port)
        with self._signals():
            if parent_pid is not None:
                self._end_with(parent_pid)
            try:
                await server.start()
            except OSError as error:
                log.error("cannot serve health on %s port %s: %s", host, port, error.strerror)
                return FAILED
            try:
                with _ready_file(server.url):
                    log.info("%s started, health at %s", self._name, server.url)
                    return await self._work(
                        ServiceContext(self._stop, self._health, registry, server, self._reload, tracing)
                    )
            finally:
                if tracing is not None:
                    await asyncio.to_thread(tracing.close)
                await server.stop()

    def release(self) -> None:
        """Give up the bound on the end, now that it is reached, unless threads are left for which Python would wait."""
        self._deadline.cancel()
        left = [thread.name for thread in threading.enumerate() if not thread.daemon]
        left.remove(threading.current_thread().name)
        if left:
            log.error("threads that do not end: %s", ", ".join(left))
            _exit_after(_CANCEL_SECONDS).start()

    async def _work(self, context: ServiceContext) -> int:
        work = asyncio.ensure_future(self._main(self._config, context))
        asked = asyncio.ensure_future(self._stop.wait())
        reload = asyncio.create_task(self._reload.run(), name="reload")
        await asyncio.wait({work, asked}, return_when=asyncio.FIRST_COMPLETED)
        self._bound_the_end()
        asked.cancel()
        reload.cancel()
        await asyncio.gather(asked, reload, return_exceptions=True)
        if not work.done():
            await asyncio.wait({work}, timeout=self._stop_seconds)
        late = not work.done()
        if late:
            log.error("%s did not stop within %g s", self._name, self._stop_seconds)
            work.cancel()
            await asyncio.wait({work}, timeout=_CANCEL_SECONDS)
        if late or work.cancelled():
            return FAILED
        error = work.exception()
        if isinstance(error, ConfigError):
            raise error
        if error is not None:
            log.critical("%s failed: %s", self._name, error, exc_info=error)
            return FAILED
        log.info("%s stopped", self._name)
        return OK

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        # Not loop.add_signal_handler: these also run while the loop is busy, and on Windows.
        before = {signum: signal.signal(signum, self._on_signal) for signum in _STOP_SIGNALS}
        try:
            with hangup.heard(self._ask_to_reload, self._begin_stop):
                yield
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        # A terminal's Ctrl-C reaches a supervisor's children too, which then get its SIGTERM: that is no impatience.
        if signum in self._received:
            os._exit(128 + signum)
        self._received.add(signum)
        self._begin_stop()

    def _ask_to_reload(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._reload.ask)

    def _begin_stop(self) -> None:
        """Ask the service to stop; from any thread, and harmless when it has."""
        self._bound_the_end()
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ask)

    def _ask(self) -> None:
        self._health.fail("service", "stopping")
        self._stop.set()

    def _bound_the_end(self) -> None:
        """From here on the process ends in time, whatever hangs."""
        with contextlib.suppress(RuntimeError):
            self._deadline.start()

    def _end_with(self, pid: int) -> None:
        if pid == os.getppid():
            parent.request_signal_at_parents_death(signal.SIGTERM)
        parent.watch(pid, self._begin_stop)


def _exit_after(seconds: float) -> threading.Timer:
    """A timer that ends the process as failed, whatever else goes on in it; not started."""
    timer = threading.Timer(seconds, os._exit, [FAILED])
    timer.daemon = True
    return timer


@contextlib.contextmanager
def _ready_file(url: str) -> Iterator[None]:
    """Tell a supervisor where health is served, for as long as it is."""
    name = os.environ.get(READY_FILE)
    if not name:
        yield
        return
    path = Path(name)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(json.dumps({"pid": os.getpid(), "health_url": url}))
    draft.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
