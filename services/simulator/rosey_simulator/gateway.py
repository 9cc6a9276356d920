"""HTTP, Engine.IO and Socket.IO on one port, for whatever answers the clients."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any, Protocol

import engineio
from aiohttp import web
from socketio.packet import CONNECT, DISCONNECT

from rosey_simulator.connection import Connection, event_of, parse
from rosey_simulator.feature import Acknowledge
from rosey_simulator.limits import Limits
from rosey_simulator.site import CHANNEL_NAME

FAREWELL_SECONDS = 0.5

LOOPBACK = re.compile(r"127\.|::1$|::ffff:127\.")


class Backend(Protocol):
    """What answers the clients. All calls come from the event loop, in the order in which packets arrive."""

    def connect(self, connection: Connection) -> None:
        """A client asks to be let in: accept or refuse the connection."""

    def event(self, connection: Connection, event: str, args: list[Any], acknowledge: Acknowledge | None) -> None:
        """A client that was let in sends an event."""

    def disconnect(self, connection: Connection) -> None:
        """A client that was let in is gone, or has been put out."""


class Gateway:
    """Listens on `host` and `port`. Port 0 becomes the one that the system gave, and stays it when started again."""

    def __init__(self, backend: Backend, host: str = "127.0.0.1", port: int = 0, limits: Limits | None = None) -> None:
        self.host = host
        self.port = port
        self._backend = backend
        self._limits = limits or Limits()
        self._connections: dict[str, Connection] = {}
        self._let_in: dict[str, Connection] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        self._engine: engineio.AsyncServer | None = None

    @property
    def url(self) -> str:
        """Where the site is. Only known once started."""
        return f"http://{self.host}:{self.port}"

    @property
    def connections(self) -> list[Connection]:
        """The transports that are open now."""
        return list(self._connections.values())

    async def start(self) -> None:
        """Listen. Raises OSError where the port is taken."""
        self._engine = engineio.AsyncServer(
            async_mode="aiohttp",
            cors_allowed_origins="*",
            ping_interval=self._limits.ping_interval_seconds,
            ping_timeout=self._limits.ping_timeout_seconds,
            max_http_buffer_size=self._limits.max_payload_bytes,
            logger=False,
            async_handlers=False,
        )
        self._engine.on("connect", self._opened)
        self._engine.on("message", self._message)
        self._engine.on("disconnect", self._closed)
        app = web.Application(middlewares=[self._follow_upgrade])
        app.router.add_get("/socketconfig/{channel}.json", _socketconfig)
        self._engine.attach(app, "socket.io")
        self._runner = web.AppRunner(app, shutdown_timeout=FAREWELL_SECONDS)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, self.port, reuse_address=True).start()
        if self.port == 0:
            self.port = self._runner.addresses[0][1]

    async def stop(self, *, farewell: bool = False) -> None:
        """Stop listening and end every transport; the backend hears of no departure.

        With `farewell` clients get a moment to take what was sent and the notice that it ends here; without it the
        transports are cut.
        """
        self._let_in.clear()
        for connection in self.connections:
            if farewell:
                connection.close()
            else:
                connection.cut()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._engine is not None:
            await self._engine.shutdown()
            self._engine = None
        tasks = list(self._tasks)
        for task in tasks:
            # One that closes a transport whose client has already gone would wait for it for ever.
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._connections.clear()

    async def _opened(self, sid: str, environ: dict[str, Any]) -> None:
        engine = self._engine
        if engine is not None:
            connection = Connection(sid, environ["aiohttp.request"], engine, self._spawn)
            connection.left = lambda: self._end(sid)
            self._connections[sid] = connection

    async def _message(self, sid: str, data: str | bytes) -> None:
        connection = self._connections.get(sid)
        packet = parse(data) if isinstance(data, str) else None
        if connection is None or packet is None:
            return
        event = event_of(packet)
        if event is not None:
            self._event(connection, event[0], event[1], packet.id)
        elif packet.packet_type == CONNECT and not connection.connected and not connection.put_out:
            self._backend.connect(connection)
            if connection.connected:
                self._let_in[sid] = connection
        elif packet.packet_type == DISCONNECT:
            self._end(sid)

    def _event(self, connection: Connection, event: str, args: list[Any], number: int | None) -> None:
        if connection.put_out:
            # What a kicked client sends on ends its transport (PROTOCOL section 10).
            connection.cut()
            return
        if connection.sid not in self._let_in:
            return
        acknowledge: Callable[[dict[str, Any]], None] | None = None
        if number is not None:
            acknowledge = _Acknowledgement(connection, number)
        connection.received += 1
        self._backend.event(connection, event, args, acknowledge)

    async def _closed(self, sid: str, _reason: str) -> None:
        self._end(sid)
        self._connections.pop(sid, None)

    def _end(self, sid: str) -> None:
        connection = self._let_in.pop(sid, None)
        if connection is not None:
            connection.connected = False
            self._backend.disconnect(connection)

    @web.middleware
    async def _follow_upgrade(self, request: web.Request, handler: Any) -> web.StreamResponse:
        connection = self._connections.get(request.query.get("sid", ""))
        if connection is not None and request.method == "GET":
            connection.request = request
        response: web.StreamResponse = await handler(request)
        return response

    def _spawn(self, work: Any) -> object:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class _Acknowledgement:
    """Answers one event that asked for it."""

    def __init__(self, connection: Connection, number: int) -> None:
        self._connection = connection
        self._number = number

    def __call__(self, answer: dict[str, Any]) -> None:
        self._connection.acknowledge(self._number, answer)


async def _socketconfig(request: web.Request) -> web.Response:
    """Where to find the socket of a channel (PROTOCOL section 1)."""
    name = request.match_info["channel"]
    if not CHANNEL_NAME.fullmatch(name):
        return web.json_response({"error": f'Channel "{name}" does not exist.'}, status=404)
    # The address by which the client reached us, so that a relay in front of the server stays in use.
    url = f"{request.scheme}://{request.host}"
    return web.json_response({"servers": [{"url": url, "secure": request.scheme == "https"}]})


def client_address(request: web.Request) -> str:
    """Where the client is: X-Forwarded-For is believed from this machine only (PROTOCOL section 1)."""
    peer = request.remote or ""
    if not LOOPBACK.match(peer):
        return peer
    forwarded = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    return next((part for part in reversed(forwarded) if not LOOPBACK.match(part)), peer)
