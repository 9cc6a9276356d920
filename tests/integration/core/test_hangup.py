"""SIGHUP in the first moments of a real process, before it has read its configuration once."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from rosey_core import hangup

# As the installed program, and stops on its way where a test can see it.
PROGRAM = "import sys; {first}; print('here', flush=True); from rosey_bot.service import main; sys.exit(main())"
HOLD = "from rosey_core import hangup; hangup.hold()"
SERVICES = ("rosey_bot", "rosey_database", "rosey_operator")

Start = Callable[[str], Awaitable[Process]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Start a bot that does this first; it has then imported nothing else yet."""
    processes: list[Process] = []
    configuration = tmp_path / "rosey.json"
    nowhere = {"nats": {"url": "nats://127.0.0.1:1"}, "bot": {"spool_dir": str(tmp_path / "spool")}}
    configuration.write_text(json.dumps({"version": 2, "platforms": [], **nowhere, "logging": {"format": "json"}}))

    async def start(first: str) -> Process:
        command = (sys.executable, "-c", PROGRAM.format(first=first), str(configuration))
        process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, cwd=tmp_path)
        processes.append(process)
        assert process.stdout is not None
        assert await process.stdout.readline() == b"here\n"
        return process

    yield start
    for process in processes:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_it_ends_nothing_and_is_followed_as_soon_as_that_can_be(start: Start) -> None:
    process = await start(HOLD)
    process.send_signal(signal.SIGHUP)
    assert process.stderr is not None
    log = b""
    while b"configuration: read again" not in log:
        line = await asyncio.wait_for(process.stderr.readline(), 30)
        assert line, log
        log += line
    process.terminate()
    assert await process.wait() == 0


async def test_broken_variant_before_anybody_listens_it_ends_the_process(start: Start) -> None:
    process = await start("pass")
    process.send_signal(signal.SIGHUP)
    assert await process.wait() == -signal.SIGHUP


@pytest.mark.parametrize("service", SERVICES)
def test_each_program_holds_it_before_all_else(monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    calls: list[str] = []
    monkeypatch.setattr(hangup, "hold", lambda: calls.append("hold"))
    monkeypatch.setattr(importlib.import_module(f"{service}.service"), "main", lambda: calls.append("serve") or 3)
    assert importlib.import_module(f"{service}.__main__").main() == 3
    assert calls == ["hold", "serve"]


def test_what_is_imported_before_that_is_little() -> None:
    programs = ", ".join(f"{service}.__main__" for service in SERVICES)
    judge = f"import sys, {programs}; print(*(f'{{each}}.service' in sys.modules for each in {SERVICES}))"
    found = subprocess.run([sys.executable, "-c", judge], capture_output=True, text=True, check=True)
    assert found.stdout == "False False False\n"


def test_who_was_told_to_ignore_it_does() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        hangup.hold()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_wish_that_came_early_is_told_once() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    told: list[str] = []
    try:
        hangup.hold()
        os.kill(os.getpid(), signal.SIGHUP)
        for _ in range(2):
            with hangup.heard(lambda: told.append("reload"), lambda: told.append("end")):
                pass
    finally:
        signal.signal(signal.SIGHUP, before)
    assert told == ["reload"]
