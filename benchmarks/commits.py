"""The record of progress that a process under measurement keeps: when it had got how far.

One entry of 16 bytes a batch, appended by one unbuffered write: a microsecond or two for a batch, nothing for an event,
and whoever waits for the end can watch the file instead of asking the process. Writer and reader are processes of one
machine, whose ``time.time`` is the same clock; a step of that clock in the middle of a run makes the run worthless.
"""

from __future__ import annotations

import bisect
import struct
from pathlib import Path
from typing import Final

_ENTRY: Final = struct.Struct("<qd")


class CommitLog:
    """Appends to a record.

    Args:
        path: made where it is missing; a second process goes on in it.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)

    def note(self, sequence: int, time: float) -> None:
        """Everything up to ``sequence`` was there at ``time``, Unix seconds."""
        self._file.write(_ENTRY.pack(sequence, time))


class Commits:
    """A record read: for each batch its last sequence and its time.

    Args:
        path: of the record; a missing one is empty.
    """

    def __init__(self, path: Path) -> None:
        data = path.read_bytes() if path.exists() else b""
        entries = list(_ENTRY.iter_unpack(data[: len(data) - len(data) % _ENTRY.size]))
        self.sequences: list[int] = [sequence for sequence, _ in entries]
        self.times: list[float] = [time for _, time in entries]

    def __len__(self) -> int:
        return len(self.sequences)

    def time_of(self, sequence: int) -> float:
        """When the message with this sequence was there.

        Raises:
            IndexError: it was not yet.
        """
        return self.times[bisect.bisect_left(self.sequences, sequence)]

    def rate(self) -> float:
        """Messages a second from the first batch's end to the last one's: start-up is left out."""
        return (self.sequences[-1] - self.sequences[0]) / (self.times[-1] - self.times[0])


def last_sequence(path: Path) -> int:
    """How far a record has got; 0 for an empty or missing one."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            if size < _ENTRY.size:
                return 0
            file.seek(size - size % _ENTRY.size - _ENTRY.size)
            sequence: int = _ENTRY.unpack(file.read(_ENTRY.size))[0]
            return sequence
    except FileNotFoundError:
        return 0
