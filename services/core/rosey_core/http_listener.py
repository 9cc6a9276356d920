"""Listening for HTTP: begun whole or not at all, and ended at any time."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from yarl import URL


class HttpListener:
    """Listens on an address.

    Args:
        host: the address to listen on.
        port: the port; 0 for any that is free, then see :attr:`port`.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host: Final = host
        self._wanted_port: Final = port
        self._runner: web.BaseRunner | None = None

    async def start(self, runner: web.BaseRunner) -> None:
        """Listen, for this runner, which is cleaned up in the end.

        Raises:
            OSError: the address cannot be had.
        """
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._wanted_port).start()
        except BaseException:
            await runner.cleanup()
            raise
        self._runner = runner

    async def stop(self) -> None:
        """Listen no more; safe to call at any time."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    @property
    def port(self) -> int:
        """The port that it listens on.

        Raises:
            RuntimeError: it does not listen.
        """
        if self._runner is None:
            raise RuntimeError("it does not listen: it is not started")
        port: int = self._runner.addresses[0][1]
        return port

    @property
    def url(self) -> str:
        """Where it is, without a path; see :attr:`port` for what it raises."""
        return str(URL.build(scheme="http", host=self._host, port=self.port))
