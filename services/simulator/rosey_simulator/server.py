"""The simulated site on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from rosey_simulator.accounts import Account
from rosey_simulator.connection import Connection
from rosey_simulator.feature import Acknowledge
from rosey_simulator.gateway import Gateway, client_address
from rosey_simulator.limits import Limits
from rosey_simulator.member import Member
from rosey_simulator.playlist.media import Media
from rosey_simulator.room import Room
from rosey_simulator.session import Session
from rosey_simulator.site import Site
from rosey_simulator.throttle import ConnectionBucket

DRAIN_SECONDS = 1.0


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
        self._gateway = Gateway(self, host, port, self.site.limits)
        bucket = self.site.limits.connection_bucket
        self._bucket = ConnectionBucket(bucket) if bucket is not None else None
        self._sessions: dict[str, Session] = {}
        self._sockets_of: Counter[str] = Counter()

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
    def url(self) -> str:
        """Where the site is. Only known once started."""
        return self._gateway.url

    @property
    def port(self) -> int:
        return self._gateway.port

    @property
    def connections(self) -> list[Connection]:
        """The transports that are open now."""
        return self._gateway.connections

    # Its life.

    async def start(self) -> None:
        """Listen. Raises OSError where the port is taken."""
        await self._gateway.start()
        self.site.scheduler.start()

    async def stop(self) -> None:
        """Stop listening and cut every connection, as a server does that is shut down: no frame says so.

        What is stored stays; `start` goes on from there.
        """
        self.site.scheduler.stop()
        for session in self._sessions.values():
            session.forsake()
        self._sessions.clear()
        self._sockets_of.clear()
        await self._gateway.stop()
        self.site.unload()

    async def drain(self) -> None:
        """Wait until clients have been sent what is for them, for a moment at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                await asyncio.gather(*(connection.drain() for connection in self.connections))

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
            if name is None or (session is not None and session.member.key == name.lower()):
                connection.cut()
                dropped += 1
        return dropped

    # What the gateway brings.

    def connect(self, connection: Connection) -> None:
        address = client_address(connection.request)
        limits = self.site.limits
        if self._bucket is not None and not self._bucket.take(address, self.site.scheduler.clock()):
            connection.refuse("Rate limit exceeded")
            return
        connection.accept()
        if limits.connections_per_address is not None and self._sockets_of[address] >= limits.connections_per_address:
            Member(address, sink=connection.deliver).send(
                "kick", {"reason": "Too many connections from your IP address"}
            )
            connection.hang_up()
            connection.close()
            return
        self._sockets_of[address] += 1
        session = Session(self.site, Member(address, sink=connection.deliver, hang_up=connection.hang_up))
        self._sessions[connection.sid] = session
        session.open()

    def event(self, connection: Connection, event: str, args: list[Any], acknowledge: Acknowledge | None) -> None:
        session = self._sessions.get(connection.sid)
        if session is None:
            return
        if event == "chatMsg":
            self.site.scheduler.call_later(
                self.site.limits.chat_seconds, lambda: session.handle(event, args, acknowledge)
            )
        else:
            session.handle(event, args, acknowledge)

    def disconnect(self, connection: Connection) -> None:
        session = self._sessions.pop(connection.sid, None)
        if session is not None:
            self._sockets_of[session.member.address] -= 1
            session.close()
