"""One Engine.IO connection: Socket.IO packets in and out, in order."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

import engineio
from aiohttp import web
from socketio.packet import ACK, CONNECT, CONNECT_ERROR, DISCONNECT, EVENT, Packet

from rosey_simulator.frames import Frame

Spawn = Callable[[Coroutine[Any, Any, None]], object]


class Connection:
    """The transport of one client.

    It is spoken on the Engine.IO level because the recordings need what a Socket.IO server does not offer: a first
    frame right behind the connect answer, and a transport that is cut when a kicked client sends on.
    """

    def __init__(self, sid: str, request: web.Request, engine: engineio.AsyncServer, spawn: Spawn) -> None:
        self.sid = sid
        # The request that carries the transport now; a client that upgrades to a websocket gets another one.
        self.request = request
        self.connected = False
        self.put_out = False
        # Events taken from the client, and packets put for it.
        self.received = 0
        self.sent = 0
        self._engine = engine
        self._spawn = spawn
        # Called when the server has put the client out.
        self.left: Callable[[], None] | None = None
        self._outbox: deque[str | None] = deque()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def idle(self) -> bool:
        """Whether everything for the client has been handed to the transport."""
        return self._idle.is_set()

    async def drain(self) -> None:
        """Wait until everything for the client is on its way, so that an end of the transport takes nothing back."""
        await self._idle.wait()
        transport = self._engine.sockets.get(self.sid)
        if transport is not None:
            await transport.queue.join()

    def accept(self) -> None:
        """Answer the client's connect packet."""
        self.connected = True
        self.put(str(Packet(CONNECT, data={"sid": self.sid}, namespace="/").encode()))

    def refuse(self, message: str) -> None:
        """Answer the client's connect packet with a refusal."""
        self.put(str(Packet(CONNECT_ERROR, data={"message": message}, namespace="/").encode()))

    def deliver(self, frame: Frame) -> None:
        self.put(frame.text)

    def acknowledge(self, number: int, answer: object) -> None:
        self.put(str(Packet(ACK, data=[answer], namespace="/", id=number).encode()))

    def hang_up(self) -> None:
        """Leave the namespace, as after a kick. The transport stays open until the client closes it or sends on."""
        if self.connected:
            self.connected = False
            self.put_out = True
            self.put(str(Packet(DISCONNECT, namespace="/").encode()))
            if self.left is not None:
                self.left()

    def cut(self) -> None:
        """End the transport without a word; the client sees code 1006."""
        if self.request.transport is not None:
            self.request.transport.abort()

    def close(self) -> None:
        """End the transport in good order, behind all that was put before."""
        self.put(None)

    def put(self, text: str | None) -> None:
        """Send a Socket.IO packet after all that were put before; None closes the transport."""
        self._outbox.append(text)
        self.sent += text is not None
        if self._idle.is_set():
            self._idle.clear()
            self._spawn(self._flush())

    async def _flush(self) -> None:
        try:
            while self._outbox:
                text = self._outbox.popleft()
                if text is None:
                    await self._engine.disconnect(self.sid)
                else:
                    await self._engine.send(self.sid, text)
        except Exception:
            # The transport is gone; the disconnect that follows tells the session.
            self._outbox.clear()
        finally:
            self._idle.set()


def parse(text: str) -> Packet | None:
    """The Socket.IO packet of a client, or None for what is none or is not for the namespace "/"."""
    try:
        packet = Packet(encoded_packet=text)
    except (ValueError, IndexError, TypeError, json.JSONDecodeError, RecursionError):
        return None
    return packet if packet.namespace in (None, "/") else None


def event_of(packet: Packet) -> tuple[str, list[Any]] | None:
    """Name and arguments of an event packet, None if it is none."""
    data = packet.data
    if packet.packet_type != EVENT or not isinstance(data, list) or not data or not isinstance(data[0], str):
        return None
    return data[0], data[1:]
