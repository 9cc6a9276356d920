"""The log files of children."""

from __future__ import annotations

from pathlib import Path

from rosey_cli.up.journal import Level
from rosey_cli.up.logfile import Line, LogFile


def test_new_lines_are_read_once_and_only_when_they_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("of a former run\n")
    log = LogFile(path)
    with path.open("a") as file:
        file.write("first\nhalf")
        file.flush()
        assert list(log.read()) == [Line(Level.INFO, "first")]
        file.write(" a line\n\n")
        file.flush()
        assert list(log.read()) == [Line(Level.INFO, "half a line")]
    assert list(log.read()) == []


def test_it_may_begin_where_the_process_began(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("of a former run\nat the start\n")
    log = LogFile(path, start=len("of a former run\n"))
    assert list(log.read()) == [Line(Level.INFO, "at the start")]


def test_a_file_that_is_not_there_yet_has_no_lines(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log")
    assert list(log.read()) == []
    (tmp_path / "log").write_text("now\n")
    assert list(log.read()) == [Line(Level.INFO, "now")]


def test_levels_are_those_of_the_programs_and_ordinary_life_of_nats_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = LogFile(path)
    path.write_text(
        '{"level": "info", "message": "ready"}\n'
        '{"level": "debug", "message": "details"}\n'
        '{"level": "error", "message": "failed", "exception": "Traceback\\n  ...\\nValueError: why"}\n'
        "[12] 2026/11/21 01:29:40.123456 [INF] Server is ready\n"
        "[12] 2026/11/21 01:29:40.123456 [WRN] slow disk\n"
        "[12] 2026/11/21 01:29:40.123456 [FTL] no store\n"
        "Traceback (most recent call last):\n"
        '{"no": "message"}\n'
    )
    assert list(log.read()) == [
        Line(Level.INFO, "ready"),
        Line(Level.ERROR, "failed: ValueError: why"),
        Line(Level.WARNING, "slow disk"),
        Line(Level.ERROR, "no store"),
        Line(Level.INFO, "Traceback (most recent call last):"),
        Line(Level.INFO, '{"no": "message"}'),
    ]


def test_a_log_does_not_grow_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = LogFile(path, limit=100)
    with path.open("ab") as child:
        child.write(b"x" * 101 + b"\n")
        child.flush()
        assert len(list(log.read())) == 1
        assert path.stat().st_size == 0
        assert (tmp_path / "log.1").stat().st_size == 102
        child.write(b"goes on\n")
        child.flush()
        assert list(log.read()) == [Line(Level.INFO, "goes on")]
