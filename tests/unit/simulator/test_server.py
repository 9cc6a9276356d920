"""The simulator on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from engineio.payload import Payload
from socketio.exceptions import ConnectionError as SocketConnectionError

from rosey_simulator.gateway import client_address
from rosey_simulator.limits import Limits
from rosey_simulator.server import SimulatorServer
from tests.unit.simulator.wire import Peer, peers


def furnished(limits: Limits | None = None) -> SimulatorServer:
    server = SimulatorServer(limits=limits)
    server.add_account("Mod", "secret")
    server.add_account("User", "secret")
    server.add_channel("lobby", owner="Mod")
    return server


@pytest.fixture
async def server() -> AsyncIterator[SimulatorServer]:
    server = furnished()
    await server.start()
    yield server
    await server.stop()


async def test_socketconfig_names_the_address_that_was_asked(server: SimulatorServer) -> None:
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{server.url}/socketconfig/lobby.json") as response:
            assert await response.json() == {"servers": [{"url": server.url, "secure": False}]}
        async with http.get(f"{server.url}/socketconfig/no%20channel.json") as response:
            assert response.status == 404
            assert await response.json() == {"error": 'Channel "no channel" does not exist.'}


@pytest.mark.parametrize("transports", [("websocket",), ("polling",), ("polling", "websocket")])
async def test_all_transports_work(
    server: SimulatorServer, transports: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    # python-engineio takes no more than 16 packets from one poll unless it is told to; CyTube sends more.
    monkeypatch.setattr(Payload, "max_decode_packets", 100)
    mod, user = Peer(), Peer()
    async with peers(mod, user):
        await mod.connect(server.url)
        await mod.enter("lobby", "Mod", "secret")
        await user.connect(server.url, transports=transports)
        await user.enter("lobby", "User", "secret")
        assert user.heard[:2] == [("@connect", []), ("rank", [-1])]
        await user.send("chatMsg", {"msg": "hello"})
        await mod.wait(lambda: any(args[0]["msg"] == "hello" for args in mod.frames("chatMsg")))
        await mod.send("chatMsg", {"msg": "/kick User bye"})
        assert await user.wait_for("kick") == [{"reason": "bye"}]
        assert (await user.wait_for("@disconnect"))[0] == "server disconnect"


async def test_a_private_message_overtakes_the_chat_before_it() -> None:
    server = furnished(Limits(chat_seconds=0.02))
    await server.start()
    mod, user = Peer(), Peer()
    try:
        async with peers(mod, user):
            await mod.connect(server.url)
            await mod.enter("lobby", "Mod", "secret")
            await user.connect(server.url)
            await user.enter("lobby", "User", "secret")
            await user.send("chatMsg", {"msg": "first"})
            await user.send("pm", {"to": "Mod", "msg": "second"})
            await user.wait_for("chatMsg")
            assert user.events[-2:] == ["pm", "chatMsg"]
    finally:
        await server.stop()


async def test_a_poll_is_acknowledged(server: SimulatorServer) -> None:
    mod = Peer()
    async with peers(mod):
        await mod.connect(server.url)
        await mod.enter("lobby", "Mod", "secret")
        answer = await mod.socket.call("newPoll", {"title": "t", "opts": ["a"], "obscured": False}, timeout=2)
        assert answer == {}


async def test_a_restart_cuts_everybody_and_keeps_what_is_stored(server: SimulatorServer) -> None:
    mod = Peer(reconnection=True, reconnection_delay=0.01, reconnection_delay_max=0.05)
    async with peers(mod):
        await mod.connect(server.url)
        await mod.enter("lobby", "Mod", "secret")
        for name in ("a", "b"):
            await mod.send("queue", {"id": name, "type": "tw", "pos": "end", "temp": False, "duration": 500})
        await mod.send("delete", 0)
        await mod.send("chatMsg", {"msg": "last words"})
        await mod.wait_for("delete")
        await mod.wait_for("chatMsg")
        url = server.url
        await server.restart(down_seconds=0.05)
        assert server.url == url
        assert (await mod.wait_for("@disconnect"))[0] == "transport error"
        await mod.wait_for("@connect", 2)
        mod.heard.clear()
        await mod.send("joinChannel", {"name": "lobby"})
        (items,) = await mod.wait_for("playlist")
        assert [(item["uid"], item["media"]["id"]) for item in items] == [(0, "b")]
        assert mod.frames("chatMsg")[0][0]["msg"] == "last words"


async def test_connections_are_refused_while_the_server_is_down(server: SimulatorServer) -> None:
    url = server.url
    await server.stop()
    peer = Peer()
    async with peers(peer):
        with pytest.raises(SocketConnectionError):
            await peer.connect(url)


async def test_one_client_can_be_dropped(server: SimulatorServer) -> None:
    mod, user = Peer(), Peer()
    async with peers(mod, user):
        await mod.connect(server.url)
        await mod.enter("lobby", "Mod", "secret")
        await user.connect(server.url)
        await user.enter("lobby", "User", "secret")
        assert server.drop_connections("user") == 1
        await user.wait_for("@disconnect")
        assert await mod.wait_for("userLeave") == [{"name": "User"}]
        assert mod.socket.connected


async def test_the_sixth_connection_of_an_address_is_refused() -> None:
    server = furnished(Limits(connection_bucket=5))
    await server.start()
    some = [Peer() for _ in range(5)]
    late, other = Peer(), Peer()
    try:
        async with peers(*some, late, other):
            for peer in some:
                await peer.connect(server.url, address="10.0.0.1")
            with pytest.raises(SocketConnectionError):
                await late.connect(server.url, address="10.0.0.1")
            assert await late.wait_for("@connect_error") == [{"message": "Rate limit exceeded"}]
            await other.connect(server.url, address="10.0.0.2")
    finally:
        await server.stop()


async def test_too_many_sockets_of_an_address_are_kicked() -> None:
    server = furnished(Limits(connections_per_address=1))
    await server.start()
    first, second = Peer(), Peer()
    try:
        async with peers(first, second):
            await first.connect(server.url, address="10.0.0.1")
            await second.connect(server.url, address="10.0.0.1")
            assert await second.wait_for("kick") == [{"reason": "Too many connections from your IP address"}]
            await second.wait_end()
            assert first.socket.connected
    finally:
        await server.stop()


async def test_a_kicked_client_that_sends_on_loses_its_transport(server: SimulatorServer) -> None:
    async with aiohttp.ClientSession() as http:
        socket_url = f"{server.url}/socket.io/?EIO=4&transport=websocket"
        async with http.ws_connect(socket_url) as socket:
            await socket.receive_str()
            await socket.send_str("40")
            await socket.send_str('42["joinChannel",{"name":"no channel!"}]')
            async with asyncio.timeout(5):
                while await socket.receive_str() != "41":
                    pass
            await socket.send_str('42["chatMsg",{"msg":"still here"}]')
            async with asyncio.timeout(5):
                message = await socket.receive()
            assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
            assert socket.close_code == 1006


@pytest.mark.parametrize(
    "packet",
    [
        "",
        "9",
        "2",
        "42",
        "42[]",
        "42[5]",
        '42{"a":1}',
        "42[",
        "42/admin,[]",
        '451-["x"]',
        "4",
        "40/admin,",
        "41",
        "43[]",
    ],
)
async def test_packets_that_are_none_do_no_harm(server: SimulatorServer, packet: str) -> None:
    url = f"{server.url}/socket.io/?EIO=4&transport=websocket"
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        await socket.receive_str()
        await socket.send_str("40")
        await socket.receive_str()
        if packet:
            await socket.send_str(packet)
        await socket.send_bytes(b"\x00\xff")
    peer = Peer()
    async with peers(peer):
        await peer.connect(server.url)
        await peer.enter("lobby", "User", "secret")


async def test_a_clock_moved_by_hand_drives_the_server() -> None:
    now = 1_800_000_000.0
    server = SimulatorServer(clock=lambda: now)
    server.add_account("Mod", "secret")
    server.add_channel("lobby", owner="Mod")
    await server.start()
    mod = Peer()
    try:
        async with peers(mod):
            await mod.connect(server.url)
            await mod.enter("lobby", "Mod", "secret")
            await mod.send("queue", {"id": "a", "type": "tw", "pos": "end", "temp": True, "duration": 9})
            await mod.wait_for("changeMedia")
            for _ in range(3):
                now += 1
                server.tick()
            assert await mod.wait_for("mediaUpdate") == [{"currentTime": 0, "paused": False}]
    finally:
        await server.stop()


async def test_unknown_channels_have_no_room(server: SimulatorServer) -> None:
    with pytest.raises(KeyError):
        server.channel("nowhere")


class FakeRequest:
    def __init__(self, remote: str, forwarded: str) -> None:
        self.remote = remote
        self.headers = {"X-Forwarded-For": forwarded} if forwarded else {}


@pytest.mark.parametrize(
    ("remote", "forwarded", "address"),
    [
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "10.0.0.9", "10.0.0.9"),
        ("::1", "10.0.0.9, 127.0.0.1", "10.0.0.9"),
        ("192.0.2.1", "10.0.0.9", "192.0.2.1"),
    ],
)
def test_forwarded_addresses_are_believed_from_this_machine_only(remote: str, forwarded: str, address: str) -> None:
    assert client_address(FakeRequest(remote, forwarded)) == address  # type: ignore[arg-type]
