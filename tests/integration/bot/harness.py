"""The bot's connection to a simulated server, with everything that follows it and without NATS."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import aiohttp
import socketio

from rosey_bot.cytube.backoff import DELAYS, Cause, Delays, ReconnectPolicy
from rosey_bot.cytube.client import CytubeClient
from rosey_bot.cytube.dispatch import Dispatcher
from rosey_bot.cytube.login import Credentials
from rosey_bot.cytube.sending import Emit, SendQueue
from rosey_bot.normalise import Normaliser
from rosey_bot.room.room import Room
from rosey_simulator.server import SimulatorServer
from tests.support.waiting import until
from tests.unit.bot.harness import ListSink

CHANNEL = "lobby"
FAST = ReconnectPolicy(
    delays={cause: replace(delays, first=delays.first / 100) for cause, delays in DELAYS.items()},
    login=Delays(first=0.05, longest=0.05),
    answer_timeout=10.0,
    connect_timeout=10.0,
)


class ClientHarness:
    """A client; ``causes`` tells how its connections ended, without those that it left to come in anew."""

    def __init__(self, server: SimulatorServer, policy: ReconnectPolicy = FAST, *, bot_name: str | None = None) -> None:
        self.server = server
        self.policy = policy
        self.sink = ListSink()
        self.room = Room(CHANNEL)
        self.normaliser = Normaliser(CHANNEL, self.room, self.sink, bot_name=bot_name)
        self.dispatcher = Dispatcher(CHANNEL)
        self.sending = SendQueue(self.room)
        self.normaliser.follow(self.dispatcher)
        self.sending.follow(self.dispatcher)
        self.causes: list[Cause] = []
        self.logins = 0
        self.client: CytubeClient | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, user: str | None = "Rosey", password: str | None = "pw-Rosey", **options: Any) -> None:
        self.client = CytubeClient(
            server=options.pop("server", self.server.url),
            channel=options.pop("channel", CHANNEL),
            credentials=Credentials(user, password, options.pop("channel_password", None)),
            dispatcher=self.dispatcher,
            listener=self,
            policy=self.policy,
            **options,
        )
        self._task = asyncio.create_task(self.client.run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def until_ready(self) -> None:
        """Wait until the bot is in the room under its name."""
        await until(lambda: self.client and self.client.state.joined_since and not self.client.state.problem)

    @property
    def problem(self) -> str:
        assert self.client is not None
        return self.client.state.problem or ""

    def connecting(self) -> None:
        self.normaliser.connected()

    def joined(self, emit: Emit) -> None:
        self.sending.open(emit)

    def logged_in(self) -> None:
        self.logins += 1
        self.normaliser.settled()

    async def disconnected(self, cause: Cause | None, last_seen: float | None) -> None:
        if cause is not None:
            self.causes.append(cause)
        self.normaliser.disconnected(last_seen=last_seen)
        await self.sending.close()


class Person:
    """A user at a browser: a plain Socket.IO client that keeps what it is sent."""

    def __init__(self, server: SimulatorServer) -> None:
        self._server = server
        self._http: aiohttp.ClientSession | None = None
        self.frames: list[tuple[str, tuple[Any, ...]]] = []
        self.name = ""

    async def enter(self, name: str, password: str | None = None, channel: str = CHANNEL) -> Person:
        self._http = aiohttp.ClientSession()
        self.socket = socketio.AsyncClient(reconnection=False, http_session=self._http)
        self.socket.on("*", lambda event, *arguments: self.frames.append((event, arguments)))
        await self.socket.connect(self._server.url, transports=["websocket"], namespaces=["/"], wait_timeout=5)
        await self.send("joinChannel", {"name": channel})
        await until(lambda: self.of("userlist"))
        await self.send("login", {"name": name} | ({"pw": password} if password else {}))
        await until(lambda: self.of("login"))
        if password:
            await until(lambda: any(frame["name"] == name for frame in self.of("setUserRank")))
        self.name = name
        return self

    async def leave(self) -> None:
        await self.socket.disconnect()
        if self._http is not None:
            await self._http.close()

    async def send(self, event: str, arguments: Any = None) -> None:
        await self.socket.emit(event, arguments)

    async def say(self, text: str) -> None:
        await self.send("chatMsg", {"msg": text, "meta": {}})

    async def whisper(self, to: str, text: str) -> None:
        await self.send("pm", {"to": to, "msg": text, "meta": {}})

    def of(self, event: str) -> list[Any]:
        return [arguments[0] if arguments else None for name, arguments in self.frames if name == event]

    def heard(self, username: str) -> list[str]:
        """What this user said in chat, in order."""
        return [frame["msg"] for frame in self.of("chatMsg") if frame["username"] == username]

    def whispers(self, username: str) -> list[str]:
        """What this user sent to us, in order."""
        return [frame["msg"] for frame in self.of("pm") if frame["username"] == username]
