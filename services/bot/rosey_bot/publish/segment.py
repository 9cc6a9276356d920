"""One file of the spool: records one after the other, each with its length and checksum.

A record is 4 bytes of length, 4 bytes of CRC-32 (of the body, seeded with the length), both little-endian, and the
body. A process that is killed while it writes leaves at most one torn record, at the end: ``recover`` cuts it off.
"""

from __future__ import annotations

import logging
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

SUFFIX: Final = ".spool"
READ_BYTES: Final = 1 << 17

_PREFIX: Final = struct.Struct("<II")


def frame(body: bytes) -> bytes:
    """A record as it stands in the file."""
    return _PREFIX.pack(len(body), zlib.crc32(body, len(body))) + body


def parse(data: bytes) -> Iterator[tuple[bytes, int]]:
    """The whole records at the beginning of ``data``, each with the offset of its end."""
    offset = 0
    while offset + _PREFIX.size <= len(data):
        length, checksum = _PREFIX.unpack_from(data, offset)
        begin = offset + _PREFIX.size
        offset = begin + length
        body = data[begin:offset]
        if not body or len(body) != length or zlib.crc32(body, length) != checksum:
            return
        yield body, offset


def write_all(descriptor: int, data: bytes) -> None:
    """Write ``data`` to its end.

    Raises:
        OSError: the disk is full or broken; part of it may have been written.
    """
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


class Segment:
    """A file of records that grows at its end, is read from its beginning and is removed when all are settled.

    Attributes:
        number: its place in the order of segments.
        size: bytes of whole records in it.
        unsettled: records in it that are not settled yet.
    """

    def __init__(self, directory: Path, number: int) -> None:
        self.number = number
        self.path = directory / f"{number:012d}{SUFFIX}"
        self.size = 0
        self.unsettled = 0
        self._read_to = 0
        self._descriptor: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether records may be appended."""
        return self._descriptor is not None

    @property
    def is_read(self) -> bool:
        """Whether there is nothing left to read."""
        return self._read_to >= self.size

    def create(self) -> None:
        """Make the file and open it for appending.

        Raises:
            OSError: it cannot be made.
        """
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(self.path, flags, 0o600)

    def recover(self) -> None:
        """Count what a former process left, and cut off what is no whole record.

        Raises:
            OSError: the file cannot be read or cut.
        """
        data = self.path.read_bytes()
        for _, end in parse(data):
            self.unsettled += 1
            self.size = end
        if self.size < len(data):
            log.warning("spool: %s ended in %d bytes that are no record; cut off", self.path, len(data) - self.size)
            os.truncate(self.path, self.size)

    def append(self, records: list[bytes]) -> None:
        """Append framed records, all or none.

        Raises:
            OSError: the disk is full or broken; the file is as it was, or closed where that failed.
        """
        if self._descriptor is None:
            raise OSError(f"{self.path} is not open")
        data = b"".join(records)
        try:
            write_all(self._descriptor, data)
        except OSError:
            self._cut(self._descriptor)
            raise
        self.size += len(data)
        self.unsettled += len(records)

    def read(self, limit: int = READ_BYTES) -> list[bytes]:
        """The next records, some ``limit`` bytes of them; at least one where there is one.

        Raises:
            OSError: the file cannot be read, or is not what was written.
        """
        with self.path.open("rb") as file:
            file.seek(self._read_to)
            data = file.read(min(limit, self.size - self._read_to))
            if len(data) >= _PREFIX.size:
                need = _PREFIX.size + _PREFIX.unpack_from(data)[0]
                if need > len(data):
                    data += file.read(min(need, self.size - self._read_to) - len(data))
        found = list(parse(data))
        if not found:
            raise OSError(f"{self.path} is damaged at byte {self._read_to}")
        self._read_to += found[-1][1]
        return [body for body, _ in found]

    def skip(self) -> None:
        """Count as read what is there."""
        self._read_to = self.size

    def duplicate_descriptor(self) -> int | None:
        """A second descriptor of the open file, for a thread that flushes it."""
        return None if self._descriptor is None else os.dup(self._descriptor)

    def close(self) -> None:
        """Append no more."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def remove(self) -> None:
        """Close and delete the file.

        Raises:
            OSError: it cannot be deleted.
        """
        self.close()
        self.path.unlink(missing_ok=True)

    def _cut(self, descriptor: int) -> None:
        try:
            os.ftruncate(descriptor, self.size)
        except OSError:
            self.close()
