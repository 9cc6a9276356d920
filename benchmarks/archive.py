"""What is kept of runs: rows for machines, what they were made of, and what the last committed run has found."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.outcome import Outcome
from benchmarks.processes import ROOT
from benchmarks.rows import Row

RESULTS: Final = ROOT / "benchmarks" / "results"
LATEST: Final = "latest.json"
TABLE: Final = "latest.csv"
RAW: Final = "latest-raw.json"
HOUR: Final = "hour.json"
SATURATION: Final = "saturation.json"
EVENT_PATH: Final = "event-path.json"

_SAMPLES: Final = ("n", "mean", "median", "p95", "p99", "max", "stddev")


@dataclass(frozen=True)
class Hour:
    """The last run of the hour.

    Attributes:
        date: when, ISO 8601.
        rows: its figures.
        raw: what they were made of.
    """

    date: str
    rows: list[Row]
    raw: dict[str, Any]


def write(directory: Path, outcomes: Sequence[Outcome], rows: Sequence[Row], environment: dict[str, Any]) -> None:
    """Write ``latest.json`` (one object a row), the same as CSV, and what the rows were made of."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / LATEST).write_text(as_json(rows))
    (directory / TABLE).write_text(as_csv(rows), newline="")
    raw = {"environment": environment, "benchmarks": [outcome.as_json() for outcome in outcomes]}
    (directory / RAW).write_text(json.dumps(raw) + "\n")


def as_json(rows: Sequence[Row]) -> str:
    """A list of objects, one a row."""
    return "[\n" + ",\n".join(json.dumps(row.as_json()) for row in rows) + "\n]\n"


def as_csv(rows: Sequence[Row]) -> str:
    """The same as a table."""
    objects = [row.as_json() for row in rows]
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    plain = [key for key in objects[0] if key not in ("interval", "samples")] if objects else []
    writer.writerow([*plain, "interval_low", "interval_high", *_SAMPLES])
    for each in objects:
        samples = each["samples"] or {}
        ends = each["interval"] or ("", "")
        writer.writerow([*(each[key] for key in plain), *ends, *(samples.get(key, "") for key in _SAMPLES)])
    return text.getvalue()


def write_hour(directory: Path, outcome: Outcome, date: str) -> None:
    """Keep the hour's run for the reports of shorter runs."""
    directory.mkdir(parents=True, exist_ok=True)
    content = {"date": date, "rows": [row.as_json() for row in outcome.rows], "raw": outcome.as_json()}
    (directory / HOUR).write_text(json.dumps(content) + "\n")


def read_hour(directory: Path) -> Hour | None:
    """The last run of the hour; ``None`` where there is none."""
    content = read(directory / HOUR)
    if content is None:
        return None
    rows = [Row.from_json({**row, "date": content["date"]}) for row in content["rows"]]
    return Hour(content["date"], rows, content["raw"])


def read(path: Path) -> Any:
    """A file of JSON; ``None`` where there is none."""
    return json.loads(path.read_text()) if path.exists() else None


def last_committed() -> list[Row]:
    """The rows of the last committed run; empty where there is none, or no git."""
    name = (RESULTS / LATEST).relative_to(ROOT).as_posix()
    try:
        command = ["git", "show", f"HEAD:{name}"]
        shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=True).stdout
        return [Row.from_json(each) for each in json.loads(shown)]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return []
