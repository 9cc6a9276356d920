"""A real socket to a server under test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import socketio

PATIENCE_SECONDS = 5.0


class Peer:
    """A python-socketio client that notes every frame, and what happens to its connection."""

    def __init__(self, **options: Any) -> None:
        # A session of its own: the library leaves one open where it cannot connect.
        self._http = aiohttp.ClientSession()
        self.socket = socketio.AsyncClient(**{"reconnection": False, "http_session": self._http, **options})
        self.heard: list[tuple[str, list[Any]]] = []
        self._news = asyncio.Event()
        self.socket.on("*", self._note)
        self.socket.on("connect", lambda: self._note("@connect"))
        self.socket.on("disconnect", lambda reason: self._note("@disconnect", reason))
        self.socket.on("connect_error", lambda *data: self._note("@connect_error", *data))

    def _note(self, event: str, *args: Any) -> None:
        self.heard.append((event, list(args)))
        self._news.set()

    async def connect(self, url: str, *, transports: tuple[str, ...] = ("websocket",), address: str = "") -> None:
        headers = {"X-Forwarded-For": address} if address else {}
        await self.socket.connect(url, transports=list(transports), headers=headers)

    async def send(self, event: str, *args: Any) -> None:
        await self.socket.emit(event, args)

    async def enter(self, channel: str, name: str, password: str) -> None:
        """Join and log in, and wait until the rank is there."""
        await self.send("joinChannel", {"name": channel})
        await self.send("login", {"name": name, "pw": password})
        await self.wait(lambda: any(args[0]["name"] == name for args in self.frames("setUserRank")))

    def frames(self, event: str) -> list[list[Any]]:
        return [args for heard, args in self.heard if heard == event]

    @property
    def events(self) -> list[str]:
        return [event for event, _ in self.heard]

    async def wait_for(self, event: str, times: int = 1) -> list[Any]:
        """The arguments of the frame that comes as number `times` of its kind. Raises TimeoutError."""
        await self.wait(lambda: len(self.frames(event)) >= times)
        return self.frames(event)[times - 1]

    async def wait(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def wait_end(self) -> None:
        """Wait for the transport's end, of which the library tells nothing where it comes with the first packets."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.socket.eio.wait()

    async def leave(self) -> None:
        await self.socket.disconnect()
        await self._http.close()


@asynccontextmanager
async def peers(*many: Peer) -> AsyncIterator[None]:
    """Peers that leave in the end, whatever happened to them."""
    try:
        yield
    finally:
        for peer in many:
            await peer.leave()
