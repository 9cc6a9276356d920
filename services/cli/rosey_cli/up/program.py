"""A program that ``rosey up`` runs: how it is called, when it is ready, how long its end may take."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar


class Program(ABC):
    """One program. A new process of it may be started whenever the last one has ended.

    Attributes:
        name: as people know it.
        log_file: takes what it writes to standard output and error.
        start_seconds: how long it may take until it is ready.
        stop_seconds: how long it may take to end after SIGTERM; then it is killed.
        may_finish: whether exit code 0 means that it has done what it was for, and is not to be started again.
        watches_parent: whether it ends by itself when the process that started it is gone.
        problem: why it was not ready when last asked, where that is known.
    """

    start_seconds: float = 20.0
    stop_seconds: float = 15.0
    watches_parent: ClassVar[bool] = True

    def __init__(self, name: str, log_file: Path) -> None:
        self.name = name
        self.log_file = log_file
        self.problem = ""
        self.may_finish = False

    @abstractmethod
    def command(self) -> list[str]:
        """The command line of the next process. It holds no secret: every user of the machine can read it."""

    def environment(self) -> dict[str, str]:
        """Variables of the next process beside those that it inherits; no secrets either."""
        return {}

    @abstractmethod
    async def is_ready(self, pid: int) -> bool:
        """Whether process ``pid`` of it does what it is for."""
