"""The recordings of a real server, row by row."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Row:
    """One line of a recording. `event` starts with "@" where it is a fact about the connection, not a frame."""

    time: float
    client: str
    sent: bool
    event: str
    args: list[Any]


@dataclass(frozen=True)
class Transcript:
    name: str
    rows: list[Row]

    @property
    def teardown(self) -> int:
        """The index from which the recorder closes all its sockets at once: who still hears of whom is chance."""
        last_act = max((index for index, row in enumerate(self.rows) if row.sent), default=0)
        closings = (index for index, row in enumerate(self.rows) if index > last_act and row.event == "@close")
        return next(closings, len(self.rows))


def directory() -> Path:
    """Where the recordings are: $ROSEY_RECORDINGS, or beside the repository."""
    named = os.environ.get("ROSEY_RECORDINGS")
    return Path(named) if named else REPOSITORY.parent / "shared" / "cytube" / "transcripts"


def load(name: str) -> Transcript:
    """Raises FileNotFoundError where the recording is missing: a judge that is absent must not look like approval."""
    path = directory() / f"{name}.jsonl"
    rows = []
    with path.open(encoding="ascii") as lines:
        for line in lines:
            data = json.loads(line)
            rows.append(Row(data["t"], data["client"], data["dir"] == "send", data["event"], data["args"]))
    return Transcript(name, rows)
