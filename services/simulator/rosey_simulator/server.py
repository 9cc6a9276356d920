"""The simulated site on a real socket: HTTP, Engine.IO and Socket.IO."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import engineio
from aiohttp import web
from socketio.packet import CONNECT, DISCONNECT

from rosey_simulator.accounts import Account
from rosey_simulator.connection import Connection, event_of, parse
from rosey_simulator.limits import Limits
from rosey_simulator.member import Member
from rosey_simulator.playlist.media import Media
from rosey_simulator.room import Room
from rosey_simulator.session import Session
from rosey_simulator.site import CHANNEL_NAME, Site
from rosey_simulator.throttle import ConnectionBucket

LOOPBACK = re.compile(r"127\.|::1$|::ffff:127\.")


class SimulatorServer:
    """A CyTube server in process.

    `clock` gives Unix seconds and may be moved by hand; `tick` then does what has become due. Frames of clients are
    answered in the order in which they come, except that public chat takes a little longer than the rest, so that
    private messages and errors overtake it as on a real server (PROTOCOL section 6).
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] = time.time,
        limits: Limits | None = None,
    ) -> None:
        self.site = Site(clock, limits)
        self.host = host
        self.port = port
        self._bucket = (
            ConnectionBucket(self.site.limits.connection_bucket) if self.site.limits.connection_bucket else None
        )
        self._sessions: dict[str, tuple[Connection, Session]] = {}
        self._connections: dict[str, Connection] = {}
        self._sockets_of: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        self._engine: engineio.AsyncServer | None = None

    # The site, for those who only know the server.

    def add_account(self, name: str, password: str, global_rank: float = 1.0) -> Account:
        """Register an account. Raises ValueError for a name that is none."""
        return self.site.add_account(name, password, global_rank)

    def add_channel(self, name: str, *, password: str | None = None, owner: str | None = None) -> Room:
        """Register a channel; `owner` becomes its founder. Raises ValueError for a name that is none."""
        return self.site.add_channel(name, password=password, owner=owner)

    def add_media(self, media: Media) -> None:
        """Make an item known that a real site would look up in the network."""
        self.site.add_media(media)

    def channel(self, name: str) -> Room:
        """The room of that name. Raises KeyError if there is none."""
        room = self.site.channel(name)
        if room is None:
            raise KeyError(name)
        return room

    def set_channel_rank(self, channel: str, name: str, rank: float) -> None:
        """Give an account a rank in a channel, from its next login on. Raises KeyError for an unknown channel."""
        self.channel(channel).ranks.store(name, rank)

    @property
    def connections(self) -> list[Connection]:
        """The connections that are open now."""
        return list(self._connections.values())

    @property
    def url(self) -> str:
        """Where the site is. Only known once started."""
        return f"http://{self.host}:{self.port}"

    # Its life.

    async def start(self) -> None:
        """Listen. Port 0 becomes the port that the system gave, and stays it through restarts."""
        limits = self.site.limits
        self._engine = engineio.AsyncServer(
            async_mode="aiohttp",
            cors_allowed_origins="*",
            ping_interval=limits.ping_interval_seconds,
            ping_timeout=limits.ping_timeout_seconds,
            max_http_buffer_size=limits.max_payload_bytes,
            logger=False,
            async_handlers=False,
        )
        self._engine.on("connect", self._opened)
        self._engine.on("message", self._message)
        self._engine.on("disconnect", self._closed)
        app = web.Application(middlewares=[self._follow_upgrade])
        app.router.add_get("/socketconfig/{channel}.json", self._socketconfig)
        self._engine.attach(app, "socket.io")
        self._runner = web.AppRunner(app, shutdown_timeout=1.0)
        await self._runner.setup()
        listener = web.TCPSite(self._runner, self.host, self.port, reuse_address=True)
        await listener.start()
        if self.port == 0:
            self.port = self._runner.addresses[0][1]
        self.site.scheduler.start()

    async def stop(self) -> None:
        """Stop listening and cut every connection, as a server does that is shut down: no frame says so.

        What is stored stays; `start` goes on from there.
        """
        self.site.scheduler.stop()
        for _, session in list(self._sessions.values()):
            session.forsake()
        self.drop_connections()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._engine is not None:
            await self._engine.shutdown()
            self._engine = None
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._sessions.clear()
        self._connections.clear()
        self._sockets_of.clear()
        self.site.unload()

    async def restart(self, down_seconds: float = 0.0) -> None:
        """Go down and come back on the same port, with everything that is stored (PROTOCOL section 10)."""
        await self.stop()
        await asyncio.sleep(down_seconds)
        await self.start()

    def tick(self) -> None:
        """Do what has become due since the clock was last looked at."""
        self.site.scheduler.run_due()

    def drop_connections(self, name: str | None = None) -> int:
        """Cut the transports of all clients, or of those logged in as `name`; they see code 1006. Returns how many."""
        dropped = 0
        for connection in self.connections:
            session = self._sessions.get(connection.sid)
            if name is None or (session is not None and session[1].member.key == name.lower()):
                connection.cut()
                dropped += 1
        return dropped

    @property
    def settled(self) -> bool:
        """Whether all answers that have been given are handed to the transports."""
        return all(connection.idle for connection in self._connections.values())

    # HTTP.

    async def _socketconfig(self, request: web.Request) -> web.Response:
        name = request.match_info["channel"]
        if not CHANNEL_NAME.fullmatch(name):
            return web.json_response({"error": f'Channel "{name}" does not exist.'}, status=404)
        # The address by which the client reached us, so that a relay in front of the server stays in use.
        url = f"{request.scheme}://{request.host}"
        return web.json_response({"servers": [{"url": url, "secure": request.scheme == "https"}]})

    @web.middleware
    async def _follow_upgrade(self, request: web.Request, handler: Any) -> web.StreamResponse:
        connection = self._connections.get(request.query.get("sid", ""))
        if connection is not None and request.method == "GET":
            connection.request = request
        response: web.StreamResponse = await handler(request)
        return response

    # Engine.IO.

    async def _opened(self, sid: str, environ: dict[str, Any]) -> None:
        engine = self._engine
        if engine is not None:
            self._connections[sid] = Connection(sid, environ["aiohttp.request"], engine, self._spawn)

    async def _message(self, sid: str, data: str | bytes) -> None:
        connection = self._connections.get(sid)
        packet = parse(data) if isinstance(data, str) else None
        if connection is None or packet is None:
            return
        event = event_of(packet)
        if event is not None:
            self._event(connection, event[0], event[1], packet.id)
        elif packet.packet_type == CONNECT:
            self._connect(connection)
        elif packet.packet_type == DISCONNECT:
            self._end(sid)

    async def _closed(self, sid: str, _reason: str) -> None:
        self._end(sid)
        self._connections.pop(sid, None)

    # Socket.IO.

    def _connect(self, connection: Connection) -> None:
        if connection.connected or connection.sid in self._sessions:
            return
        address = client_address(connection.request)
        limits = self.site.limits
        if self._bucket is not None and not self._bucket.take(address, self.site.scheduler.clock()):
            connection.refuse("Rate limit exceeded")
            return
        member = Member(address, sink=connection.deliver, hang_up=lambda: self._hang_up(connection))
        session = Session(self.site, member)
        self._sessions[connection.sid] = connection, session
        self._sockets_of[address] += 1
        connection.accept()
        if limits.connections_per_address is not None and self._sockets_of[address] > limits.connections_per_address:
            member.send("kick", {"reason": "Too many connections from your IP address"})
            self._hang_up(connection)
            connection.close()
            return
        session.open()

    def _event(self, connection: Connection, event: str, args: list[Any], number: int | None) -> None:
        if connection.kicked:
            connection.cut()
            return
        found = self._sessions.get(connection.sid)
        if found is None:
            return
        session = found[1]

        def acknowledge(answer: dict[str, Any]) -> None:
            if number is not None:
                connection.acknowledge(number, answer)

        answer = acknowledge if number is not None else None
        connection.received += 1
        if event == "chatMsg":
            self.site.scheduler.call_later(self.site.limits.chat_seconds, lambda: session.handle(event, args, answer))
        else:
            session.handle(event, args, answer)

    def _hang_up(self, connection: Connection) -> None:
        connection.hang_up()
        self._end(connection.sid)

    def _end(self, sid: str) -> None:
        found = self._sessions.pop(sid, None)
        if found is None:
            return
        connection, session = found
        connection.connected = False
        self._sockets_of[session.member.address] -= 1
        session.close()

    def _spawn(self, work: Any) -> object:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def client_address(request: web.Request) -> str:
    """Where the client is: X-Forwarded-For is believed from this machine only (PROTOCOL section 1)."""
    peer = request.remote or ""
    if not LOOPBACK.match(peer):
        return peer
    forwarded = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    return next((part for part in reversed(forwarded) if not LOOPBACK.match(part)), peer)
