"""Maintenance: old rows are swept in slices, each a short transaction of its own, so that ingest never waits long."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from rosey_database.tables import actions, chat, counts, outbound, tokens
from rosey_database.writer import Transaction, Writer

SLICE_ROWS: Final = 500
SLICE_PAGES: Final = 200
FREE_SHARE: Final = 10
"""Free pages up to one in so many are kept: the next lines of chat fill them."""
ANALYSIS_LIMIT: Final = 400

_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR


@dataclass(frozen=True, kw_only=True)
class Retention:
    """For how long things are kept."""

    chat_hours: float = 150
    count_days: float = 30
    outbound_days: float = 7
    tokens_days: float = 90
    actions_days: float = 365


class _Sweep(Protocol):
    def __call__(self, connection: sqlite3.Connection, *, before: float, limit: int) -> int: ...


async def perform(
    writer: Writer, retention: Retention, *, clock: Callable[[], float], slice_rows: int = SLICE_ROWS
) -> dict[str, int]:
    """Delete what is older than its retention, and give space back; returns the rows deleted, by table.

    Raises:
        sqlite3.Error: the database failed; what was swept before stays swept.
    """
    now = clock()
    sweeps: dict[str, tuple[_Sweep, float]] = {
        "recent_chat": (chat.sweep, retention.chat_hours * _HOUR),
        "user_count_history": (counts.sweep, retention.count_days * _DAY),
        "outbound_messages": (outbound.sweep, retention.outbound_days * _DAY),
        "api_tokens": (tokens.sweep, retention.tokens_days * _DAY),
        "user_actions": (actions.sweep, retention.actions_days * _DAY),
    }
    deleted = {}
    for table, (sweep, age) in sweeps.items():
        slice_of_it = partial(_sweep, sweep=sweep, before=now - age, limit=slice_rows)
        deleted[table] = await _in_slices(writer, slice_of_it, slice_rows)
    await _in_slices(writer, _give_space_back, 1)
    await writer.run(_optimise)
    return deleted


async def _in_slices(writer: Writer, work: Callable[[Transaction], int], full: int) -> int:
    """Run ``work`` until it does less than ``full``; returns how much it did in all."""
    loop = asyncio.get_running_loop()
    total = 0
    while True:
        began = loop.time()
        done = await writer.run(work)
        total += done
        if done < full:
            return total
        # Half of the time belongs to the others, at least.
        await asyncio.sleep(loop.time() - began)


def _sweep(transaction: Transaction, *, sweep: _Sweep, before: float, limit: int) -> int:
    return sweep(transaction.connection, before=before, limit=limit)


def _give_space_back(transaction: Transaction) -> int:
    connection = transaction.connection
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    spare: int = min(free - pages // FREE_SHARE, SLICE_PAGES)
    if spare <= 0:
        return 0
    connection.execute(f"PRAGMA incremental_vacuum({spare})").fetchall()
    (left,) = connection.execute("PRAGMA freelist_count").fetchone()
    return int(free - left)


def _optimise(transaction: Transaction) -> None:
    transaction.connection.execute(f"PRAGMA analysis_limit = {ANALYSIS_LIMIT}").fetchall()
    transaction.connection.execute("PRAGMA optimize").fetchall()
