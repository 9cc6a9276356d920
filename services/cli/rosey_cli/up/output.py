"""Where a run shows itself."""

from __future__ import annotations

import time
from typing import Final, Protocol

from rich.console import Console

from rosey_cli.up.journal import Entry, Level
from rosey_cli.up.snapshot import Snapshot
from rosey_core.text import one_line

SUMMARY_INTERVAL_S: Final = 5.0
FIRST_SUMMARY_S: Final = 1.0
_CHAT_LINES: Final = 3


class Output(Protocol):
    """Shows what happens."""

    def entry(self, entry: Entry) -> None:
        """Show a line, now."""

    def begin(self) -> None:
        """All processes are up."""

    def refresh(self, snapshot: Snapshot) -> None:
        """Show how things are."""

    def end(self) -> None:
        """The processes are about to be stopped."""


class Plain:
    """Plain lines, for logs and pipes: what is said, and every few seconds how things are.

    Args:
        console: where to.
        interval: seconds between two summaries.
    """

    def __init__(self, console: Console, interval: float = SUMMARY_INTERVAL_S) -> None:
        self._console = console
        self._interval = interval
        self._next = FIRST_SUMMARY_S
        self._chat_until = 0.0

    def entry(self, entry: Entry) -> None:
        """Print a line."""
        level = "" if entry.level is Level.INFO else f"{entry.level.name}: "
        self._print(entry.time, entry.source, f"{level}{entry.text}")

    def begin(self) -> None:
        """Nothing to do."""

    def refresh(self, snapshot: Snapshot) -> None:
        """Print a summary and the last chat, if it is time."""
        if snapshot.seconds < self._next:
            return
        self._next = snapshot.seconds + self._interval
        for channel in snapshot.channels:
            new = [line for line in channel.chat if line.time > self._chat_until]
            for line in new[-_CHAT_LINES:]:
                self._print(line.time, channel.key, f"<{one_line(line.username)}> {one_line(line.message)}")
        self._chat_until = snapshot.time
        self._print(snapshot.time, "rosey", summary(snapshot))
        for problem in snapshot.problems:
            self._print(snapshot.time, "rosey", f"not ready: {one_line(problem)}")

    def end(self) -> None:
        """Nothing to do."""

    def _print(self, when: float, source: str, text: str) -> None:
        clock = time.strftime("%H:%M:%S", time.localtime(when))
        self._console.print(f"{clock} {source:<15} {text}", soft_wrap=True)
        self._console.file.flush()


def summary(snapshot: Snapshot) -> str:
    """How things are, on one line."""
    parts = []
    for channel in snapshot.channels:
        shown = None if channel.is_away else channel.playing
        parts.append(channel.attendance + ("" if shown is None else f", plays {one_line(shown.title)!r}"))
    if snapshot.stored is None:
        parts.append(f"{snapshot.per_second:.1f} events/s")
    else:
        parts.append(f"{snapshot.stored} events stored, {snapshot.per_second:.1f}/s")
    if snapshot.frame_to_row is not None:
        latency = snapshot.frame_to_row
        parts.append(f"frame to row p50 {latency.p50:.1f} ms, p99 {latency.p99:.1f} ms")
    if snapshot.rejected:
        parts.append(f"{snapshot.rejected} rejected")
    return "; ".join(parts)
