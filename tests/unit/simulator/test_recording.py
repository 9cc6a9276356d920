from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from socketio.exceptions import ConnectionError as SocketConnectionError

from rosey_simulator import recording as recording_module
from rosey_simulator.recording import RecordingError, RecordingServer, read
from tests.unit.simulator.wire import PATIENCE_SECONDS, Peer, peers

Line = tuple[float, str, str, str, list[Any]]

FIRST: list[Line] = [
    (0.0, "bot", "recv", "@open", [{}]),
    (0.0, "bot", "recv", "@connect", [{}]),
    (0.1, "bot", "send", "joinChannel", [{"name": "lobby"}]),
    (0.1, "bot", "recv", "rank", [-1]),
    (0.2, "bot", "recv", "userlist", [[]]),
    (0.2, "mod", "recv", "userlist", [["not for the bot"]]),
    (0.3, "mod", "send", "@note", ["what comes next"]),
    (0.4, "bot", "send", "login", [{"name": "Bot", "pw": "x"}]),
    (0.5, "bot", "recv", "login", [{"success": True, "name": "Bot"}]),
    (0.6, "bot", "recv", "chatMsg", [{"username": "A", "msg": "one", "meta": {}, "time": 1}]),
]


def write(path: Path, lines: list[Line]) -> Path:
    keys = ("t", "client", "dir", "event", "args")
    path.write_text("".join(json.dumps(dict(zip(keys, line, strict=True))) + "\n" for line in lines))
    return path


async def until_done(server: RecordingServer) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await server.done.wait()


async def test_the_bot_gets_what_the_client_got(tmp_path: Path) -> None:
    server = RecordingServer(write(tmp_path / "r.jsonl", FIRST), speed=50)
    await server.start()
    peer = Peer()
    try:
        async with peers(peer):
            await peer.connect(server.url)
            await peer.wait_for("rank")
            await asyncio.sleep(0.05)
            assert peer.events == ["@connect", "rank"]
            await peer.send("chatMsg", {"msg": "nobody answers this"})
            await peer.send("joinChannel", {"name": "lobby"})
            await peer.wait_for("userlist")
            assert "login" not in peer.events
            await peer.send("login", {"name": "Bot", "pw": "x"})
            await until_done(server)
            await peer.wait_for("chatMsg")
            assert peer.heard == [
                ("@connect", []),
                ("rank", [-1]),
                ("userlist", [[]]),
                ("login", [{"success": True, "name": "Bot"}]),
                ("chatMsg", [{"username": "A", "msg": "one", "meta": {}, "time": 1}]),
            ]
    finally:
        await server.stop()


async def test_who_logs_in_before_the_recorded_one_did_gets_the_answer(tmp_path: Path) -> None:
    end: Line = (0.7, "bot", "recv", "@close", ["websocket closed, code 1006"])
    again: Line = (0.8, "bot", "recv", "@connect", [{}])
    server = RecordingServer(write(tmp_path / "r.jsonl", [*FIRST, end, again]), speed=50)
    await server.start()
    peer = Peer()
    try:
        async with peers(peer):
            await peer.connect(server.url)
            await peer.send("login", {"name": "Bot", "pw": "x"})
            await peer.wait_for("chatMsg")
            assert peer.events == ["@connect", "rank", "userlist", "login", "chatMsg"]
            # The end waits for what the recorded one had sent by then, too.
            await peer.send("joinChannel", {"name": "lobby"})
            await peer.wait_for("@disconnect")
    finally:
        await server.stop()


async def test_another_client_of_the_recording_can_be_played(tmp_path: Path) -> None:
    lines: list[Line] = [*FIRST, (1.0, "late", "recv", "@connect", [{}]), (1.0, "late", "recv", "rank", [7])]
    server = RecordingServer(write(tmp_path / "r.jsonl", lines), client="late")
    await server.start()
    peer = Peer()
    try:
        async with peers(peer):
            await peer.connect(server.url)
            assert await peer.wait_for("rank") == [7]
    finally:
        await server.stop()


async def test_the_pace_is_the_recorded_one_divided_by_the_speed(tmp_path: Path) -> None:
    lines: list[Line] = [
        (0.0, "bot", "recv", "@connect", [{}]),
        (0.0, "bot", "recv", "rank", [1]),
        (1.0, "bot", "recv", "rank", [2]),
    ]
    server = RecordingServer(write(tmp_path / "r.jsonl", lines), speed=5)
    await server.start()
    peer = Peer()
    try:
        async with peers(peer):
            await peer.connect(server.url)
            await peer.wait_for("rank")
            before = time.monotonic()
            await peer.wait_for("rank", 2)
            assert 0.15 <= time.monotonic() - before < 0.8
    finally:
        await server.stop()


@pytest.mark.parametrize(
    ("ending", "seen"),
    [
        ([(0.7, "bot", "recv", "@close", ["websocket closed, code 1006"])], "transport error"),
        ([(0.7, "bot", "send", "@disconnect", ["by client"])], "transport error"),
        ([(0.7, "bot", "recv", "@disconnect", ["packet 41 from server"])], "server disconnect"),
    ],
)
async def test_a_recorded_end_is_an_end_and_the_next_connection_goes_on(
    tmp_path: Path, ending: list[Line], seen: str
) -> None:
    second: list[Line] = [
        (2.0, "bot", "recv", "@open", [{}]),
        (2.0, "bot", "recv", "@connect", [{}]),
        (2.1, "bot", "recv", "rank", [9]),
    ]
    server = RecordingServer(write(tmp_path / "r.jsonl", [*FIRST, *ending, *second]), speed=50)
    await server.start()
    first, again, late = Peer(), Peer(), Peer()
    try:
        async with peers(first, again, late):
            await first.connect(server.url)
            await first.send("joinChannel", {"name": "lobby"})
            await first.send("login", {"name": "Bot", "pw": "x"})
            assert (await first.wait_for("@disconnect"))[0] == seen
            assert not server.done.is_set()
            await again.connect(server.url)
            assert await again.wait_for("rank") == [9]
            await until_done(server)
            with pytest.raises(SocketConnectionError):
                await late.connect(server.url)
    finally:
        await server.stop()


async def test_every_frame_comes_before_the_end_however_fast_it_is_played(tmp_path: Path) -> None:
    lines: list[Line] = [
        (0.0, "bot", "recv", "@connect", [{}]),
        *((0.0, "bot", "recv", "usercount", [number]) for number in range(200)),
        (0.0, "bot", "recv", "@close", ["websocket closed, code 1006"]),
        (1.0, "bot", "recv", "@connect", [{}]),
    ]
    server = RecordingServer(write(tmp_path / "r.jsonl", lines), speed=1e6)
    await server.start()
    peer = Peer()
    try:
        async with peers(peer):
            await peer.connect(server.url)
            await peer.wait_for("@disconnect")
            assert peer.heard == [
                ("@connect", []),
                *(("usercount", [number]) for number in range(200)),
                ("@disconnect", ["transport error"]),
            ]
    finally:
        await server.stop()


async def test_a_refused_connection_is_refused_again(tmp_path: Path) -> None:
    lines: list[Line] = [
        (0.0, "bot", "recv", "@open", [{}]),
        (0.0, "bot", "recv", "@connect_error", [{"message": "Rate limit exceeded"}]),
    ]
    server = RecordingServer(write(tmp_path / "r.jsonl", lines))
    await server.start()
    peer = Peer()
    try:
        async with peers(peer):
            with pytest.raises(SocketConnectionError):
                await peer.connect(server.url)
            assert peer.frames("@connect_error") == [[{"message": "Rate limit exceeded"}]]
            await until_done(server)
    finally:
        await server.stop()


async def test_a_bot_that_never_logs_in_is_not_waited_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recording_module, "CUE_SECONDS", 0.05)
    server = RecordingServer(write(tmp_path / "r.jsonl", FIRST), speed=50)
    await server.start()
    peer = Peer()
    try:
        async with peers(peer):
            await peer.connect(server.url)
            await peer.wait_for("chatMsg")
            assert "does not send joinChannel" in caplog.text
    finally:
        await server.stop()


async def test_a_bot_that_leaves_early_ends_its_part(tmp_path: Path) -> None:
    server = RecordingServer(write(tmp_path / "r.jsonl", FIRST))
    await server.start()
    peer = Peer()
    try:
        await peer.connect(server.url)
        await peer.leave()
        await until_done(server)
    finally:
        await server.stop()


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "no connection of a client 'bot'"),
        ("\n{", "line 2: not JSON"),
        ("[]", "not a line of a recording"),
        ('{"t": 0}', "not a line of a recording"),
        ('{"t": "x", "client": "bot", "dir": "recv", "event": "@open", "args": []}', "not a line of a recording"),
    ],
)
def test_files_that_are_no_recordings(tmp_path: Path, text: str, part: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(text)
    with pytest.raises(RecordingError, match=part):
        read(path, "bot")


def test_a_speed_must_be_above_0(tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", FIRST)
    with pytest.raises(ValueError, match="above 0"):
        RecordingServer(path, speed=0)
