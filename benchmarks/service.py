"""The program ``rosey-database``, as it is, which also notes when each batch was committed.

The time is the one that the service itself takes for its metrics: behind COMMIT, in the event loop, so a little after
the row was there. A row counts from then on.

Here are the two faults, too, with which a test shows that the benchmarks can fail.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks import counting
from benchmarks.commits import CommitLog
from rosey_core import health
from rosey_core.events import ChatMessage
from rosey_database import database_service, effects, service
from rosey_database.effects import Received
from rosey_database.ingest.ingest import Stored
from rosey_database.observation import IngestObserver
from rosey_database.tables.channels import ChannelIds

COMMITS: Final = "BENCHMARK_COMMITS"
"""Names the variable with the record's path."""
FAULT: Final = "BENCHMARK_FAULT"
"""Names the variable with one of ``FAULTS``; without it nothing is amiss."""
SLOW_S: Final = 0.020
LOST_EVERY: Final = 50

_apply = effects.apply


class RecordingObserver(IngestObserver):
    """The service's own observer; it also keeps the record."""

    _log = None

    def stored(self, stored: Stored) -> None:
        """A batch was committed."""
        if not counting.is_off():
            super().stored(stored)
        if self._log is None:
            self._log = CommitLog(Path(os.environ[COMMITS]))
        self._log.note(stored.position.sequence, stored.committed)


def apply_slowly(connection: sqlite3.Connection, channel_ids: ChannelIds, batch: Sequence[Received]) -> int:
    """As the product does it, but that each transaction takes 20 ms longer."""
    time.sleep(SLOW_S)
    return _apply(connection, channel_ids, batch)


def apply_most(connection: sqlite3.Connection, channel_ids: ChannelIds, batch: Sequence[Received]) -> int:
    """As the product does it, but that each line whose number fifty divides is lost."""
    return _apply(connection, channel_ids, [received for received in batch if not _is_to_be_lost(received)])


def _is_to_be_lost(received: Received) -> bool:
    event = received.event
    number = event.message.partition(" ")[0] if isinstance(event, ChatMessage) else ""
    return number.isdecimal() and int(number) % LOST_EVERY == 0


FAULTS: Final = {"slow": apply_slowly, "lose": apply_most}


if __name__ == "__main__":
    if FAULT in os.environ:
        effects.apply = FAULTS[os.environ[FAULT]]
    if counting.is_timed():
        watch = counting.Watch()
        watch.put_on(IngestObserver, "stored")
        watch.put_on(health, "exposition")
    # The product has no switch for this: whoever measures puts the observer in its place.
    database_service.IngestObserver = RecordingObserver  # type: ignore[attr-defined]
    sys.exit(service.main())
