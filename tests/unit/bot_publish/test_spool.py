"""The spool on real files: order, bounds, and what a crash at any byte leaves."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rosey_bot.publish import segment as segment_module
from rosey_bot.publish.segment import Segment, frame
from rosey_bot.publish.spool import Spool, SpoolError, sync

MakeSpool = Callable[..., Spool]


@pytest.fixture
def make_spool(tmp_path: Path) -> Iterator[MakeSpool]:
    """Open the spool of this test, after closing the one before."""
    opened: list[Spool] = []

    def make(limit: int = 1 << 20, segment_bytes: int = 100) -> Spool:
        for spool in opened:
            spool.close()
        spool = Spool(tmp_path / "spool", limit=limit, segment_bytes=segment_bytes)
        spool.open()
        opened.append(spool)
        return spool

    yield make
    for spool in opened:
        spool.close()


def read_all(spool: Spool) -> list[bytes]:
    records: list[bytes] = []
    while batch := spool.read():
        records += [record for _, record in batch]
    return records


def files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "spool").glob("*.spool"))


RECORDS = [f"record {number}".encode() * 3 for number in range(20)]


def test_records_come_back_in_order_in_this_process_and_the_next(make_spool: MakeSpool) -> None:
    spool = make_spool()
    spool.append(RECORDS[:12])
    spool.append(RECORDS[12:])
    assert read_all(spool) == RECORDS
    assert spool.is_read
    again = make_spool()
    assert not again.is_read
    assert again.unsettled == len(RECORDS)
    assert read_all(again) == RECORDS


def test_what_is_appended_as_read_is_only_for_the_next_process(make_spool: MakeSpool) -> None:
    spool = make_spool()
    spool.append(RECORDS[:5], as_read=True)
    assert read_all(spool) == []
    spool.append(RECORDS[5:8])
    assert read_all(spool) == RECORDS[5:8]
    assert read_all(make_spool()) == RECORDS[:8]


def test_segments_go_when_all_their_records_are_settled(make_spool: MakeSpool, tmp_path: Path) -> None:
    spool = make_spool()
    places = spool.append(RECORDS)
    assert len(files(tmp_path)) == len(set(places)) > 3
    first = [place for place in places if place == places[0]]
    spool.settle(first[:-1])
    assert files(tmp_path)[0].stem == f"{places[0]:012d}"
    spool.settle(first[-1:])
    assert files(tmp_path)[0].stem == f"{places[len(first)]:012d}"
    spool.settle(places[len(first) :])
    assert files(tmp_path) == []
    assert spool.size == spool.unsettled == 0
    spool.append(RECORDS[:1])
    assert read_all(spool) == RECORDS[:1]


def test_a_segment_that_cannot_be_deleted_is_deleted_later(
    make_spool: MakeSpool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    spool = make_spool()
    places = spool.append(RECORDS[:1])

    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(errno.EACCES, "in use")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        spool.settle(places)
    assert "cannot be deleted" in caplog.text
    assert len(files(tmp_path)) == 1
    spool.settle([])
    assert files(tmp_path) == []


def test_the_limit_holds_and_what_does_not_fit_is_left_to_the_caller(make_spool: MakeSpool, tmp_path: Path) -> None:
    spool = make_spool(limit=300)
    places = spool.append(RECORDS)
    assert 0 < len(places) < len(RECORDS)
    assert spool.size == sum(path.stat().st_size for path in files(tmp_path)) <= 300
    assert spool.append(RECORDS) == []
    assert read_all(spool) == RECORDS[: len(places)]
    spool.settle(places)
    assert len(spool.append(RECORDS)) == len(places)


def test_a_record_larger_than_any_buffer_is_read_whole(make_spool: MakeSpool) -> None:
    large = os.urandom(segment_module.READ_BYTES * 2)
    spool = make_spool()
    spool.append([b"small", large, b"last"])
    assert read_all(spool) == [b"small", large, b"last"]
    assert read_all(make_spool()) == [b"small", large, b"last"]


def test_a_file_cut_at_any_byte_yields_the_whole_records_before(tmp_path: Path) -> None:
    bodies = [b"one", b"two" * 5, b"three"]
    data = b"".join(map(frame, bodies))
    ends = [0]
    for body in bodies:
        ends.append(ends[-1] + len(frame(body)))
    for cut in range(len(data) + 1):
        segment = Segment(tmp_path, cut + 1)
        segment.path.write_bytes(data[:cut])
        segment.recover()
        whole = sum(end <= cut for end in ends[1:])
        assert segment.unsettled == whole
        assert segment.path.stat().st_size == segment.size == ends[whole]
        assert (segment.read() if whole else []) == bodies[:whole]


def test_a_changed_byte_cuts_off_its_record_and_what_follows(tmp_path: Path) -> None:
    bodies = [b"one", b"two" * 5, b"three"]
    data = b"".join(map(frame, bodies))
    first = len(frame(bodies[0]))
    for position in range(len(data)):
        segment = Segment(tmp_path, position + 1)
        segment.path.write_bytes(data[:position] + bytes([data[position] ^ 0x40]) + data[position + 1 :])
        segment.recover()
        assert segment.unsettled < 3
        assert segment.unsettled >= 1 or position < first


def test_zeros_that_a_power_loss_left_are_no_records(make_spool: MakeSpool, tmp_path: Path) -> None:
    spool = make_spool()
    spool.append(RECORDS[:1])
    spool.close()
    with files(tmp_path)[0].open("ab") as file:
        file.write(bytes(64))
    assert read_all(make_spool()) == RECORDS[:1]


def test_new_records_go_to_a_new_file_and_never_behind_a_torn_one(make_spool: MakeSpool, tmp_path: Path) -> None:
    spool = make_spool(segment_bytes=10_000)
    spool.append(RECORDS[:3])
    spool.close()
    with files(tmp_path)[0].open("ab") as file:
        file.write(frame(b"torn")[:-1])
    again = make_spool(segment_bytes=10_000)
    again.append(RECORDS[3:5])
    assert len(files(tmp_path)) == 2
    assert read_all(make_spool()) == RECORDS[:5]


def test_strangers_and_empty_files_are_no_segments(make_spool: MakeSpool, tmp_path: Path) -> None:
    directory = tmp_path / "spool"
    directory.mkdir()
    (directory / "notes.spool").write_text("mine")
    (directory / "000000000007.spool").write_bytes(b"")
    spool = make_spool()
    assert spool.is_read
    spool.append(RECORDS[:1])
    assert [path.name for path in files(tmp_path)] == ["000000000008.spool", "notes.spool"]


class FullDisk:
    """Writes ``room`` bytes and then has no space left."""

    def __init__(self, room: int) -> None:
        self.room = room

    def __call__(self, descriptor: int, data: bytes) -> None:
        os.write(descriptor, data[: self.room])
        if len(data) > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("room", [0, 1, 7, 30])
def test_a_full_disk_leaves_nothing_half_written(
    make_spool: MakeSpool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    spool = make_spool(segment_bytes=10_000)
    spool.append(RECORDS[:2])
    before = files(tmp_path)[0].read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(segment_module, "write_all", FullDisk(room))
        with pytest.raises(OSError, match="No space"):
            spool.append(RECORDS[2:4])
    assert files(tmp_path)[0].read_bytes() == before
    spool.append(RECORDS[4:6])
    assert read_all(spool) == RECORDS[:2] + RECORDS[4:6]


def test_a_file_that_can_be_neither_written_nor_cut_is_left_behind(
    make_spool: MakeSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, size: int) -> None:
        raise OSError(errno.EIO, "broken")

    spool = make_spool(segment_bytes=10_000)
    spool.append(RECORDS[:2])
    with monkeypatch.context() as patch:
        patch.setattr(segment_module, "write_all", FullDisk(5))
        patch.setattr(os, "ftruncate", refuse)
        with pytest.raises(OSError, match="No space"):
            spool.append(RECORDS[2:4])
    spool.append(RECORDS[4:6])
    assert read_all(make_spool()) == RECORDS[:2] + RECORDS[4:6]


def test_a_disk_that_fills_between_two_segments_keeps_the_first(
    make_spool: MakeSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FullAfterOne(FullDisk):
        def __call__(self, descriptor: int, data: bytes) -> None:
            super().__call__(descriptor, data)
            self.room = 0

    spool = make_spool()
    with monkeypatch.context() as patch:
        patch.setattr(segment_module, "write_all", FullAfterOne(10_000))
        places = spool.append(RECORDS)
    assert 0 < len(places) < len(RECORDS)
    spool.append(RECORDS[len(places) :])
    assert read_all(spool) == RECORDS


def test_a_segment_damaged_while_in_use_does_not_stop_the_others(
    make_spool: MakeSpool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = make_spool()
    places = spool.append(RECORDS)
    damaged = files(tmp_path)[1]
    damaged.write_bytes(bytes(damaged.stat().st_size))
    bad = sorted(set(places))[1]
    assert read_all(spool) == [record for record, place in zip(RECORDS, places, strict=True) if place != bad]
    assert "damaged" in caplog.text
    assert spool.is_read


def test_a_closed_segment_takes_nothing(tmp_path: Path) -> None:
    segment = Segment(tmp_path, 1)
    with pytest.raises(OSError, match="not open"):
        segment.append([frame(b"x")])


def test_everything_written_is_flushed_once(make_spool: MakeSpool, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = make_spool()
    spool.append(RECORDS)
    flushed: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (flushed.append(os.fstat(descriptor).st_ino), real(descriptor)))
    sync(spool.unsynced())
    inodes = {path.stat().st_ino for path in spool._directory.glob("*.spool")}
    assert inodes <= set(flushed)
    flushed.clear()
    sync(spool.unsynced())
    assert flushed == []


def test_a_medium_that_cannot_be_flushed_is_reported(
    make_spool: MakeSpool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(errno.EIO, "broken")

    spool = make_spool()
    spool.append(RECORDS[:1])
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        sync(spool.unsynced())
    assert "broken" in caplog.text


def test_a_second_spool_on_the_directory_is_refused_with_the_holder_named(
    make_spool: MakeSpool, tmp_path: Path
) -> None:
    spool = make_spool()
    second = Spool(tmp_path / "spool", limit=100)
    with pytest.raises(SpoolError, match=f"in use by process {os.getpid()}"):
        second.open()
    spool.close()
    second.open()
    second.close()


def test_a_directory_that_cannot_be_used_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match="file/spool cannot be used"):
        Spool(tmp_path / "file" / "spool", limit=100).open()


WRITER = """
import sys
from pathlib import Path
from rosey_bot.publish.spool import Spool
spool = Spool(Path(sys.argv[1]), limit=1 << 30, segment_bytes=4096)
spool.open()
number = 0
while True:
    spool.append([b"%d" % (number + index) for index in range(7)])
    number += 7
    print(number, flush=True)
"""


def written_before_kill(directory: Path, lines: int) -> int:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(directory)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        told = [int(writer.stdout.readline()) for _ in range(lines)]
        writer.kill()
        told += [int(line) for line in writer.stdout.read().splitlines() if line]
    return told[-1]


def test_a_killed_writer_loses_nothing_that_it_had_written(tmp_path: Path) -> None:
    written = written_before_kill(tmp_path, lines=200)
    spool = Spool(tmp_path, limit=1 << 30)
    spool.open()
    numbers = [int(record) for record in read_all(spool)]
    spool.close()
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= written


def test_a_spool_that_keeps_its_records_in_the_process_would_be_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broken variant of the test above: the writer buffers and the kill takes the tail."""
    buffered = WRITER.replace("spool = Spool", "import rosey_bot.publish.segment as s\nheld = []\ns.write_all = lambda "
                              "descriptor, data: held.append(data)\nspool = Spool")  # fmt: skip
    monkeypatch.setattr(sys.modules[__name__], "WRITER", buffered)
    written = written_before_kill(tmp_path, lines=5)
    spool = Spool(tmp_path, limit=1 << 30)
    spool.open()
    assert len(read_all(spool)) < written
    spool.close()
