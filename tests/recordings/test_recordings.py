"""The simulator answers the recorded client frames as the recorded server did."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from rosey_simulator import room as room_module
from rosey_simulator import session as session_module
from rosey_simulator.chat import conversation as conversation_module
from rosey_simulator.member import Member
from rosey_simulator.playlist import playback as playback_module
from rosey_simulator.server import SimulatorServer
from tests.recordings import transcript
from tests.recordings.comparison import READ_BY_A_BOT, SURVIVED_BY_A_BOT
from tests.recordings.differences import ACCEPTED, Accepted, Edit
from tests.recordings.judge import differences

RECORDINGS = [
    "channel_admin",
    "chat_and_html",
    "chat_buffer_replay",
    "connection_limits",
    "cookie_login",
    "duplicate_login",
    "guest_login",
    "join_and_login",
    "kick_and_ban",
    "leader_sync",
    "login_failure",
    "password_channel",
    "playlist",
    "playlist_permissions",
    "pm",
    "poll",
    "pysocketio_client",
    "rate_limit",
    "server_restart",
    "unregistered_channel",
    "users",
    "voteskip",
]


@pytest.mark.parametrize("name", RECORDINGS)
async def test_the_same_client_frames_get_the_recorded_answers(name: str) -> None:
    found = await differences(name)
    assert not found, "\n".join(found)


def test_every_recording_is_judged() -> None:
    present = {path.stem for path in transcript.directory().glob("*.jsonl")}
    assert present == {*RECORDINGS, "discovery"}


def test_every_recorded_kind_of_frame_is_known_to_the_judge() -> None:
    kinds = {
        row.event
        for name in RECORDINGS
        for row in transcript.load(name).rows
        if not row.sent and not row.event.startswith("@http")
    }
    assert kinds <= READ_BY_A_BOT.keys() | SURVIVED_BY_A_BOT
    assert not READ_BY_A_BOT.keys() & SURVIVED_BY_A_BOT


async def test_discovery_answers_as_recorded() -> None:
    rows = transcript.load("discovery").rows
    server = SimulatorServer()
    await server.start()
    try:
        async with aiohttp.ClientSession() as http:
            for request, answer in zip(rows[::2], rows[1::2], strict=True):
                path = request.args[1]
                if "EIO=3" in path:
                    # Engine.IO 3 is what old browsers speak; no bot does, and the library refuses it.
                    continue
                async with http.get(server.url + path) as response:
                    status, kind, body = answer.args
                    assert response.status == status
                    assert response.headers["Content-Type"].lower() == kind.lower()
                    if path.startswith("/socket.io/"):
                        assert _handshake_fields(await response.text()) == _handshake_fields(body)
                    elif status == 404:
                        assert await response.json() == body
                    else:
                        expected = {"servers": [{"url": server.url, "secure": body["servers"][0]["secure"]}]}
                        assert await response.json() == expected
    finally:
        await server.stop()


@pytest.mark.parametrize("entry", ACCEPTED, ids=lambda entry: f"{entry.recording}-{entry.label}")
async def test_every_accepted_difference_is_still_one(entry: Accepted) -> None:
    def others(recording: str, label: str) -> list[Edit]:
        rest = [each for each in ACCEPTED if each is not entry]
        return [each.edit for each in rest if each.recording == recording and each.label in (None, label)]

    assert await differences(entry.recording, edits_of=others)


def _handshake_fields(text: str) -> dict[str, Any]:
    assert text[0] == "0"
    fields: dict[str, Any] = json.loads(text[1:])
    assert isinstance(fields.pop("sid"), str)
    return fields


# Simulators with one thing wrong. Each must be found out.


async def test_a_chat_buffer_of_16_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation_module, "BUFFER_LINES", 16)
    assert await differences("chat_buffer_replay")


async def test_an_adduser_before_the_login_answer_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    right = session_module.Session._logged_in

    def introduce_first(self: session_module.Session, answer: dict[str, Any]) -> None:
        self.member.send("addUser", self.member.description(privileged=False))
        right(self, answer)

    monkeypatch.setattr(session_module.Session, "_logged_in", introduce_first)
    assert await differences("join_and_login")


async def test_a_field_too_many_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Member.description
    monkeypatch.setattr(Member, "description", lambda self, **kinds: {**right(self, **kinds), "id": 1})
    assert await differences("users")


async def test_a_number_of_another_type_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    right = room_module.Room._broadcast_usercount

    def as_text(self: room_module.Room) -> None:
        self.broadcast("usercount", str(len(self.members)))

    assert right is not as_text
    monkeypatch.setattr(room_module.Room, "_broadcast_usercount", as_text)
    assert await differences("users")


async def test_a_missing_lead_in_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playback_module, "LEAD_IN_SECONDS", 0)
    assert await differences("leader_sync")


async def test_a_missing_echo_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Member.deliver

    def deaf(self: Member, frame: Any) -> None:
        if frame.event != "pm" or frame.args[0]["username"] != self.name:
            right(self, frame)

    monkeypatch.setattr(Member, "deliver", deaf)
    assert await differences("pm")
