"""The data directory: one rosey at a time, and nothing of a former one in the way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from rosey_cli.data_directory import (
    DataDirectory,
    ProcessIdentity,
    Running,
    held_directories,
    home,
    identity,
    write_private,
)
from rosey_cli.failure import Failure


def test_two_cannot_have_one_directory(tmp_path: Path) -> None:
    first, second = DataDirectory(tmp_path), DataDirectory(tmp_path)
    first.acquire()
    with pytest.raises(Failure, match=rf"process {os.getpid()}\) is at work on .*\n.*--data DIR"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()
    second.release()


def test_a_directory_that_cannot_be_made_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Failure, match=r"cannot be used: Not a directory: .*file"):
        DataDirectory(tmp_path / "file" / "data").acquire()


def test_what_runs_is_found_while_the_directory_is_held(tmp_path: Path) -> None:
    environ = {"XDG_DATA_HOME": str(tmp_path)}
    directory = DataDirectory(home(environ) / "demo")
    assert directory.running() is None
    assert held_directories(environ) == []
    directory.acquire()
    directory.write_running(Running(pid=1, nats_url="nats://127.0.0.1:1"))
    (found,) = held_directories(environ)
    running = found.running()
    assert running is not None
    assert running.nats_url == "nats://127.0.0.1:1"
    directory.release()
    assert held_directories(environ) == []
    assert directory.running() is None


def test_leftovers_that_do_not_end_are_killed(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    directory.acquire()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as left:
        process = identity(left.pid)
        assert process is not None
        directory.write_running(Running(pid=1, nats_url="", processes={"nats-server": process}))
        assert directory.clear_leftovers(timeout=0.05) == ["nats-server"]
        assert process.process is None
    assert list(directory.ready_files.iterdir()) == []
    directory.release()


def test_another_process_of_the_same_number_is_left_alone(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    directory.acquire()
    me = psutil.Process()
    stranger = ProcessIdentity(me.pid, me.create_time() - 100)
    directory.write_running(Running(pid=1, nats_url="", processes={"nats-server": stranger}))
    assert directory.clear_leftovers(timeout=5) == []
    directory.release()


def test_private_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    write_private(tmp_path / "file", b"secret")
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "file").read_bytes() == b"secret"


def test_the_home_follows_the_desktop_rules() -> None:
    assert home({"XDG_DATA_HOME": "/data"}) == Path("/data/rosey")
    assert home({}) == Path.home() / ".local" / "share" / "rosey"
