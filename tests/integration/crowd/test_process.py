"""The crowd of the process `rosey-simulator`."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rosey_simulator.crowd.process import live_crowd
from rosey_simulator.crowd.record import read
from rosey_simulator.crowd.summary import summarize
from rosey_simulator.main import parser
from rosey_simulator.server import SimulatorServer
from tests.integration.bot.harness import Person
from tests.support.waiting import until


@pytest.fixture
async def run() -> AsyncIterator[Callable[..., Any]]:
    """Start the process with these arguments."""
    processes: list[asyncio.subprocess.Process] = []

    async def run(*arguments: str) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("rosey-simulator")),
            *("--port", "0", *arguments),
            stderr=asyncio.subprocess.PIPE,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_the_record_survives_a_killed_process(run: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    process = await run("--channel", "one", "--channel", "two", "--crowd", "--rate", "500", "--record", str(path))
    await until(lambda: path.exists() and len(path.read_bytes()) > 100_000)
    process.kill()
    await process.wait()
    for room in ("one", "two"):
        assert len(summarize(read(path), room).users) > 5


async def test_a_crowd_with_an_end_falls_silent_and_the_site_goes_on(run: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    process = await run("--crowd", "--seed", "7", "--rate", "2000", "--actions", "200", "--record", str(path))
    log = b""
    while b"fallen silent after 200 actions" not in log:
        log += await asyncio.wait_for(process.stderr.readline(), 15)
    assert process.returncode is None
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 15) == 0
    assert sum(1 for entry in read(path) if entry["event"] == "did") == 200


async def test_a_crowd_that_is_told_to_falls_silent_and_the_site_goes_on(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "record.jsonl"
    process = await run("--crowd", "--rate", "500", "--record", str(path))
    await until(lambda: path.exists() and len(path.read_bytes()) > 50_000)
    process.send_signal(signal.SIGUSR1)
    log = b""
    while b"fallen silent after" not in log:
        log = await asyncio.wait_for(process.stderr.readline(), 15)
    performed = int(log.split()[-2])
    assert process.returncode is None
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 15) == 0
    assert sum(1 for entry in read(path) if entry["event"] == "did") == performed


async def test_what_was_said_before_the_end_was_heard(run: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    process = await run("--crowd", "--rate", "1000", "--record", str(path))
    line = b""
    while b"listening on" not in line:
        line = await asyncio.wait_for(process.stderr.readline(), 15)
    url = line.decode().split()[-1]
    site = SimpleNamespace(url=url)
    listener = await Person(site).enter("Listener", channel="demo")  # type: ignore[arg-type]
    await until(lambda: len(listener.of("chatMsg")) > 100)
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 15) == 0
    await until(lambda: not listener.socket.connected)
    said = [entry["time"] for entry in read(path) if entry["event"] == "said"]
    assert said[-1] in [line["time"] for line in listener.of("chatMsg")]
    await listener.leave()


@pytest.mark.parametrize(
    ("option", "value"), [("--rate", "0"), ("--rate", "much"), ("--users", "-3"), ("--actions", "0"), ("--seed", "x")]
)
def test_numbers_that_make_no_sense_are_refused(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["--crowd", option, value])
    assert ended.value.code == 2
    assert option in capsys.readouterr().err


async def test_a_record_that_cannot_be_written_is_refused(run: Callable[..., Any], tmp_path: Path) -> None:
    process = await run("--crowd", "--record", str(tmp_path / "nowhere" / "record.jsonl"))
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert b"nowhere" in errors


async def test_without_the_option_nobody_comes() -> None:
    server = SimulatorServer()
    room = server.add_channel("demo")
    async with live_crowd(server.site, parser().parse_args([])):
        await asyncio.sleep(0)
    assert room.members == []


async def test_a_crowd_lives_as_long_as_its_context(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    server = SimulatorServer()
    room = server.add_channel("demo")
    arguments = parser().parse_args(["--crowd", "--rate", "1000", "--users", "9", "--record", str(path)])
    async with live_crowd(server.site, arguments):
        await until(lambda: len(room.members) > 3)
    written = path.stat().st_size
    await asyncio.sleep(0.02)
    assert path.stat().st_size == written


async def test_a_crowd_that_fails_says_so(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any, **__: Any) -> int:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr("rosey_simulator.crowd.process.run_live", fail)
    async with live_crowd(SimulatorServer().site, parser().parse_args(["--crowd"])):
        await until(lambda: "the crowd has failed" in caplog.text)
