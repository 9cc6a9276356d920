"""The connection to NATS: made in the background, kept for ever, replaced where the library gives up.

A service starts while NATS is down and lives on when it goes: ``Bus.start`` returns at once, and whoever needs a
connection registers with ``on_connected`` and is called for each one. nats-py reconnects by itself; where it closes
all the same (a password that was changed, a publish over ``max_payload``) the bus builds a new client.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import nats.errors
from nats.aio.client import Client

from rosey_core.shortcut import ShortcutClient

log = logging.getLogger(__name__)

CONNECT_TIMEOUT: Final = 5
RECONNECT_WAIT: Final = 0.2
PING_INTERVAL: Final = 10
REBUILD_WAIT: Final = (0.2, 10.0)
CANCEL_WAIT: Final = 0.1
MINIMUM_SERVER: Final = (2, 11)

Listener = Callable[[Client], Awaitable[None]]


class BusError(Exception):
    """A request could not be made or was not answered."""


class NotConnected(BusError):
    """There is no connection to NATS now."""


class NoResponders(BusError):
    """NATS says that nobody serves this subject."""


class RequestTimeout(BusError):
    """Nobody answered in time."""


class Bus:
    """One process's connection to NATS.

    Args:
        url: ``nats://host:port``, several separated by commas.
        name: shown in NATS monitoring; answers come to inboxes below ``_INBOX.<name>``, so that permissions can keep
            a user from reading what others are told.
        user, password, token, credentials_file: how to log in; secrets are never logged.
        authorities_file: certificates to trust at a ``tls://`` address, in the place of the system's.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        user: str | None = None,
        password: str | None = None,
        token: str | None = None,
        credentials_file: Path | None = None,
        authorities_file: Path | None = None,
    ) -> None:
        self._servers = [server.strip() for server in url.split(",")]
        given = {"user": user, "password": password, "token": token}
        self._login: dict[str, str] = {key: value for key, value in given.items() if value is not None}
        self._options: dict[str, Any] = {"name": name, "inbox_prefix": f"_INBOX.{name.replace(' ', '-')}"}
        if credentials_file is not None:
            self._options["user_credentials"] = str(credentials_file)
        for key in self._login:
            # A function is asked at each connection and reconnection.
            self._options[key] = partial(self._login.__getitem__, key)
        self._authorities_file = authorities_file
        self._client: Client | None = None
        self._listeners: list[Listener] = []
        self._disconnect_listeners: list[Callable[[], None]] = []
        self._keeper: asyncio.Task[None] | None = None
        self._notifier: asyncio.Task[None] | None = None
        self._connected = asyncio.Event()
        self._last_error: str | None = "not connected yet"

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection now."""
        return self._client is not None and self._client.is_connected

    @property
    def client(self) -> Client:
        """The client of the present connection.

        Raises:
            NotConnected: there is none.
        """
        if self._client is None or not self._client.is_connected:
            raise NotConnected("not connected to NATS")
        return self._client

    @property
    def problem(self) -> str | None:
        """Why there is no connection, in a sentence for the operator; ``None`` where there is one."""
        return None if self.is_connected else f"not connected to NATS: {self._last_error}"

    def on_connected(self, listener: Listener) -> None:
        """Call ``listener`` with the client at each connection and reconnection, and now if there is one.

        Listeners are called one after the other, in the order in which they were added; what they raise is logged.
        """
        self._listeners.append(listener)
        if self.is_connected:
            self._notify([listener])

    def on_disconnected(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` whenever the connection is lost."""
        self._disconnect_listeners.append(listener)

    def log_in_with(self, login: Mapping[str, str]) -> None:
        """Log in so from the next connection on; the present one lasts as long as the server lets it.

        A password need not be changed here and at the server at once: whichever comes last ends the waiting.

        Args:
            login: new values of ``user``, ``password`` or ``token``, where there was one before.
        """
        self._login |= {key: value for key, value in login.items() if key in self._login}

    async def start(self) -> None:
        """Begin to connect, in the background."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep_connected(), name="bus")

    async def wait_connected(self) -> None:
        """Return when there is a connection; listeners may still be at work."""
        await self._connected.wait()

    async def close(self) -> None:
        """Send what is pending, then close; safe to call again."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            await end_task(keeper)
        if self._notifier is not None:
            await end_task(self._notifier)
            self._notifier = None
        await self._discard_client()

    async def request(
        self, subject: str, payload: bytes, timeout: float, headers: dict[str, str] | None = None
    ) -> bytes:
        """Ask, and return the answer's payload.

        Raises:
            NotConnected: there is no connection to NATS.
            NoResponders: NATS says that nobody serves ``subject``.
            RequestTimeout: no answer within ``timeout`` seconds.
        """
        try:
            message = await self.client.request(subject, payload, timeout=timeout, headers=headers)
        except nats.errors.NoRespondersError:
            raise NoResponders(f"nobody serves {subject}") from None
        except (nats.errors.TimeoutError, TimeoutError):
            raise RequestTimeout(f"no answer on {subject} within {timeout:g} s") from None
        except nats.errors.Error as error:
            raise NotConnected(f"not connected to NATS: {error}") from None
        return message.data

    async def publish(self, subject: str, payload: bytes, headers: dict[str, str] | None = None) -> None:
        """Publish without acknowledgement.

        Raises:
            NotConnected: there is no connection to NATS.
        """
        try:
            await self.client.publish(subject, payload, headers=headers)
        except nats.errors.Error as error:
            raise NotConnected(f"not connected to NATS: {error}") from None

    async def _keep_connected(self) -> None:
        wait = REBUILD_WAIT[0]
        while True:
            closed = asyncio.Event()
            client = ShortcutClient()
            try:
                await self._connect(client, closed)
            except (TimeoutError, OSError, nats.errors.Error) as error:
                self._note_error(error)
                await self._close_quietly(client)
            except Exception as error:
                # A credentials file that is none makes the library raise anything, and nobody else connects again.
                self._note_error(RuntimeError(self._unforeseen(error)))
                await self._close_quietly(client)
            else:
                wait = REBUILD_WAIT[0]
                await closed.wait()
                log.warning("the NATS client has closed; building a new one")
                await self._close_quietly(client)
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))
            wait = min(wait * 2, REBUILD_WAIT[1])

    async def _connect(self, client: Client, closed: asyncio.Event) -> None:
        was_connected = False

        async def on_error(error: Exception) -> None:
            self._note_error(error)
            if was_connected and "authorization" in str(error).lower():
                # A client that reconnects would try on five times a second; a new one waits longer each time.
                closed.set()

        async def on_disconnected() -> None:
            self._lost()

        async def on_reconnected() -> None:
            self._gained(client)

        async def on_closed() -> None:
            closed.set()

        self._client = client
        await client.connect(
            servers=self._servers,
            error_cb=on_error,
            disconnected_cb=on_disconnected,
            reconnected_cb=on_reconnected,
            closed_cb=on_closed,
            allow_reconnect=True,
            max_reconnect_attempts=-1,
            reconnect_time_wait=RECONNECT_WAIT,  # type: ignore[arg-type]
            connect_timeout=CONNECT_TIMEOUT,
            ping_interval=PING_INTERVAL,
            max_outstanding_pings=2,
            tls=self._tls(),
            **self._options,
        )
        was_connected = True
        self._gained(client)

    def _tls(self) -> ssl.SSLContext | None:
        # Read for each client: a certificate that is renewed counts from the next connection on.
        file = self._authorities_file
        return None if file is None else ssl.create_default_context(cafile=str(file))

    def _unforeseen(self, error: Exception) -> str:
        file = self._options.get("user_credentials")
        # Not its text: what is in the file is a secret.
        what = "no connection could be made" if file is None else f"the credentials file {file} cannot be used"
        return f"{what} ({type(error).__name__})"

    def _note_error(self, error: Exception) -> None:
        text = str(error) or type(error).__name__
        if text != self._last_error:
            log.warning("NATS: %s", text)
        self._last_error = text

    def _gained(self, client: Client) -> None:
        log.info("connected to nats-server %s", server_version(client))
        self._last_error = None
        self._connected.set()
        self._notify()

    def _lost(self) -> None:
        self._connected.clear()
        self._last_error = self._last_error or "connection lost"
        for listener in self._disconnect_listeners:
            listener()

    def _notify(self, listeners: Sequence[Listener] | None = None) -> None:
        called = list(self._listeners if listeners is None else listeners)
        self._notifier = asyncio.create_task(self._call_listeners(called, self._notifier), name="bus-listeners")

    async def _call_listeners(self, listeners: Sequence[Listener], previous: asyncio.Task[None] | None) -> None:
        if previous is not None:
            await asyncio.gather(previous, return_exceptions=True)
        for listener in listeners:
            if not self.is_connected:
                return
            try:
                await listener(self.client)
            except (BusError, nats.errors.Error, OSError) as error:
                log.warning("after connecting to NATS: %s", error)
            except Exception:
                log.exception("after connecting to NATS")

    async def _discard_client(self) -> None:
        client, self._client = self._client, None
        self._connected.clear()
        if client is not None:
            await self._close_quietly(client)

    @staticmethod
    async def _close_quietly(client: Client) -> None:
        try:
            # First, since a try that goes on meanwhile leaves its connection open.
            await end_reconnecting(client)
            if not client.is_closed:
                await client.close()
        except (TimeoutError, OSError, RuntimeError, AssertionError, nats.errors.Error) as error:
            # RuntimeError is uvloop's for a transport that the server's end has closed already, AssertionError
            # nats-py's for a client that never came to connect.
            log.debug("closing the NATS client: %s", error)
        except asyncio.CancelledError:
            # nats-py cancels its own reconnecting, and with it the transport's end that both wait for.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
        finally:
            await end_reconnecting(client)


async def end_reconnecting(client: Client) -> None:
    """Make sure that a closed client does not come back: its reconnecting can swallow the cancellation and go on."""
    task: asyncio.Task[None] | None = getattr(client, "_reconnection_task", None)
    if task is not None and task is not asyncio.current_task():
        await end_task(task)


async def end_task(task: asyncio.Task[None]) -> None:
    """Cancel a task until it ends: while nats-py connects, it swallows some cancellations."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=CANCEL_WAIT)


def server_version(client: Client) -> str:
    """The version of the server that this client is connected to, such as ``2.15.1``."""
    version = client.connected_server_version
    return f"{version.major}.{version.minor}.{version.patch}"


def server_problem(client: Client) -> str | None:
    """Why this server cannot serve Rosey, in a sentence for the operator; ``None`` where it can."""
    version = client.connected_server_version
    if (version.major, version.minor) < MINIMUM_SERVER:
        wanted = ".".join(map(str, MINIMUM_SERVER))
        return f"nats-server {server_version(client)} is too old: Rosey needs {wanted} or newer"
    return None
