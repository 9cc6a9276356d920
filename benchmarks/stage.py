"""Where one run takes place: a nats-server, a directory and processes of its own, all gone at the end."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import nats
from nats.aio.client import Client

from benchmarks import commits, service
from benchmarks.commits import Commits
from benchmarks.processes import Process, Service, module
from benchmarks.verdict import Expectation, Verdict
from rosey_core import events, streams
from rosey_core.streams import StreamLimits
from rosey_database.ingest.consumer import Consumer
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

STORED_TIMEOUT_S = 300.0


class Published:
    """What is in the stream: each event's sequence by the event's number.

    Attributes:
        sequences: of each event of the load, by its number; 0 where it is not there.
        verdict: how the stream and the database differ from what was sent.
    """

    def __init__(self, sequences: list[int], verdict: Verdict) -> None:
        self.sequences = sequences
        self.verdict = verdict


class Stage:
    """Use as an asynchronous context manager.

    Attributes:
        directory: for everything that is made; removed at the end.
        nats: the server.
        client: the harness's own connection; idle while something is measured.
        database: the file of the database service.
        commits: the record that the database service keeps.
    """

    directory: Path
    nats: NatsServer
    client: Client

    async def __aenter__(self) -> Self:
        self.directory = Path(tempfile.mkdtemp(prefix="rosey-benchmark-"))
        self.database = self.directory / "bot_data.db"
        self.commits = self.directory / "commits"
        self._processes: list[Process] = []
        self._numbers = itertools.count()
        self.nats = NatsServer(self.directory / "nats")
        try:
            # Not in a thread, which would go on where this is interrupted.
            self.nats.start()
            self.client = await nats.connect(self.nats.url)
            await streams.ensure(self.client, StreamLimits(max_bytes=4 << 30))
        except BaseException:
            await self._clean_up()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._clean_up()

    async def _clean_up(self) -> None:
        async with AsyncExitStack() as last_first:
            last_first.push_async_callback(asyncio.to_thread, shutil.rmtree, self.directory, ignore_errors=True)
            last_first.push_async_callback(asyncio.to_thread, self.nats.stop)
            if hasattr(self, "client"):
                last_first.push_async_callback(self.client.close)
            for process in self._processes:
                last_first.push_async_callback(process.stop)

    async def program(self, name: str, *arguments: object) -> Process:
        """Start a program of this package, with the server's address; it has not reported yet."""
        log = self.directory / f"{name}-{next(self._numbers)}.log"
        command = [*module(name), *map(str, arguments)]
        if name not in ("direct", "simulator"):
            command += ["--nats", self.nats.url]
        process = Process(command, log)
        await self._begin(process)
        return process

    async def publisher(self, *, count: int, rate: float = 0, seed: int = 1, users: int = 40) -> Process:
        """Start a publisher; it waits to be told to go."""
        spool = self.directory / f"spool-{next(self._numbers)}"
        options = ("--count", count, "--rate", rate, "--seed", seed, "--users", users, "--spool", spool)
        publisher = await self.program("publisher", *options)
        await publisher.report()
        return publisher

    async def database_service(self, *, wait: bool = True) -> Service:
        """Start ``rosey-database`` with its record; it is ready when this returns, unless told not to wait."""
        process = Service(
            module("service"),
            f"database-{next(self._numbers)}",
            self.directory,
            {
                "nats": {"url": self.nats.url},
                "database": {"path": str(self.database), "default_channel": "room0"},
                "stream": {"max_bytes": 4 << 30},
            },
            {service.COMMITS: str(self.commits)},
        )
        await self._begin(process)
        if wait:
            await process.ready()
        return process

    async def service(
        self,
        program: list[str],
        name: str,
        configuration: dict[str, Any],
        environment: Mapping[str, str] | None = None,
    ) -> Service:
        """Start another process of Rosey's; it is ready when this returns."""
        nats = {"nats": {"url": self.nats.url}}
        process = Service(program, name, self.directory, {**nats, **configuration}, environment)
        await self._begin(process)
        await process.ready()
        return process

    async def _begin(self, process: Process) -> None:
        await process.start()
        self._processes.append(process)

    async def last_sequence(self) -> int:
        """The sequence of the stream's last message."""
        return (await self.client.jsm().stream_info(streams.EVENTS)).state.last_seq

    async def reached(self, sequence: int, record: Path | None = None) -> None:
        """Return when a record, the database service's unless told otherwise, has got to ``sequence``.

        Raises:
            TimeoutError: it has not within ``STORED_TIMEOUT_S``.
        """
        path = record or self.commits
        await until(
            lambda: commits.last_sequence(path) >= sequence,
            timeout=STORED_TIMEOUT_S,
            poll=0.02,
            what=f"{sequence} in {path.name}",
        )

    async def all_stored(self) -> Commits:
        """Wait until everything in the stream is stored, and return the database service's record."""
        await self.reached(await self.last_sequence())
        return Commits(self.commits)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database's file, past the service."""
        connection = sqlite3.connect(self.database)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    async def published(self, count: int, *, compare: bool = True) -> Published:
        """Read the stream from its beginning and hold stream and database against the ``count`` events of one load.

        Args:
            compare: whether the database is to be looked at.
        """
        last = await self.last_sequence()
        expectation = Expectation(count)
        sequences = [0] * count
        consumer = Consumer(self.client, streams.EVENTS, start=1)
        await consumer.start()
        begun = None
        read = 0
        while read < last:
            for message in await consumer.take(2000):
                read = message.sequence
                event, _ = events.decode(message.subject, message.payload)
                assert event.timestamp is not None
                # The events of a load are a millisecond apart.
                begun = event.timestamp if begun is None else begun
                sequences[round((event.timestamp - begun) * 1000)] = read
                expectation.add(event)
        await consumer.stop()
        verdict = expectation.verdict(self.database if compare else None)
        return Published(sequences, verdict)
