"""Running a service: arguments, exit codes, signals, and an end that comes whatever hangs."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from rosey_core import hangup, service
from rosey_core.config import Config, ConfigError, Problem
from rosey_core.service import BAD_CONFIGURATION, FAILED, OK, ServiceContext, run
from rosey_core.telemetry import logs
from tests.support.waiting import until

NAME = "rosey-database"
"""A distribution that is installed, for its version."""

Serve = Callable[[Config, ServiceContext], Awaitable[None]]


@pytest.fixture(autouse=True)
def _own_surroundings(restored_logging: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith("ROSEY_")]:
        monkeypatch.delenv(variable)


async def nothing_wrong(config: Config) -> list[str]:
    return []


async def until_stopped(config: Config, context: ServiceContext) -> None:
    context.health.ok("work")
    os.kill(os.getpid(), signal.SIGTERM)
    await context.stop.wait()


def start(*argv: str, main: Serve = until_stopped, check: service.Check = nothing_wrong, **options: Any) -> int:
    return run(NAME, "Does what the test says.", check, main, argv=argv, **options)


def entries(captured: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in captured.splitlines()]


# Arguments and configuration


@pytest.mark.parametrize(
    ("argument", "shown"), [("--help", "Does what the test says."), ("--version", f"{NAME} {version(NAME)}")]
)
def test_help_and_version_are_printed(capsys: pytest.CaptureFixture[str], argument: str, shown: str) -> None:
    with pytest.raises(SystemExit) as end:
        start(argument)
    assert end.value.code == OK
    assert shown in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (["--nonsense"], "--nonsense"),
        (["--health-port", "70000"], "'70000' is no port"),
        (["--health-port", "x"], "'x' is no port"),
        (["--parent-pid", "x"], "invalid int value: 'x'"),
    ],
)
def test_bad_arguments_end_it(capsys: pytest.CaptureFixture[str], argv: list[str], reason: str) -> None:
    with pytest.raises(SystemExit) as end:
        start(*argv)
    assert end.value.code == BAD_CONFIGURATION
    assert reason in capsys.readouterr().err


def test_bad_configuration_is_one_sentence_and_no_traceback(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "rosey.yaml"
    path.write_text("nats:\n  ulr: x\n")
    assert start(str(path)) == BAD_CONFIGURATION
    assert capsys.readouterr().err == (f"{NAME}: {path}, line 2: nats.ulr: unknown key; did you mean 'url'?\n")


def test_a_service_may_find_the_configuration_bad_itself(capsys: pytest.CaptureFixture[str]) -> None:
    async def main(config: Config, context: ServiceContext) -> None:
        raise ConfigError(None, [Problem("no channel is configured", "platforms")])

    assert start(main=main) == BAD_CONFIGURATION
    assert capsys.readouterr().err.splitlines()[-1] == f"{NAME}: configuration: platforms: no channel is configured"


def test_check_says_that_all_is_well_and_starts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    async def main(config: Config, context: ServiceContext) -> None:
        raise AssertionError("started")

    assert start("--check", main=main) == OK
    assert capsys.readouterr() == (f"{NAME}: ready to run\n", "")


def test_check_tells_warnings_and_problems_without_secrets(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    async def check(config: Config) -> list[str]:
        return ["cannot reach nats://rosey:hunter22@h"]

    path = tmp_path / "rosey.yaml"
    path.write_text("nats: {url: 'nats://rosey:hunter22@h'}\nshell: {}\n")
    assert start(str(path), "--check", check=check) == FAILED
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        f"{NAME}: warning: shell: this Rosey does not use it",
        f"{NAME}: cannot reach nats://rosey:{logs.MASK}@h",
    ]


def test_check_refuses_a_bad_configuration_too(tmp_path: Path) -> None:
    assert start(str(tmp_path / "nowhere.json"), "--check") == BAD_CONFIGURATION


def test_warnings_are_logged(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "rosey.yaml"
    path.write_text("shell: {}\nlogging: {level: warning}\n")
    assert start(str(path)) == OK
    messages = [entry["message"] for entry in entries(capsys.readouterr().err)]
    assert messages[0] == "configuration: shell: this Rosey does not use it"


# Running


def test_a_check_does_not_log_what_it_says(caplog: pytest.LogCaptureFixture) -> None:
    async def check(config: Config) -> list[str]:
        logging.getLogger("rosey_core.bus").warning("NATS: away")
        return ["NATS is away"]

    assert start("--check", check=check) == FAILED
    assert not caplog.records


def test_it_serves_health_while_it_works_and_then_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ready_file = tmp_path / "ready.json"
    monkeypatch.setenv("ROSEY_READY_FILE", str(ready_file))
    seen: list[Any] = []

    async def main(config: Config, context: ServiceContext) -> None:
        told = json.loads(ready_file.read_text())
        seen.append(told)
        async with aiohttp.ClientSession() as session, session.get(f"{told['health_url']}/metrics") as response:
            seen.append(await response.text())
        await until_stopped(config, context)
        seen.append((context.health.ready, context.server.url))

    assert start(main=main) == OK
    told, body, (ready, url) = seen
    assert told == {"pid": os.getpid(), "health_url": url}
    assert f'rosey_build_info{{python="{sys.version.split()[0]}",service="{NAME}"' in body
    assert not ready, "who is stopping is not ready"
    assert list(tmp_path.iterdir()) == [], "neither the file nor its draft is left"


def test_the_health_port_may_be_an_argument() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    ports: list[int] = []

    async def main(config: Config, context: ServiceContext) -> None:
        ports.extend([config.health.port, context.server.port])

    assert start("--health-port", str(port), main=main) == OK
    assert ports == [port, port]


def test_a_health_port_that_is_taken_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert start("--health-port", str(port)) == FAILED
    (entry,) = entries(capsys.readouterr().err)
    assert f"cannot serve health on 127.0.0.1 port {port}" in entry["message"]


def test_a_service_that_ends_by_itself_has_succeeded() -> None:
    async def main(config: Config, context: ServiceContext) -> None:
        await asyncio.sleep(0)

    assert start(main=main) == OK


def test_a_service_that_raises_has_failed_and_the_log_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    async def main(config: Config, context: ServiceContext) -> None:
        raise LookupError("no such thing")

    assert start(main=main) == FAILED
    entry = entries(capsys.readouterr().err)[-1]
    assert entry["message"] == f"{NAME} failed: no such thing"
    assert "LookupError" in entry["exception"]


def test_a_service_that_cancels_itself_has_failed() -> None:
    async def main(config: Config, context: ServiceContext) -> None:
        raise asyncio.CancelledError

    assert start(main=main) == FAILED


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_each_stop_signal_stops_it_in_good_order(signum: signal.Signals) -> None:
    ended: list[str] = []

    async def main(config: Config, context: ServiceContext) -> None:
        os.kill(os.getpid(), signum)
        await context.stop.wait()
        ended.append("in good order")

    assert start(main=main) == OK
    assert ended == ["in good order"]


def _hang_up_then_stop(text: str, config_file: Path, levels: list[int]) -> Serve:
    """Change the file, hang up, and stop when the change is in force."""

    async def main(config: Config, context: ServiceContext) -> None:
        config_file.write_text(text)  # noqa: ASYNC240
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: logging.getLogger().level != logging.INFO, what="another log level")
        levels.append(logging.getLogger().level)
        assert not context.stop.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        await context.stop.wait()

    return main


def test_sighup_makes_it_read_its_configuration_again(tmp_path: Path) -> None:
    file = tmp_path / "rosey.yaml"
    file.write_text("logging: {level: info}\n")
    levels: list[int] = []
    assert start(str(file), main=_hang_up_then_stop("logging: {level: error}\n", file, levels)) == OK
    assert levels == [logging.ERROR]


def test_an_argument_counts_after_a_reload_too(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "rosey.yaml"
    file.write_text("health: {port: 9}\n")
    text = "health: {port: 8}\nlogging: {level: warning}\nstream: {replicas: 3}\n"
    assert start(str(file), "--health-port", "0", main=_hang_up_then_stop(text, file, [])) == OK
    waiting = [entry["message"] for entry in entries(capsys.readouterr().err) if "restart" in entry["message"]]
    assert waiting == ["configuration: takes effect after a restart only: stream.replicas"]


def test_it_ends_with_its_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    there = [True]
    monkeypatch.setattr(hangup, "has_a_terminal", lambda: there[0])

    async def main(config: Config, context: ServiceContext) -> None:
        there[0] = False
        os.kill(os.getpid(), signal.SIGHUP)
        await context.stop.wait()

    assert start(main=main) == OK


def test_who_is_to_outlive_its_terminal_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    there = [True]
    monkeypatch.setattr(hangup, "has_a_terminal", lambda: there[0])
    file = tmp_path / "rosey.yaml"
    file.write_text("")
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    levels: list[int] = []
    work = _hang_up_then_stop("logging: {level: error}\n", file, levels)

    async def main(config: Config, context: ServiceContext) -> None:
        there[0] = False
        await work(config, context)

    try:
        assert start(str(file), main=main) == OK
    finally:
        signal.signal(signal.SIGHUP, before)
    assert levels == [logging.ERROR]


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
    start()
    assert [signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)] == before


def test_who_does_not_stop_in_time_is_cancelled(capsys: pytest.CaptureFixture[str]) -> None:
    ended: list[str] = []

    async def main(config: Config, context: ServiceContext) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    assert start(main=main, stop_seconds=0.05) == FAILED
    assert ended == ["cancelled"]
    assert "did not stop within 0.05 s" in capsys.readouterr().err


def test_two_different_signals_are_no_impatience() -> None:
    """Ctrl-C reaches a supervisor's children, which then get its SIGTERM as well: they still end in good order."""
    ended: list[str] = []

    async def main(config: Config, context: ServiceContext) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        await context.stop.wait()
        await asyncio.sleep(0.01)
        ended.append("in good order")

    assert start(main=main) == OK
    assert ended == ["in good order"]


def test_it_stops_when_its_parent_is_gone() -> None:
    parent = subprocess.Popen(["cat"], stdin=subprocess.PIPE)

    async def main(config: Config, context: ServiceContext) -> None:
        parent.kill()
        await context.stop.wait()

    with parent:
        assert start("--parent-pid", str(parent.pid), main=main) == OK


def test_without_uvloop_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert service._loop_factory() is None
