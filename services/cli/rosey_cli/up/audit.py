"""The audit of a run: what was there before it, and what came of its events."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import nats.errors

from rosey_cli.up.baseline import Baseline, open_to_read, read_baseline
from rosey_cli.up.journal import Journal, Level
from rosey_cli.up.outcome import Reconciliation
from rosey_cli.up.snapshot import Snapshot
from rosey_core.bus import Bus

CONNECT_S: Final = 5.0


class Audit:
    """To be begun before anything is stored, and ended when no more events are made.

    Args:
        database: the file.
        crowd_record: where a simulated crowd writes down what it does, ``None`` where there is none.
        room: the crowd's channel.
        bot: the bot's name there.
        follows_crowd: the processes without which the crowd and the bot do not know of each other.
        journal: is told what cannot be compared.
    """

    def __init__(
        self,
        database: Path,
        journal: Journal,
        *,
        crowd_record: Path | None,
        room: str,
        bot: str,
        follows_crowd: frozenset[str],
    ) -> None:
        self._database = database
        self._journal = journal
        self._crowd_record = crowd_record
        self._room = room
        self._bot = bot
        self._follows_crowd = follows_crowd
        self._baseline = Baseline()

    def begin(self) -> None:
        """Look at the database, which nobody uses yet."""
        self._baseline = read_baseline(self._database)

    async def end(self, bus: Bus, snapshot: Snapshot) -> Reconciliation | None:
        """Compare; ``None`` where that is not possible.

        Args:
            bus: to the stream.
            snapshot: the last look at the bot, which has ended since.
        """
        # Only here, since the database's own packages take longer to import than the rest of this command.
        from rosey_cli.up.reconciliation import reconcile

        try:
            async with asyncio.timeout(CONNECT_S):
                await bus.wait_connected()
            result = await reconcile(bus.client, self._database, self._baseline)
        except (nats.errors.Error, sqlite3.Error, TimeoutError, OSError) as error:
            reason = str(error) or type(error).__name__
            self._journal.say("rosey", f"stream and database cannot be compared: {reason}", Level.ERROR)
            return None
        result.lose(snapshot.dropped, "events that the bot had no room for")
        if snapshot.held:
            self._journal.say("rosey", f"the bot still holds {snapshot.held} events; the next run publishes them")
        restarted = {process.name for process in snapshot.processes if process.restarts}
        if self._crowd_record is not None and not restarted & self._follows_crowd:
            self._compare_with_crowd(self._crowd_record, result)
        return result

    def _compare_with_crowd(self, record: Path, result: Reconciliation) -> None:
        from rosey_cli.up import crowd

        try:
            with closing(open_to_read(self._database)) as connection:
                crowd.compare(record, connection, self._baseline, result, room=self._room, bot=self._bot)
        except (OSError, ValueError, sqlite3.Error) as error:
            self._journal.say("rosey", f"the crowd's record cannot be compared: {error}", Level.ERROR)
