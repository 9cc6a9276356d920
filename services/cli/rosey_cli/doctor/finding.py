"""What a check has found: how bad it is, why, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from rosey_core.telemetry.logs import redacted
from rosey_core.text import one_line

_LEVEL_WIDTH: Final = 9
_NAME_WIDTH: Final = 22


class Level(StrEnum):
    """How bad it is: a warning does not keep Rosey from its work now."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a check has found.

    Attributes:
        name: what was looked at.
        level: how bad it is.
        reason: what is so, in a sentence without a full stop.
        advice: what to do; empty where all is well.
    """

    name: str
    level: Level
    reason: str
    advice: str = ""

    def as_object(self) -> dict[str, Any]:
        """For programs."""
        return {
            "name": self.name,
            "level": self.level.value,
            "reason": redacted(self.reason),
            "advice": redacted(self.advice),
        }

    def as_lines(self) -> list[str]:
        """For people."""
        first = f"{self.level.value:<{_LEVEL_WIDTH}}{one_line(self.name):<{_NAME_WIDTH}} "
        texts = [one_line(line) for line in redacted(self.reason).splitlines() or [""]]
        if self.advice:
            texts.append(f"-> {one_line(redacted(self.advice))}")
        margins = [first, *[" " * (_LEVEL_WIDTH + _NAME_WIDTH + 1)] * len(texts)]
        return [margin + text for margin, text in zip(margins, texts, strict=False)]


def ok(name: str, reason: str) -> Finding:
    """All is well."""
    return Finding(name=name, level=Level.OK, reason=reason)


def warning(name: str, reason: str, advice: str) -> Finding:
    """Something will be wrong, or might be."""
    return Finding(name=name, level=Level.WARNING, reason=reason, advice=advice)


def problem(name: str, reason: str, advice: str) -> Finding:
    """Something is wrong."""
    return Finding(name=name, level=Level.PROBLEM, reason=reason, advice=advice)


def verdict(findings: Sequence[Finding]) -> int:
    """The exit code: 1 where there is a problem."""
    return int(any(finding.level is Level.PROBLEM for finding in findings))


def summary(findings: Sequence[Finding]) -> str:
    """How many of which kind, in a sentence."""
    problems, warnings = (
        sum(finding.level is level for finding in findings) for level in (Level.PROBLEM, Level.WARNING)
    )
    if not problems and not warnings:
        return "nothing is wrong"
    return f"{counted(problems, 'problem')}, {counted(warnings, 'warning')}"


def counted(number: int, thing: str) -> str:
    """A number of things, as a sentence has it."""
    return f"{number or 'no'} {thing}{'' if number == 1 else 's'}"
