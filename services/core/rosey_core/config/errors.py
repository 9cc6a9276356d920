"""What is wrong with a configuration, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]


def dotted(path: KeyPath) -> str:
    """A path of keys and list indexes as people write it: ``platforms.0.channel``."""
    return ".".join(map(str, path))


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        reason: what, in words that never hold a value that may be a secret.
        key: the dotted path of the key, as it is spelt in the file; empty where it is about the whole file.
        line: its line in the file, from 1, where it can be known.
        variable: the environment variable that it comes from, where it comes from one.
    """

    reason: str
    key: str = ""
    line: int | None = None
    variable: str | None = None


class ConfigError(ValueError):
    """A configuration that is refused; its text has a line for each problem: file, line, key, reason."""

    def __init__(self, source: Path | None, problems: Sequence[Problem]) -> None:
        self.source = source
        self.problems = tuple(problems)
        super().__init__("\n".join(map(self._line, problems)))

    def _line(self, problem: Problem) -> str:
        if problem.variable is not None:
            place = f"environment variable {problem.variable}"
        else:
            place = "configuration" if self.source is None else str(self.source)
            if problem.line is not None:
                place += f", line {problem.line}"
        return ": ".join(filter(None, (place, problem.key, problem.reason)))
