"""The children of a run together: started one after the other, stopped in the opposite order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rosey_cli.data_directory import ProcessIdentity, identity
from rosey_cli.failure import Failure
from rosey_cli.up.child import Child
from rosey_cli.up.journal import Journal
from rosey_cli.up.program import Program


class Supervisor:
    """Keeps programs alive.

    Args:
        journal: is told what happens.
        on_change: called whenever there is another process.
    """

    def __init__(self, journal: Journal, on_change: Callable[[], None]) -> None:
        self.children: list[Child] = []
        self._journal = journal
        self._on_change = on_change

    @property
    def processes(self) -> dict[str, ProcessIdentity]:
        """The processes that run now, by their programs' names."""
        found = {child.name: identity(child.pid) for child in self.children if child.pid is not None}
        return {name: process for name, process in found.items() if process is not None}

    async def start(self, *programs: Program) -> None:
        """Start these at the same time, and return when all are ready.

        Raises:
            Failure: one is not; the others may run.
        """
        children = [Child(program, self._journal, on_change=self._on_change) for program in programs]
        self.children += children
        outcomes = await asyncio.gather(*(child.start() for child in children), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def wait_failed(self) -> Failure:
        """Return when a program is given up, and why."""
        done, _ = await asyncio.wait([child.failure for child in self.children], return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()

    async def stop(self, *names: str) -> None:
        """Stop the programs of these names, or without names all that still run; safe to call again."""
        for child in reversed(self.children):
            if not names or child.name in names:
                await child.stop()

    def kill(self) -> None:
        """End all processes at once, for somebody who will not wait."""
        for child in self.children:
            child.kill()
