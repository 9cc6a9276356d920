"""The log file of a child: read on as it grows, and kept from growing for ever."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from rosey_cli.up.journal import Level

SIZE_LIMIT: Final = 8 << 20
_READ_LIMIT: Final = 1 << 20
_LEVELS: Final = {
    "debug": None, "info": Level.INFO, "warning": Level.WARNING, "error": Level.ERROR, "critical": Level.ERROR,
    "dbg": None, "trc": None, "inf": None, "wrn": Level.WARNING, "err": Level.ERROR, "ftl": Level.ERROR,
}  # fmt: skip
_NATS: Final = re.compile(r"\[\d+\] \S+ \S+ \[(?P<level>[A-Z]{3})\] (?P<text>.*)")


class Line(NamedTuple):
    """One line of a log, with its level."""

    level: Level
    text: str


class LogFile:
    """Gives the lines that were added since the last time.

    Args:
        path: may be absent.
        limit: bytes; beyond it, what there is moves to ``<path>.1`` and the file begins anew.
        start: the byte to begin at; the end that the file has now, unless given.
    """

    def __init__(self, path: Path, limit: int = SIZE_LIMIT, *, start: int | None = None) -> None:
        self._path = path
        self._limit = limit
        end = path.stat().st_size if path.exists() else 0
        self._offset = end if start is None else start
        self._rest = b""

    def read(self) -> Iterator[Line]:
        """The new lines that matter to people; what a nats-server tells of its ordinary life does not."""
        for text in self._read_lines():
            line = _parsed(text)
            if line is not None:
                yield line

    def _read_lines(self) -> list[str]:
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read(_READ_LIMIT)
        except OSError:
            return []
        self._offset += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if self._offset > self._limit and len(data) < _READ_LIMIT:
            self._begin_anew()
        return [line.decode(errors="replace") for line in lines if line.strip()]

    def _begin_anew(self) -> None:
        # The children append, so that they go on at the beginning of the emptied file.
        shutil.copyfile(self._path, self._path.with_name(f"{self._path.name}.1"))
        with self._path.open("r+b") as file:
            file.truncate()
        self._offset = 0


def _parsed(text: str) -> Line | None:
    try:
        entry = json.loads(text)
    except ValueError:
        entry = None
    if isinstance(entry, dict) and "message" in entry:
        level = _LEVELS.get(str(entry.get("level")), Level.INFO)
        exception = str(entry.get("exception", "")).strip().splitlines()[-1:]
        return None if level is None else Line(level, ": ".join([str(entry["message"]), *exception]))
    nats = _NATS.match(text)
    if nats is not None:
        level = _LEVELS.get(nats["level"].lower(), Level.INFO)
        return None if level is None else Line(level, nats["text"])
    return Line(Level.INFO, text)
