"""How the service reaches NATS: by a client that somebody else has connected, or by a bus that connects for ever."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nats.aio.client import Client

from rosey_core.bus import Bus, NotConnected


class Connection:
    """One face for both.

    Args:
        source: a connected client of nats-py, or a bus.
    """

    def __init__(self, source: Client | Bus) -> None:
        self._source = source

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection now."""
        return self._source.is_connected

    def client(self) -> Client:
        """The client of the present connection.

        Raises:
            NotConnected: there is none.
        """
        if isinstance(self._source, Bus):
            return self._source.client
        if not self._source.is_connected:
            raise NotConnected("not connected to NATS")
        return self._source

    def on_connected(self, listener: Callable[[Client], Awaitable[None]]) -> None:
        """Call ``listener`` at each later connection; nothing for a client, which renews its subscriptions itself."""
        if isinstance(self._source, Bus):
            self._source.on_connected(listener)
