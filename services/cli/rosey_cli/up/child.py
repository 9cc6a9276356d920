"""A child process that is kept alive: started again, with back-off, whenever it ends."""

from __future__ import annotations

import asyncio
import enum
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from rosey_cli.failure import Failure
from rosey_cli.up.journal import Journal, Level
from rosey_cli.up.program import Program
from rosey_core import parent
from rosey_core.service import BAD_CONFIGURATION, PARENT_PID

BACKOFF_S: Final = (0.1, 10.0)
STABLE_S: Final = 10.0
"""A process that lived this long starts the back-off anew."""
FIRST_ATTEMPTS: Final = 3
"""A program that was never ready is given up after this many processes."""
_READY_POLL_S: Final = 0.02
_PATIENCE_S: Final = 3.0
_LOG_EXCERPT: Final = 2000


class State(enum.Enum):
    """What a child is doing, in words for people."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    UNREADY = "unready"
    RESTARTING = "restarting"
    STOPPING = "stopping"
    FINISHED = "finished"
    FAILED = "failed"


class Child:
    """One program and its present process.

    Args:
        program: what to run.
        journal: is told what happens.
        on_change: called when another process has been started.
        backoff: seconds before the first and before the latest restart in a row.
    """

    def __init__(
        self,
        program: Program,
        journal: Journal,
        *,
        on_change: Callable[[], None] = lambda: None,
        backoff: tuple[float, float] = BACKOFF_S,
    ) -> None:
        self.program = program
        self.state = State.STOPPED
        self.restarts = 0
        self.failure: asyncio.Future[Failure] = asyncio.get_running_loop().create_future()
        """Resolves when the program is given up."""
        self._journal = journal
        self._on_change = on_change
        self._backoff = backoff
        self._process: asyncio.subprocess.Process | None = None
        self._was_ready = asyncio.Event()
        self._stopping = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self.log_start = 0
        """Where in its log the present process begins, in bytes."""

    @property
    def name(self) -> str:
        """The program's name."""
        return self.program.name

    @property
    def pid(self) -> int | None:
        """The present process, ``None`` where there is none."""
        return None if self._process is None or self._process.returncode is not None else self._process.pid

    async def start(self) -> None:
        """Start it and return when it is ready, which takes more than one process if the first ones fail.

        Raises:
            Failure: it ended again and again, or is not ready in time; the text has the end of its log.
        """
        begun = time.monotonic()
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.name}")
        await self._await_outcome()
        if self.failure.done():
            raise self.failure.result()
        if not self._was_ready.is_set():
            why = self.program.problem or "it does not say why"
            raise Failure(
                f"{self.name} is not ready after {self.program.start_seconds:g} s: {why}.{self._log_excerpt()}"
            )
        self._journal.say("rosey", f"starting {self.name} ... ready in {(time.monotonic() - begun) * 1000:.0f} ms")

    async def _await_outcome(self) -> None:
        """Wait until it is ready or given up, or its time is over; say now and then what it waits for."""
        ready = asyncio.ensure_future(self._was_ready.wait())
        outcomes: set[asyncio.Future[Any]] = {ready, self.failure}
        left = self.program.start_seconds
        try:
            while left > 0:
                pause = min(_PATIENCE_S, left)
                if (await asyncio.wait(outcomes, timeout=pause, return_when=asyncio.FIRST_COMPLETED))[0]:
                    return
                left -= pause
                self._journal.say("rosey", f"still starting {self.name}: {self.program.problem or 'not ready yet'}")
        finally:
            ready.cancel()

    def note_readiness(self, ready: bool) -> None:
        """Take what somebody else found out about the present process."""
        if self.pid is not None and self.state in (State.READY, State.UNREADY):
            self.state = State.READY if ready else State.UNREADY

    def kill(self) -> None:
        """End the present process at once; unless it is being stopped, the next one follows."""
        if self.pid is not None and self._process is not None:
            self._process.kill()

    async def stop(self) -> None:
        """Ask it to end, and kill it if it does not in time; returns when it has ended. Safe to call again."""
        keeper, self._keeper = self._keeper, None
        if keeper is None:
            return
        self._stopping.set()
        if self.pid is not None:
            self.state = State.STOPPING
        process = self._process
        if process is not None and self.pid is not None:
            _ask_to_end(process)
            try:
                await asyncio.wait_for(process.wait(), self.program.stop_seconds)
            except TimeoutError:
                self._journal.say(
                    self.name, f"did not end within {self.program.stop_seconds:g} s: killed", Level.WARNING
                )
                self.kill()
        await keeper
        if self.state is State.STOPPING:
            self.state = State.STOPPED

    async def _keep(self) -> None:
        wait = self._backoff[0]
        attempts = 0
        while not self._stopping.is_set():
            begun = time.monotonic()
            attempts += 1
            code = await self._run_once()
            if self._stopping.is_set():
                break
            if code == 0 and self.program.may_finish:
                self.state = State.FINISHED
                self._was_ready.set()
                return
            never_ready = not self._was_ready.is_set()
            ended = f"{_how(code)} after {time.monotonic() - begun:.1f} s"
            if code == BAD_CONFIGURATION or (never_ready and attempts >= FIRST_ATTEMPTS):
                self.state = State.FAILED
                self.failure.set_result(Failure(f"{self.name} {ended}.{self._log_excerpt()}", code or 1))
                return
            if time.monotonic() - begun > STABLE_S:
                wait = self._backoff[0]
            self.state = State.RESTARTING
            self._journal.say(self.name, f"{ended}; starting it again", Level.WARNING)
            try:
                await asyncio.wait_for(self._stopping.wait(), wait * random.uniform(0.75, 1.0))
            except TimeoutError:
                pass
            wait = min(wait * 2, self._backoff[1])
            self.restarts += 1

    async def _run_once(self) -> int:
        """Run one process to its end, and return its exit code, negative for a signal."""
        self.state = State.STARTING
        self.log_start = self.program.log_file.stat().st_size if self.program.log_file.exists() else 0
        try:
            self._process = await self._spawn()
        except OSError as error:
            self._journal.say(self.name, f"cannot be started: {error}", Level.ERROR)
            return 1
        self._on_change()
        if self._stopping.is_set():
            # It was asked to stop while this process was being made, and nobody else knows of it.
            _ask_to_end(self._process)
        readiness = asyncio.create_task(self._await_readiness(self._process.pid), name=f"ready {self.name}")
        try:
            return await self._process.wait()
        finally:
            readiness.cancel()
            await asyncio.gather(readiness, return_exceptions=True)

    async def _spawn(self) -> asyncio.subprocess.Process:
        own_pid = os.getpid()
        command = self.program.command()
        options: dict[str, Any] = {}
        if sys.platform == "win32":
            options["creationflags"] = subprocess.CREATE_NEW_PROCESS_GROUP
        else:
            # A group of its own: Ctrl-C reaches this process alone, which then stops the children in their order.
            options["process_group"] = 0
        if sys.platform.startswith("linux"):
            options["preexec_fn"] = lambda: _end_with_parent(own_pid)
        elif not self.program.watches_parent:
            command = [sys.executable, "-m", "rosey_cli.up.guard", str(own_pid), *command]
        with self.program.log_file.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**_inherited(), PARENT_PID: str(own_pid), **self.program.environment()},
                **options,
            )

    async def _await_readiness(self, pid: int) -> None:
        while not await self.program.is_ready(pid):  # noqa: ASYNC110 - the condition is another process's
            await asyncio.sleep(_READY_POLL_S)
        again = self._was_ready.is_set()
        self.state = State.READY
        self._was_ready.set()
        if again:
            self._journal.say(self.name, "ready again")

    def _log_excerpt(self) -> str:
        """The end of what the last process has written, to be put after a sentence."""
        try:
            with self.program.log_file.open("rb") as file:
                file.seek(max(self.log_start, self.program.log_file.stat().st_size - _LOG_EXCERPT))
                text = file.read().decode(errors="replace").strip()
        except OSError:
            text = ""
        return f" Its log ({self.program.log_file}):\n{text}" if text else " It has logged nothing."


def _inherited() -> dict[str, str]:
    """The environment without overrides of the configuration: the children's file has them in it already."""
    return {name: value for name, value in os.environ.items() if not (name.startswith("ROSEY_") and "__" in name)}


def _ask_to_end(process: asyncio.subprocess.Process) -> None:
    try:
        if sys.platform == "win32":
            process.send_signal(signal.CTRL_BREAK_EVENT)
        else:
            process.terminate()
    except ProcessLookupError:
        pass


def _end_with_parent(parent_pid: int) -> None:
    """Runs in the child, between fork and exec."""
    parent.request_signal_at_parents_death(signal.SIGTERM)
    if os.getppid() != parent_pid:
        # The parent died before the request was made.
        os._exit(1)


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
