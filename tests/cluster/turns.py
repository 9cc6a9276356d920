"""Which tests run beside others: all but those marked ``alone``, which wait until no other test of this machine runs.

Two locks of files, which the system takes back from whoever is killed. Who wants to be alone stands in the door until
all others have left: otherwise those who come meanwhile would keep the room busy for ever.
"""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

FOLDER: Final = Path(tempfile.gettempdir())
DOOR: Final = "rosey-test-door.lock"
ROOM: Final = "rosey-test-room.lock"


@contextmanager
def turn(*, alone: bool, folder: Path = FOLDER) -> Iterator[None]:
    """While it lasts, others have no turn if this one is ``alone``, and else none who wants to be."""
    with _opened(folder / DOOR) as door, _opened(folder / ROOM) as room:
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        yield


@contextmanager
def sole(what: str, *, folder: Path = FOLDER) -> Iterator[None]:
    """While it lasts, no other run on this machine has this of what a cluster has but once."""
    with _opened(folder / f"rosey-test-{what}.lock") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _opened(lock: Path) -> IO[str]:
    # Another user's file can be locked, and not opened to be made or written.
    if not lock.exists():
        lock.touch()
    return lock.open()
