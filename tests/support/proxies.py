"""Small proxies on 127.0.0.1 that know one host by a name which nobody else can resolve."""

from __future__ import annotations

import asyncio
import base64
from typing import Final

HOST: Final = "cytube.test"
USER: Final = "ann"
PASSWORD: Final = "hush-hush"


class Proxy:
    """Connects whoever has the password to ``HOST``, which is this machine.

    Args:
        scheme: ``socks5``, or ``http`` for tunnels.
        password: whether one is asked for.

    Attributes:
        targets: host and port of each connection that was asked for.
    """

    def __init__(self, scheme: str, *, password: bool = False) -> None:
        self.targets: list[tuple[str, int]] = []
        self._scheme = scheme
        self._password = password
        self._port = 0
        self._server: asyncio.Server | None = None
        self._works: set[asyncio.Task[None]] = set()

    def url(self, password: str = PASSWORD) -> str:
        """Where it is, with what it asks for."""
        credentials = f"{USER}:{password}@" if self._password else ""
        return f"{self._scheme}://{credentials}127.0.0.1:{self._port}"

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for work in list(self._works):
            work.cancel()
        await asyncio.gather(*self._works, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        work = asyncio.current_task()
        assert work is not None
        self._works.add(work)
        work.add_done_callback(self._works.discard)
        far: asyncio.StreamWriter | None = None
        try:
            meet = self._meet_socks if self._scheme == "socks5" else self._meet_http
            target = await meet(reader, writer)
            if target is None:
                return
            self.targets.append(target)
            assert target[0] == HOST
            far_reader, far = await asyncio.open_connection("127.0.0.1", target[1])
            writer.write(b"\x05\0\0\x01" + bytes(6) if self._scheme == "socks5" else b"HTTP/1.1 200 OK\r\n\r\n")
            await asyncio.gather(_pipe(reader, far), _pipe(far_reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            if far is not None:
                far.close()

    async def _meet_socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, int] | None:
        _, count = await reader.readexactly(2)
        await reader.readexactly(count)
        writer.write(b"\x05\x02" if self._password else b"\x05\0")
        if self._password:
            _, length = await reader.readexactly(2)
            user = await reader.readexactly(length)
            password = await reader.readexactly((await reader.readexactly(1))[0])
            is_known = (user, password) == (USER.encode(), PASSWORD.encode())
            writer.write(b"\x01\0" if is_known else b"\x01\x01")
            if not is_known:
                await writer.drain()
                return None
        _, _, _, kind, length = await reader.readexactly(5)
        assert kind == 3, "the proxy resolves names"
        host = (await reader.readexactly(length)).decode()
        return host, int.from_bytes(await reader.readexactly(2), "big")

    async def _meet_http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, int] | None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self._password and f"Basic {expected}" not in request:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            await writer.drain()
            return None
        method, target, _ = request.split(" ", 2)
        assert method == "CONNECT"
        host, _, port = target.rpartition(":")
        return host, int(port)


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
