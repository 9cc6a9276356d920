"""What is not acknowledged yet, on disk: an append-only log in segments, bounded in bytes, read back in order.

Plain blocking code without a thread or clock of its own; one caller at a time.

What is written survives the death of the process at any moment. Whether it survives a power loss depends on how often
the caller flushes what ``unsynced`` returns. A segment is deleted when all its records are settled, so a restart
may read records again that were settled singly: they bear their ids, and repeating them changes nothing.
"""

from __future__ import annotations

import logging
import os
import sys
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from rosey_bot.publish.lock import DirectoryInUse, DirectoryLock
from rosey_bot.publish.segment import SUFFIX, Segment, frame

log = logging.getLogger(__name__)

SEGMENT_BYTES: Final = 1 << 20


class SpoolError(Exception):
    """The spool cannot be used at all; the text says why and what to do."""


class Spool:
    """The spool in ``directory``.

    Attributes:
        size: bytes that it takes on disk; may be read from any thread.

    Args:
        directory: its own; made if it is not there. Two processes cannot share one.
        limit: bytes that it may take on disk.
        segment_bytes: the size from which on a new segment is begun.
    """

    def __init__(self, directory: Path, *, limit: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._directory = directory
        self._limit = limit
        self._segment_bytes = segment_bytes
        self._lock = DirectoryLock(directory)
        self._segments: deque[Segment] = deque()
        self._next_number = 1
        self.size = 0
        self._unsynced: list[int] = []
        self._dirty = False

    @property
    def unsettled(self) -> int:
        """Records that are not settled."""
        return sum(segment.unsettled for segment in self._segments)

    @property
    def is_read(self) -> bool:
        """Whether every record was read, or appended as read."""
        return all(segment.is_read for segment in self._segments)

    def open(self) -> None:
        """Take the directory and find what a former process left.

        Raises:
            SpoolError: another process has it, or it cannot be read and written.
        """
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
            self._recover()
        except DirectoryInUse as error:
            raise SpoolError(f"spool: {error}") from None
        except OSError as error:
            self._lock.release()
            raise SpoolError(f"spool: {self._directory} cannot be used: {error.strerror}") from None

    def append(self, records: Sequence[bytes], *, as_read: bool = False) -> list[int]:
        """Write records behind all others; returns the segment of each that was written: as many as there is room for.

        Args:
            records: what to write.
            as_read: ``read`` will not return them; allowed only where everything before them was read.

        Raises:
            OSError: the disk is full or broken, and none of the records was written.
        """
        framed = [frame(record) for record in records]
        places: list[int] = []
        while len(places) < len(framed) and len(framed[len(places)]) <= self._limit - self.size:
            try:
                segment = self._writable()
                batch = self._fitting(
                    framed, len(places), min(self._limit - self.size, self._segment_bytes - segment.size)
                )
                segment.append(batch)
            except OSError:
                self._delete_settled()
                if places:
                    break
                raise
            if as_read:
                segment.skip()
            self._dirty = True
            self.size += sum(map(len, batch))
            places += [segment.number] * len(batch)
        return places

    def read(self) -> list[tuple[int, bytes]]:
        """The next unread records in order, some of them, each with its segment; empty where all were read."""
        for segment in self._segments:
            if segment.is_read:
                continue
            try:
                return [(segment.number, record) for record in segment.read()]
            except OSError as error:
                log.error("spool: %s; what follows there stays until the next start", error)
                segment.skip()
        return []

    def settle(self, segments: Iterable[int]) -> None:
        """Count one record of each named segment as settled, and delete segments that have no other."""
        by_number = {segment.number: segment for segment in self._segments}
        for number in segments:
            by_number[number].unsettled -= 1
        self._delete_settled()

    def unsynced(self) -> list[int]:
        """Descriptors to flush to the medium, and then to close, for ``sync``; they belong to the caller."""
        descriptors, self._unsynced = self._unsynced, []
        if self._dirty:
            self._dirty = False
            self._keep_for_sync(descriptors)
            if sys.platform != "win32":
                descriptors.append(os.open(self._directory, os.O_RDONLY))
        return descriptors

    def close(self) -> None:
        """Flush everything to the medium and let go of the directory."""
        sync(self.unsynced())
        for segment in self._segments:
            segment.close()
        self._lock.release()

    def _recover(self) -> None:
        for path in sorted(self._directory.glob(f"*{SUFFIX}")):
            if not path.stem.isdigit():
                continue
            segment = Segment(self._directory, int(path.stem))
            segment.recover()
            self._segments.append(segment)
            self.size += segment.size
            self._next_number = segment.number + 1
        self._delete_settled()

    def _writable(self) -> Segment:
        last = self._segments[-1] if self._segments else None
        if last is not None and last.is_open and last.size < self._segment_bytes:
            return last
        if last is not None:
            self._keep_for_sync(self._unsynced)
            last.close()
        segment = Segment(self._directory, self._next_number)
        segment.create()
        self._next_number += 1
        self._segments.append(segment)
        return segment

    def _keep_for_sync(self, descriptors: list[int]) -> None:
        descriptor = self._segments[-1].duplicate_descriptor() if self._segments else None
        if descriptor is not None:
            descriptors.append(descriptor)

    @staticmethod
    def _fitting(framed: Sequence[bytes], start: int, room: int) -> list[bytes]:
        batch = [framed[start]]
        room -= len(framed[start])
        for record in framed[start + 1 :]:
            room -= len(record)
            if room < 0:
                break
            batch.append(record)
        return batch

    def _delete_settled(self) -> None:
        for segment in [segment for segment in self._segments if segment.unsettled <= 0]:
            try:
                segment.remove()
            except OSError as error:
                log.warning("spool: %s cannot be deleted, tried again later: %s", segment.path, error)
            else:
                self._segments.remove(segment)
                self.size -= segment.size


def sync(descriptors: Iterable[int]) -> None:
    """Flush what ``Spool.unsynced`` returned to the medium; may run beside everything else, in a thread of its own."""
    for descriptor in descriptors:
        try:
            os.fsync(descriptor)
        except OSError as error:
            log.warning("spool: flushing to the medium: %s", error)
        finally:
            os.close(descriptor)
