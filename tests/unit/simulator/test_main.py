"""The process `rosey-simulator`."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from pathlib import Path

import pytest

from rosey_simulator.main import main, parser
from tests.unit.simulator.test_recording import FIRST, write
from tests.unit.simulator.wire import Peer, peers


async def start(*arguments: str) -> tuple[asyncio.subprocess.Process, str]:
    """The process and the address it says it listens on."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import sys; from rosey_simulator.main import main; sys.exit(main())",
        "--port",
        "0",
        *arguments,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    async with asyncio.timeout(20):
        line = (await process.stderr.readline()).decode()
    found = re.search(r"listening on (http://\S+)", line)
    assert found is not None, line
    return process, found[1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_serves_until_it_is_told_to_end(number: signal.Signals) -> None:
    process, url = await start("--channel", "one", "--channel", "two")
    peer = Peer()
    async with peers(peer):
        await peer.connect(url)
        await peer.send("joinChannel", {"name": "two"})
        await peer.wait_for("userlist")
        assert "channelNotRegistered" not in peer.events
        process.send_signal(number)
        async with asyncio.timeout(10):
            assert await process.wait() == 0
        await peer.wait_for("@disconnect")


async def test_accounts_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    path.write_text('{"Rosey": "hush"}')
    process, url = await start("--accounts", str(path))
    peer = Peer()
    async with peers(peer):
        await peer.connect(url)
        for times, (password, success) in enumerate((("wrong", False), ("hush", True)), start=1):
            await peer.send("login", {"name": "Rosey", "pw": password})
            [answer] = await peer.wait_for("login", times)
            assert answer["success"] is success
        process.send_signal(signal.SIGTERM)
        await process.wait()


@pytest.mark.parametrize("text", ["{", "[]", '{"Rosey": 1}', None])
def test_a_file_without_accounts_is_refused(
    text: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "accounts.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SystemExit):
        main(["--accounts", str(path)])
    assert "accounts.json" in capsys.readouterr().err


async def test_it_ends_with_the_recording_it_plays(tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", FIRST)
    process, url = await start("--recording", str(path), "--speed", "20")
    peer = Peer()
    async with peers(peer):
        await peer.connect(url)
        await peer.send("joinChannel", {"name": "lobby"})
        await peer.send("login", {"name": "Bot", "pw": "x"})
        async with asyncio.timeout(10):
            assert await process.wait() == 0
        await peer.wait_for("@disconnect")
        assert peer.events[-2] == "chatMsg"


def test_a_recording_that_is_none_is_an_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert main(["--recording", str(tmp_path / "absent.jsonl")]) == 1
    assert "absent.jsonl" in caplog.text


@pytest.mark.parametrize(
    "arguments", [["--port", "x"], ["--port", "70000"], ["--speed", "0"], ["--speed", "x"], ["--channel", "no channel"]]
)
def test_arguments_that_are_none_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parser().parse_args(arguments)
    assert caught.value.code == 2


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    for option in ("--host", "--port", "--channel", "--recording", "--client", "--speed"):
        assert option in shown
