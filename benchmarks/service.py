"""The program ``rosey-database``, as it is, which also notes when each batch was committed.

The time is the one that the service itself takes for its metrics: behind COMMIT, in the event loop, so a little after
the row was there. A row counts from then on.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from benchmarks.commits import CommitLog
from rosey_database import database_service, service
from rosey_database.ingest.ingest import Stored
from rosey_database.observation import IngestObserver

COMMITS: Final = "BENCHMARK_COMMITS"
"""Names the variable with the record's path."""


class RecordingObserver(IngestObserver):
    """The service's own observer; it also keeps the record."""

    _log = None

    def stored(self, stored: Stored) -> None:
        """A batch was committed."""
        super().stored(stored)
        if self._log is None:
            self._log = CommitLog(Path(os.environ[COMMITS]))
        self._log.note(stored.position.sequence, stored.committed)


if __name__ == "__main__":
    # The product has no switch for this: whoever measures puts the observer in its place.
    database_service.IngestObserver = RecordingObserver  # type: ignore[attr-defined]
    sys.exit(service.main())
