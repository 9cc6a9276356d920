"""The record of a release's simulated site, copied out of its pod as it grows."""

from __future__ import annotations

import json
from typing import Final

from rosey_simulator.crowd.record import Entry
from tests.cluster.cluster import Namespace, until

RECORD: Final = "/tmp/record.jsonl"
ARGUMENTS: Final = (f"--record={RECORD}",)
"""What the simulator must be given to keep one; it does so while a crowd lives on the site."""

_SILENCE: Final = "import os, signal; os.kill(1, signal.SIGUSR1)"


def silence(namespace: Namespace) -> None:
    """Have the crowd fall silent."""
    namespace.python("deployment/rosey-simulator", _SILENCE)
    logs = ("logs", "deployment/rosey-simulator", "--tail=50")
    silent = "the crowd has fallen silent"
    until(lambda: silent in namespace.kubectl(*logs).decode(), what=silent)


class SiteRecord:
    """The record as far as it has been read.

    Args:
        namespace: where the release is.

    Attributes:
        entries: those that were read.
    """

    def __init__(self, namespace: Namespace) -> None:
        self.entries: list[Entry] = []
        self._namespace: Final = namespace
        self._size = 0
        self._rest = b""

    def read(self) -> list[Entry]:
        """All entries until now."""
        where = ("exec", "deployment/rosey-simulator", "--", "tail", f"--bytes=+{self._size + 1}", RECORD)
        found = self._namespace.kubectl(*where)
        self._size += len(found)
        *lines, self._rest = (self._rest + found).split(b"\n")
        self.entries += map(json.loads, lines)
        return self.entries
