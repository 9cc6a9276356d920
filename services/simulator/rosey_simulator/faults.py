"""A network that fails on demand: a relay between a client and a server."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Self

CHUNK_BYTES = 65536


class Relay:
    """Passes bytes between clients and `host`:`port`, until told to do worse.

    The simulator gives clients the address by which they reached it, so a client that asks the relay for the
    socket's address stays behind the relay.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._server: asyncio.Server | None = None
        self._port = 0
        self._pipes: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._open = asyncio.Event()
        self._open.set()
        self.delay_seconds = 0.0

    @property
    def url(self) -> str:
        """Where the relay listens. Only known once started."""
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        await self.accept()

    async def stop(self) -> None:
        await self.refuse()
        self.cut()
        self._open.set()
        for pipe in list(self._pipes):
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def cut(self) -> None:
        """Reset every connection: a websocket client sees code 1006."""
        for writer in list(self._writers):
            connection = writer.get_extra_info("socket")
            if connection is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    def silence(self) -> None:
        """Swallow what either side sends, on connections that stay open: only a timeout tells."""
        self._open.clear()

    def speak(self) -> None:
        """End the silence; what was sent meanwhile arrives late."""
        self._open.set()

    async def refuse(self) -> None:
        """Stop listening: who connects is refused. Connections that are open stay."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def accept(self) -> None:
        """Listen (again), on the port it had."""
        if self._server is None:
            self._server = await asyncio.start_server(self._relay, "127.0.0.1", self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._pipes.add(task)
            task.add_done_callback(self._pipes.discard)
        self._writers.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            self._close(writer)
            return
        self._writers.add(far_writer)
        try:
            await asyncio.gather(self._pipe(reader, far_writer), self._pipe(far_reader, writer))
        finally:
            self._close(writer)
            self._close(far_writer)

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(CHUNK_BYTES):
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                await self._open.wait()
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self._close(writer)

    def _close(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        writer.close()
