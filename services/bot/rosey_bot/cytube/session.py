"""One Socket.IO connection from its opening to its end, over python-socketio."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import aiohttp
import socketio
import socketio.exceptions

from rosey_bot.cytube import frames
from rosey_bot.cytube.backoff import Cause, Disconnected, ReconnectPolicy
from rosey_bot.cytube.dispatch import Dispatcher
from rosey_bot.cytube.failures import explain_failure

T = TypeVar("T")

CLOSE_TIMEOUT: Final = 1.0
_NEARLY: Final = 0.9
FRAME_BYTES: Final = 64 << 20
"""The largest frame that is read: CyTube sends a whole playlist, of up to 4,000 items, and all emotes as one each."""

KICKS: Final = (
    (
        "Duplicate login",
        Cause.DUPLICATE_LOGIN,
        None,
        "somebody else logged in with the same name: is it a second bot?",
    ),
    ("Rate limit exceeded", Cause.RATE_LIMITED, None, "CyTube takes no more frames for now"),
    ("Too many connections", Cause.RATE_LIMITED, None, "CyTube has too many connections from this address"),
    ("You are banned", Cause.REFUSED, "banned", "banned from the channel: ask its moderators"),
    ("You're banned", Cause.REFUSED, "banned", "banned from the channel: ask its moderators"),
    ("Invalid channel name", Cause.REFUSED, "no_channel", ""),
    ("Channel could not be loaded", Cause.REFUSED, None, ""),
)


def explain_kick(reason: str) -> Disconnected:
    """What a ``kick`` with this reason means (PROTOCOL.md 1, 2, 10)."""
    for beginning, cause, word, meaning in KICKS:
        if reason.startswith(beginning):
            return Disconnected(cause, f"kicked: {meaning or reason[:200]}", word)
    return Disconnected(Cause.KICKED, f"kicked: {reason[:200]}" if reason else "kicked without a reason")


class Session:
    """One connection.

    Args:
        http: the HTTP session to connect with; the caller closes it.
        dispatcher: takes the frames.
        policy: time-outs.
        clock: Unix seconds.
        proxy: through which proxy the session goes, for people; ``None`` for none.

    Attributes:
        joined: settled by the first user list.
        needs_password: settled where the channel asks for a password: whether one was given and is wrong.
        named: settled by a login that CyTube has accepted, however late.
        ranked: settled by the own rank in the channel.
        own_name: as CyTube spells it, after the login.
        kick_reason: what the server said before it ended the connection.
        last_error: what the server said last in an ``errorMsg``.
        server_patience: seconds of silence after which the server gives a connection up.
    """

    joined: asyncio.Future[None]
    needs_password: asyncio.Future[bool]
    named: asyncio.Future[None]
    ranked: asyncio.Future[float]
    own_name: str
    kick_reason: str | None
    last_error: str
    server_patience: float

    def __init__(
        self,
        http: aiohttp.ClientSession,
        dispatcher: Dispatcher,
        policy: ReconnectPolicy,
        clock: Callable[[], float] = time.time,
        proxy: str | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._policy: Final = policy
        self._clock: Final = clock
        self._proxy: Final = proxy
        self._dispatcher: Final = dispatcher
        self._socket: Final = socketio.AsyncClient(
            reconnection=False, http_session=http, websocket_extra_options={"max_msg_size": FRAME_BYTES}
        )
        self._ended: asyncio.Future[str] = loop.create_future()
        self._refusal = ""
        self._admitted: asyncio.Future[bool] = loop.create_future()
        self._answer: asyncio.Future[frames.Login] | None = None
        self._last_frame = clock()
        self.joined = loop.create_future()
        self.needs_password = loop.create_future()
        self.named = loop.create_future()
        self.ranked = loop.create_future()
        self.own_name = ""
        self.kick_reason = None
        self.last_error = ""
        self.server_patience = 0.0
        self._socket.on("*", self._receive)
        self._socket.on("connect", self._connect)
        self._socket.on("disconnect", self._disconnect)
        self._socket.on("connect_error", self._connect_error)

    @property
    def is_logged_in(self) -> bool:
        """Whether CyTube has accepted a login on this connection."""
        return bool(self.own_name)

    @property
    def last_seen(self) -> float | None:
        """Unix seconds of the last sign of life where it was noticed late that there were no more, else ``None``.

        Pings are out of sight here. So after a silence of frames as long as the one that ends a connection it is
        assumed that there were no pings either.
        """
        engine = self._socket.eio
        limit = float((getattr(engine, "ping_interval", None) or 0) + (getattr(engine, "ping_timeout", None) or 0))
        now = self._clock()
        # A frame is noted a little later than the library takes its packet for a sign of life.
        is_silent = limit and now - self._last_frame >= _NEARLY * limit
        return max(now - limit, self._last_frame) if is_silent else None

    async def open(self, url: str) -> None:
        """Connect.

        Raises:
            Disconnected: it did not work.
        """
        try:
            async with asyncio.timeout(self._policy.connect_timeout):
                # While python-socketio itself waits for the namespace it overlooks the connection's end.
                await self._socket.connect(url, transports=["websocket"], namespaces=["/"], wait=False)
                # Nor does it tell of an end that comes together with the first packets.
                self._socket.eio.read_loop_task.add_done_callback(lambda _: self._disconnect())
                ends: list[asyncio.Future[Any]] = [self._admitted, self._ended]
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if self._admitted.done() and not self._admitted.result():
                raise socketio.exceptions.ConnectionError(self._refusal)
        except TimeoutError:
            raise Disconnected(Cause.UNREACHABLE, f"no connection within {self._policy.connect_timeout:g} s") from None
        except Exception as error:
            # An odd handshake makes the library raise nearly anything.
            raise self._explain_refusal(error, url) from None
        self.server_patience = self._socket.eio.ping_interval + self._socket.eio.ping_timeout
        # CyTube grants itself 120 s beyond a ping's time; nobody should be missed for so long. Holds from the next
        # packet on.
        self._socket.eio.ping_timeout = min(self._socket.eio.ping_timeout, self._policy.silence)

    async def close(self) -> None:
        """Leave, and let go of the socket."""
        self._socket.handlers.clear()
        with contextlib.suppress(TimeoutError, socketio.exceptions.SocketIOError, aiohttp.ClientError, OSError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._socket.disconnect()
                # python-engineio lets go of a silent peer's websocket without closing it.
                websocket = self._socket.eio.ws
                if websocket is not None:
                    await websocket.close()

    async def emit(self, event: str, arguments: Any) -> None:
        """Send a frame.

        Raises:
            Disconnected: the connection has ended.
        """
        try:
            await self._socket.emit(event, arguments)
        except socketio.exceptions.SocketIOError:
            raise self._end() from None

    async def first_of(self, *awaited: asyncio.Future[Any]) -> asyncio.Future[Any] | None:
        """The first of ``awaited`` that is settled; ``None`` where none is in time.

        Raises:
            Disconnected: the connection ended first.
        """
        futures: list[asyncio.Future[Any]] = [*awaited, self._ended]
        await asyncio.wait(futures, timeout=self._policy.answer_timeout, return_when=asyncio.FIRST_COMPLETED)
        for future in awaited:
            if future.done():
                return future
        if self._ended.done():
            raise self._end()
        return None

    async def wait_end(self) -> None:
        """Wait for the connection's end.

        Raises:
            Disconnected: it has come.
        """
        await self._ended
        raise self._end()

    async def until(self, work: Awaitable[T]) -> T:
        """The result of ``work``, which is cancelled where the connection ends before.

        Raises:
            Disconnected: the connection ended.
        """
        working = asyncio.ensure_future(work)
        ended: asyncio.Future[Any] = self._ended
        try:
            await asyncio.wait([working, ended], return_when=asyncio.FIRST_COMPLETED)
            if self._ended.done():
                raise self._end()
            return await working
        finally:
            working.cancel()

    def expect_login(self) -> asyncio.Future[frames.Login]:
        """The future that the answer to the next login settles."""
        self._answer = asyncio.get_running_loop().create_future()
        return self._answer

    def answer_login(self, frame: frames.Login) -> None:
        """CyTube has answered a login."""
        if frame.success:
            self.own_name = frame.name
            self.settle(self.named, None)
        if self._answer is not None:
            self.settle(self._answer, frame)

    @staticmethod
    def settle(future: asyncio.Future[T], value: T) -> None:
        """Settle a future that may be settled already."""
        if not future.done():
            future.set_result(value)

    def _receive(self, event: str, *arguments: Any) -> None:
        self._last_frame = self._clock()
        self._dispatcher.dispatch(event, arguments)

    def _connect(self) -> None:
        self.settle(self._admitted, True)

    def _disconnect(self, reason: str = "") -> None:
        self.settle(self._ended, reason)

    def _connect_error(self, *details: Any) -> None:
        detail = details[0] if details else ""
        self._refusal = str(detail.get("message", "")) if isinstance(detail, dict) else str(detail)
        self.settle(self._admitted, False)

    def _explain_refusal(self, error: Exception, url: str) -> Disconnected:
        reason = self._refusal
        if reason.startswith("Rate limit exceeded"):
            return Disconnected(Cause.RATE_LIMITED, "CyTube takes no more connections from this address for now")
        if reason.startswith("You are banned"):
            return Disconnected(Cause.REFUSED, "this address is banned from the server", "banned")
        if reason:
            return Disconnected(Cause.UNREACHABLE, f"no connection: {reason[:200]}")
        return explain_failure(error, url, self._proxy)

    def _end(self) -> Disconnected:
        if self.kick_reason is not None:
            return explain_kick(self.kick_reason)
        if self.last_seen is not None:
            return Disconnected(Cause.LOST, "connection lost: the server has fallen silent")
        reason = self._ended.result() if self._ended.done() else ""
        return Disconnected(Cause.LOST, f"connection lost: {reason}" if reason else "connection lost")
