"""What the simulated crowd says that it did, against what the database has: two accounts with no code in common."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path

from rosey_cli.up.baseline import RECENT_CHAT, Baseline
from rosey_cli.up.outcome import Reconciliation
from rosey_core.identity import user_key
from rosey_simulator.crowd.record import read
from rosey_simulator.crowd.summary import Summary, summarize


def compare(
    record: Path, connection: sqlite3.Connection, baseline: Baseline, result: Reconciliation, *, room: str, bot: str
) -> None:
    """Compare chat and changes of the playlist since the record began, as far as a bot of this name could see them.

    Raises:
        OSError, ValueError: the record cannot be read.
    """
    entries = read(record)
    truth = summarize(entries, room, bot)
    # What a bot that was killed before had kept back is stored now, and was done by another crowd.
    began = int(entries[0]["at"]) if entries else 0
    lines, changes = _lines_stored(connection, baseline, began), _changes_stored(connection, baseline, began)
    _compare(_lines_said(truth), _of(truth, lines), "chat lines of the crowd", result)
    _compare(_changes_made(truth), _of(truth, changes), "changes of the playlist", result)


def _compare(
    expected: Counter[tuple[object, ...]], found: Counter[tuple[object, ...]], what: str, result: Reconciliation
) -> None:
    result.lose((expected - found).total(), what)
    result.double((found - expected).total(), what)


def _of(truth: Summary, found: Counter[tuple[object, ...]]) -> Counter[tuple[object, ...]]:
    """What is of the crowd, or of nobody: anybody may publish events, who is not in the room and in no record."""
    names = {None, *truth.users}
    return Counter({row: times for row, times in found.items() if (row[1] and user_key(str(row[1]))) in names})


def _lines_said(truth: Summary) -> Counter[tuple[object, ...]]:
    return Counter((line["time"], line["username"], line["text"]) for line in truth.lines)


def _lines_stored(connection: sqlite3.Connection, baseline: Baseline, began: int) -> Counter[tuple[object, ...]]:
    rows = connection.execute(
        f"SELECT event_id, username, message FROM {RECENT_CHAT} WHERE id > ? AND event_id IS NOT NULL",  # noqa: S608
        (baseline.rows.get(RECENT_CHAT, 0),),
    )
    # A line's id begins with CyTube's own time of it in milliseconds.
    lines = ((int.from_bytes(event_id[:6]), username, message) for event_id, username, message in rows)
    return Counter(line for line in lines if line[0] >= began)


def _changes_made(truth: Summary) -> Counter[tuple[object, ...]]:
    return Counter((change["action"], change["by"]) for change in truth.changes)


def _changes_stored(connection: sqlite3.Connection, baseline: Baseline, began: int) -> Counter[tuple[object, ...]]:
    rows = connection.execute(
        "SELECT action, changed_by FROM playlist_changes WHERE id > ? AND timestamp >= ?",
        (baseline.rows.get("playlist_changes", 0), began // 1000),
    )
    return Counter((action, changed_by) for action, changed_by in rows)
