"""What came out: the table for people, the file for machines."""

from __future__ import annotations

import importlib.metadata
import json
import math
import os
import platform
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import psutil

from benchmarks.histogram import median
from benchmarks.measurements.sample import Sample, Scale
from benchmarks.processes import ROOT
from benchmarks.verdict import Verdict
from tests.support.nats_server import executable


@dataclass(frozen=True)
class Goal:
    """What a figure should be.

    Attributes:
        key: of the figure, ``name`` or ``name.part``.
        what: what it is, for people.
        relation: how it should compare with ``limit``; ``None`` for a figure that is only reported.
    """

    key: str
    what: str
    relation: Literal["<", "<=", ">="] | None = None
    limit: float = math.nan

    def is_met(self, value: float) -> bool | None:
        """Whether ``value`` will do; ``None`` where nothing is asked."""
        if self.relation is None:
            return None
        return {"<": value < self.limit, "<=": value <= self.limit, ">=": value >= self.limit}[self.relation]


class Results:
    """Samples, gathered run by run.

    Attributes:
        verdict: what became of all events.
    """

    def __init__(self) -> None:
        self.verdict = Verdict()
        self._values: dict[str, list[float]] = {}
        self._raw: dict[str, list[Any]] = {}

    def add(self, name: str, sample: Sample) -> None:
        """Take one run of the measurement ``name``."""
        self.verdict += sample.verdict
        for key, value in sample.values.items():
            self._values.setdefault(key, []).append(value)
        self._raw.setdefault(name, []).append(sample.raw)

    def figure(self, key: str) -> float:
        """The median of the runs; NaN where there is none."""
        return median(self._values.get(key, ()))

    def table(self, goals: Sequence[Goal]) -> str:
        """Goal beside result, one line each."""
        lines = [f"{'':<74} {'goal':>10} {'result':>10}   runs"]
        for goal in goals:
            values = self._values.get(goal.key)
            if not values:
                continue
            wanted = f"{goal.relation} {goal.limit:,g}" if goal.relation else "reported"
            met = goal.is_met(self.figure(goal.key))
            mark = "      " if met is None else "met   " if met else "NOT   "
            runs = " ".join(_short(value) for value in values)
            lines.append(f"{mark}{goal.what:<68} {wanted:>10} {_short(self.figure(goal.key)):>10}   {runs}")
        verdict = self.verdict
        lines.append(f"{verdict.sent:,} events sent, {verdict.lost} lost, {verdict.doubled} doubled")
        return "\n".join(lines)

    def as_json(self, goals: Sequence[Goal], scale: Scale, seconds: float) -> dict[str, Any]:
        """Figures by key, whether goals are met, raw samples, and where and how it was measured."""
        figures: dict[str, Any] = {}
        for key in self._values:
            name, _, part = key.partition(".")
            if part:
                figures.setdefault(name, {})[part] = _rounded(self.figure(key))
            else:
                figures[name] = _rounded(self.figure(key))
        return {
            **figures,
            "events": asdict(self.verdict),
            "goals": {
                goal.key: {"goal": f"{goal.relation} {goal.limit:g}", "met": goal.is_met(self.figure(goal.key))}
                for goal in goals
                if goal.relation and goal.key in self._values
            },
            "runs": {key: [_rounded(value) for value in values] for key, values in self._values.items()},
            "raw": self._raw,
            "command": " ".join(["python", "-m", "benchmarks.path", *sys.argv[1:]]),
            "scale": asdict(scale),
            "seconds": round(seconds, 1),
            "environment": environment(),
        }


def write(path: Path, content: dict[str, Any]) -> None:
    """Write the file for machines, lists of numbers on one line each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_with_short_lines(content) + "\n")


def environment() -> dict[str, Any]:
    """The machine and the versions that figures depend on."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "rosey": importlib.metadata.version("rosey-database"),
        "commit": _said_by("git", "rev-parse", "--short", "HEAD"),
        "os": platform.platform(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "load_before": psutil.getloadavg(),
        "ram_gb": round(psutil.virtual_memory().total / (1 << 30), 1),
        "python": platform.python_version(),
        "nats_server": _said_by(str(executable()), "--version"),
        "sqlite": sqlite3.sqlite_version,
        **{name: importlib.metadata.version(name) for name in ("nats-py", "msgspec", "aiosqlite")},
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _said_by(*command: str) -> str:
    try:
        return subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=10).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _rounded(value: float) -> float:
    return round(value, 4)


def _with_short_lines(content: dict[str, Any]) -> str:
    lines = []
    for key, value in content.items():
        if key == "raw":
            runs = [
                f"    {json.dumps(name)}: [\n" + ",\n".join(f"      {json.dumps(run)}" for run in each) + "\n    ]"
                for name, each in value.items()
            ]
            lines.append('  "raw": {\n' + ",\n".join(runs) + "\n  }")
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}"
