"""A client as bare as the recorder's: Socket.IO text packets over one websocket."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import aiohttp

Seen = tuple[str, list[Any]]


class ConnectionRefused(Exception):
    """Nobody listens."""


class BareClient:
    """Notes what comes, in order, in the terms of the recordings."""

    def __init__(self, url: str, address: str) -> None:
        self._url = url
        self._address = address
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._pump: asyncio.Task[None] | None = None
        self._answered = asyncio.Event()
        self._acknowledgements = 0
        self._in_namespace = False
        self.seen: list[Seen] = []
        self.sid = ""
        self.closed = False
        self.packets_received = 0
        self.events_sent = 0

    async def connect(self) -> None:
        """Connect and wait for the server's answer. Raises ConnectionRefused if nobody listens."""
        self._http = aiohttp.ClientSession()
        url = f"{self._url}/socket.io/?EIO=4&transport=websocket"
        try:
            self._socket = await self._http.ws_connect(url, headers={"X-Forwarded-For": self._address}, max_msg_size=0)
        except aiohttp.ClientConnectorError as error:
            await self._http.close()
            self.closed = True
            raise ConnectionRefused from error
        self._pump = asyncio.create_task(self._read(self._socket))
        await asyncio.wait_for(self._answered.wait(), 5)

    async def emit(self, event: str, args: list[Any], *, acknowledge: bool = False) -> None:
        number = ""
        if acknowledge:
            number = str(self._acknowledgements)
            self._acknowledgements += 1
        self.events_sent += 1
        await self.send_text(f"42{number}{json.dumps([event, *args])}")

    async def send_text(self, text: str) -> None:
        assert self._socket is not None
        await self._socket.send_str(text)

    async def leave(self) -> None:
        """Leave as a client does: out of the namespace, then close."""
        if self._socket is not None and not self.closed:
            if self._in_namespace:
                await self._socket.send_str("41")
            await self._socket.close()
        if self._pump is not None:
            await self._pump
        if self._http is not None:
            await self._http.close()

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                break
            text: str = message.data
            if text == "2":
                await socket.send_str("3")
                continue
            self._note(text)
            if text[0] == "0":
                await socket.send_str("40")
        self._in_namespace = False
        self.closed = True
        self.seen.append(("@close", [f"websocket closed, code {socket.close_code}"]))
        self._answered.set()

    def _note(self, text: str) -> None:
        if text[0] == "0":
            self.sid = json.loads(text[1:])["sid"]
            self.seen.append(("@open", [json.loads(text[1:])]))
            return
        self.packets_received += 1
        kind, body = text[:2], text[2:]
        if kind == "40":
            self._in_namespace = True
            self.seen.append(("@connect", [json.loads(body or "{}")]))
            self._answered.set()
        elif kind == "41":
            self._in_namespace = False
            self.seen.append(("@disconnect", ["packet 41 from server"]))
        elif kind == "42":
            event, *args = json.loads(body)
            self.seen.append((event, args))
        elif kind == "43":
            match = re.fullmatch(r"(\d+)(.*)", body, re.DOTALL)
            assert match is not None
            self.seen.append(("@ack", [int(match[1]), *json.loads(match[2])]))
        elif kind == "44":
            self.seen.append(("@connect_error", [json.loads(body)]))
            self._answered.set()
