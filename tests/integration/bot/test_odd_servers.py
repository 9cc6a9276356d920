"""Servers that do not do what CyTube does: the client tells what is wrong, and goes on."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from rosey_bot.cytube.backoff import Cause
from rosey_core.events import ChatMessage, UsersPresent
from rosey_simulator.server import SimulatorServer
from tests.integration.bot.harness import CHANNEL, FAST, ClientHarness
from tests.support.waiting import until
from tests.unit.bot.harness import NOON, chat, user

OPEN = '0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":120000}'
CONNECT = '40{"sid":"y"}'


def event(name: str, *arguments: Any) -> str:
    return "42" + json.dumps([name, *arguments])


LOGGED_IN = {'42["login"': [event("login", {"success": True, "name": "Rosey"})]}


class ScriptedServer:
    """Says ``greeting`` to each websocket, and ``replies`` to what comes, by the beginning of what comes."""

    def __init__(self, greeting: Sequence[str], replies: dict[str, Sequence[str]]) -> None:
        self.greeting = greeting
        self.replies = replies
        self.sockets: list[web.WebSocketResponse] = []

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/socketconfig/{channel}.json", self._config)
        app.router.add_get("/socket.io/", self._socket)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _config(self, _: web.Request) -> web.Response:
        return web.json_response({"servers": [{"url": self.url, "secure": False}]})

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        for packet in self.greeting:
            await socket.send_str(packet)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                for beginning, packets in self.replies.items():
                    if message.data.startswith(beginning):
                        for packet in packets:
                            await socket.send_str(packet)
        return socket


Meet = Callable[..., Awaitable[ClientHarness]]


@pytest.fixture
async def meet() -> AsyncIterator[Meet]:
    """Start a client with a server that says what the test wants."""
    made: list[tuple[ClientHarness, ScriptedServer]] = []

    async def meet(
        greeting: Sequence[str] = (OPEN,),
        replies: dict[str, Sequence[str]] | None = None,
        channel_password: str | None = None,
        **policy: Any,
    ) -> ClientHarness:
        server = ScriptedServer(greeting, replies or {})
        await server.start()
        client = ClientHarness(SimulatorServer(), replace(FAST, **policy))
        client.start("Rosey", "pw", server=server.url, channel=CHANNEL, channel_password=channel_password)
        made.append((client, server))
        return client

    yield meet
    for client, server in made:
        await client.stop()
        await server.stop()


@pytest.mark.parametrize(
    ("greeting", "replies", "cause", "problem"),
    [
        ((), {}, Cause.UNREACHABLE, "no connection within"),
        (("what?",), {}, Cause.UNREACHABLE, "no connection"),
        (("0[]",), {}, Cause.UNREACHABLE, "no connection"),
        (("2",), {}, Cause.UNREACHABLE, "no OPEN packet"),
        ((OPEN,), {"40": ['44{"message":"You are banned from the server"}']}, Cause.REFUSED, "banned"),
        ((OPEN,), {"40": ['44{"message":"Rate limit exceeded"}']}, Cause.RATE_LIMITED, "no more connections"),
        ((OPEN,), {"40": ['44"sorry"']}, Cause.UNREACHABLE, "sorry"),
        ((OPEN,), {"40": [CONNECT]}, Cause.LOST, "no answer to the join"),
        (
            (OPEN,),
            {"40": [CONNECT], '42["joinChannel"': [event("errorMsg", {"msg": "hosted elsewhere"})]},
            Cause.LOST,
            "hosted elsewhere",
        ),
        (
            (OPEN,),
            {"40": [CONNECT], '42["joinChannel"': [event("kick", {"reason": "Invalid channel name"}), "41"]},
            Cause.REFUSED,
            "Invalid channel name",
        ),
    ],
)
async def test_a_connection_that_fails_says_why(
    meet: Meet,
    caplog: pytest.LogCaptureFixture,
    greeting: Sequence[str],
    replies: dict[str, Sequence[str]],
    cause: Cause,
    problem: str,
) -> None:
    # The account's login is answered so that only the join is missing.
    replies = {**replies, **LOGGED_IN}
    client = await meet(greeting, replies, connect_timeout=0.3, answer_timeout=0.1)
    await until(lambda: client.causes)
    assert client.causes[0] is cause
    await until(lambda: problem in caplog.text)


async def test_a_server_that_knows_of_no_channel_password_is_given_it_again(meet: Meet) -> None:
    replies = {
        "40": [CONNECT],
        '42["joinChannel"': [event("needPassword", False)],
        '42["channelPassword","sesame"]': [event("cancelNeedPassword"), event("userlist", [])],
        **LOGGED_IN,
    }
    client = await meet(replies=replies, channel_password="sesame", answer_timeout=0.3)
    await client.until_ready()
    assert client.causes == []


async def test_a_list_of_many_megabytes_is_read(meet: Meet) -> None:
    """aiohttp alone ends a connection at 4 MiB, for ever the same in a room whose playlist or emotes are larger."""
    emotes = event("emoteList", [{"name": "x" * 100_000}] * 60)
    replies = {
        "40": [CONNECT],
        '42["joinChannel"': [emotes, event("userlist", [])],
        **LOGGED_IN,
    }
    client = await meet(replies=replies, answer_timeout=1)
    await client.until_ready()
    assert client.causes == []


async def test_a_login_without_an_answer_is_tried_again(meet: Meet, caplog: pytest.LogCaptureFixture) -> None:
    joined = {"40": [CONNECT], '42["joinChannel"': [event("userlist", [])]}
    client = await meet(replies=joined, answer_timeout=0.05)
    await until(lambda: caplog.text.count("does not answer the login") >= 2)
    assert client.causes == []


async def test_a_login_that_is_answered_late_is_one(meet: Meet) -> None:
    """Asking again would bring no answer: CyTube ignores a second login. Nameless until then, it comes in anew once."""
    replies = {"40": [CONNECT], '42["joinChannel"': [event("userlist", [])]}
    client = await meet(replies=replies, answer_timeout=0.2, login=replace(FAST.login, first=60, longest=60))
    state = client.client and client.client.state
    assert state is not None
    for connection in (1, 2):
        await until(lambda n=connection: state.connections == n and "does not answer the login" in client.problem)
        client.dispatcher.dispatch("login", [{"success": True, "name": "Rosey"}])
    await client.until_ready()
    assert state.connections == 2
    assert client.causes == []


async def test_a_login_without_a_rank_is_good_enough(meet: Meet, caplog: pytest.LogCaptureFixture) -> None:
    replies = {
        "40": [CONNECT],
        '42["joinChannel"': [event("userlist", [])],
        **LOGGED_IN,
    }
    client = await meet(replies=replies, answer_timeout=0.05)
    await client.until_ready()
    assert "told no rank" in caplog.text


async def test_a_connection_lost_between_two_logins_is_noticed(meet: Meet) -> None:
    replies = {
        "40": [CONNECT],
        '42["joinChannel"': [event("userlist", [])],
        '42["login"': [event("login", {"success": False, "error": "no"}), event("kick", {}), "41"],
    }
    client = await meet(replies=replies, login=replace(FAST.login, first=60, longest=60))
    await until(lambda: client.causes)
    assert client.causes[0] is Cause.KICKED


async def test_a_silent_peer_is_given_up(meet: Meet) -> None:
    """A server that promises pings each 0.2 s and then says nothing: the room was last seen when it fell silent."""
    patient = OPEN.replace("25000", "200")
    replies = {"40": [CONNECT], **LOGGED_IN, '42["joinChannel"': [event("userlist", [user("Alice")])]}
    client = await meet((patient,), replies, silence=1.0, answer_timeout=30)
    await until(lambda: client.causes, timeout=5)
    assert client.causes[0] is Cause.LOST
    await until(lambda: len(client.sink.of(UsersPresent)) == 2)
    first, second = client.sink.of(UsersPresent)
    assert first.timestamp is not None
    assert second.unseen_since is not None
    assert abs(second.unseen_since - first.timestamp) < 1.0


@pytest.mark.parametrize(
    "garbage",
    [
        "42[]",
        "42[1]",
        '42[{"a":1}]',
        "42{",
        "42",
        '42["chatMsg"',
        "43[]",
        "439[1]",
        "49",
        "451-[]",
        "6",
        "9",
        '42["connect"]',
        '42["chatMsg",{"username":NaN,"msg":1e999}]',
        '42["userlist",' + "[" * 900 + "]" * 900 + "]",
        event("chatMsg", {"username": "x" * 500_000, "msg": None}),
    ],
    ids=lambda packet: packet[:24],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_garbage_stops_nothing(meet: Meet, garbage: str) -> None:
    after = event("chatMsg", chat("Alice", "still here", int(NOON * 1000)))
    replies = {"40": [CONNECT], **LOGGED_IN, '42["joinChannel"': [event("userlist", []), garbage, after, after]}
    # Twice, since half a binary packet swallows what follows it.
    client = await meet(replies=replies)
    await until(lambda: [line.message for line in client.sink.of(ChatMessage)][:1] == ["still here"])
    assert client.dispatcher.failed == {}
