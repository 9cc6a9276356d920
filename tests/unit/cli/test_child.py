"""A child process: kept alive, stopped in time, given up where nothing else helps."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from rosey_cli.failure import Failure
from rosey_cli.up.child import Child, State
from rosey_cli.up.journal import Entry, Journal
from tests.support.waiting import until
from tests.unit.cli.script import Script

SERVE = "touch $READY; exec sleep 60"
MakeChild = Callable[..., Child]


@pytest.fixture
async def make_child(tmp_path: Path, journal: Journal) -> AsyncIterator[MakeChild]:
    children: list[Child] = []

    def make(script: str, name: str = "script", **options: Any) -> Child:
        child = Child(Script(tmp_path, script, name), journal, backoff=(0.01, 0.05), **options)
        children.append(child)
        return child

    yield make
    for child in children:
        await child.stop()


def texts(entries: list[Entry]) -> str:
    return "\n".join(f"{entry.source}: {entry.text}" for entry in entries)


async def test_a_child_is_started_when_it_is_ready(make_child: MakeChild, entries: list[Entry]) -> None:
    child = make_child(SERVE)
    await child.start()
    assert child.state is State.READY
    assert child.pid is not None
    assert "starting script ... ready in" in texts(entries)


async def test_a_killed_child_is_started_again(make_child: MakeChild, entries: list[Entry]) -> None:
    changes: list[None] = []
    child = make_child(SERVE, on_change=lambda: changes.append(None))
    await child.start()
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: child.pid not in (None, first) and child.state is State.READY)
    assert child.restarts == 1
    assert len(changes) == 2
    assert "was ended by SIGKILL" in texts(entries)


async def test_a_stopped_child_is_not_started_again(make_child: MakeChild) -> None:
    child = make_child(SERVE)
    await child.start()
    pid = child.pid
    assert pid is not None
    await child.stop()
    assert child.state is State.STOPPED
    assert child.restarts == 0
    assert not psutil.pid_exists(pid)
    await child.stop()


async def test_a_child_that_will_not_end_is_killed(make_child: MakeChild, entries: list[Entry]) -> None:
    child = make_child("trap '' TERM; touch $READY; while :; do sleep 0.05; done")
    child.program.stop_seconds = 0.1
    await child.start()
    await child.stop()
    assert child.pid is None
    assert "did not end within 0.1 s: killed" in texts(entries)


async def test_a_program_that_was_never_ready_is_given_up_with_the_end_of_its_log(make_child: MakeChild) -> None:
    child = make_child("echo attempt >&2; echo no room on the disk >&2; exit 7")
    with pytest.raises(Failure, match="script ended with exit code 7") as failure:
        await child.start()
    assert "no room on the disk" in str(failure.value)
    assert child.program.log_file.read_text().count("attempt") == 3
    assert str(failure.value).count("attempt") == 1
    assert child.state is State.FAILED


async def test_bad_configuration_is_given_up_at_once(make_child: MakeChild) -> None:
    child = make_child("echo attempt; exit 2")
    with pytest.raises(Failure) as failure:
        await child.start()
    assert failure.value.code == 2
    assert child.program.log_file.read_text().count("attempt") == 1


async def test_a_program_that_was_ready_before_is_never_given_up(make_child: MakeChild) -> None:
    child = make_child("touch $READY; sleep 0.05; exit 1")
    await child.start()
    await until(lambda: child.restarts >= 5)
    assert not child.failure.done()


async def test_a_child_that_is_never_ready_says_why(make_child: MakeChild) -> None:
    child = make_child("exec sleep 60")
    child.program.start_seconds = 0.1
    child.program.problem = "nats: not connected"
    with pytest.raises(Failure, match=r"not ready after 0\.1 s: nats: not connected"):
        await child.start()


async def test_a_program_that_is_not_there_is_given_up(make_child: MakeChild, tmp_path: Path) -> None:
    child = make_child(SERVE)
    child.program.command = lambda: [str(tmp_path / "absent")]  # type: ignore[method-assign]
    with pytest.raises(Failure):
        await child.start()


async def test_a_child_has_its_own_group_and_no_override_of_the_configuration(
    make_child: MakeChild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROSEY_PLATFORMS__0__PASSWORD", "secret")
    child = make_child("env; echo done; " + SERVE)
    await child.start()
    pid = child.pid
    assert pid is not None
    assert os.getpgid(pid) == pid
    log = child.program.log_file.read_text()
    assert f"ROSEY_PARENT_PID={os.getpid()}" in log
    assert "secret" not in log
