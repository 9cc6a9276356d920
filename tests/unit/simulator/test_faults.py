from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from socketio.exceptions import ConnectionError as SocketConnectionError

from rosey_simulator.faults import Relay
from rosey_simulator.server import SimulatorServer
from tests.support.waiting import until
from tests.unit.simulator.wire import Peer, peers


@pytest.fixture
async def server() -> AsyncIterator[SimulatorServer]:
    server = SimulatorServer()
    server.add_account("User", "secret")
    server.add_channel("lobby")
    await server.start()
    yield server
    await server.stop()


async def present(relay: Relay, peer: Peer) -> None:
    await peer.connect(relay.url)
    await peer.enter("lobby", "User", "secret")


async def test_what_is_sent_comes_through(server: SimulatorServer) -> None:
    peer = Peer()
    async with Relay("127.0.0.1", server.port) as relay, peers(peer):
        await present(relay, peer)
        await peer.send("chatMsg", {"msg": "x"})
        await peer.wait_for("chatMsg")


async def test_a_cut_ends_the_transport_on_both_sides(server: SimulatorServer) -> None:
    peer = Peer()
    async with Relay("127.0.0.1", server.port) as relay, peers(peer):
        await present(relay, peer)
        relay.cut()
        assert (await peer.wait_for("@disconnect"))[0] == "transport error"
        await until(lambda: not server.channel("lobby").members)


async def test_in_silence_nothing_comes_until_it_ends(server: SimulatorServer) -> None:
    peer = Peer()
    async with Relay("127.0.0.1", server.port) as relay, peers(peer):
        await present(relay, peer)
        relay.silence()
        await peer.send("chatMsg", {"msg": "lost?"})
        await asyncio.sleep(0.1)
        assert peer.frames("chatMsg") == []
        assert peer.socket.connected
        relay.speak()
        await peer.wait_for("chatMsg")


async def test_a_delay_holds_frames_back(server: SimulatorServer) -> None:
    peer = Peer()
    async with Relay("127.0.0.1", server.port) as relay, peers(peer):
        await present(relay, peer)
        relay.delay_seconds = 0.1
        before = asyncio.get_running_loop().time()
        await peer.send("chatMsg", {"msg": "late"})
        await peer.wait_for("chatMsg")
        assert asyncio.get_running_loop().time() - before >= 0.2


async def test_refused_connections_are_taken_again_later(server: SimulatorServer) -> None:
    peer, late = Peer(), Peer()
    async with Relay("127.0.0.1", server.port) as relay, peers(peer, late):
        await present(relay, peer)
        url = relay.url
        await relay.refuse()
        with pytest.raises(SocketConnectionError):
            await late.connect(url)
        assert peer.socket.connected
        await relay.accept()
        assert relay.url == url
        await Peer.connect(late, url)


async def test_a_relay_to_nowhere_closes_what_comes() -> None:
    peer = Peer()
    async with Relay("127.0.0.1", 1) as relay, peers(peer):
        with pytest.raises(SocketConnectionError):
            await peer.connect(relay.url)
