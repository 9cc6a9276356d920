"""DatabaseService: stores the events of the stream and answers requests, on a database that it is handed."""

from __future__ import annotations

import asyncio
import importlib.metadata
import logging
import sqlite3
import time
from typing import Any, Final

import nats.errors
from nats.aio.client import Client

from rosey_core import streams
from rosey_core.bus import Bus, NotConnected
from rosey_core.queries import Request
from rosey_core.streams import StreamLimits, StreamUnavailable
from rosey_core.telemetry.metrics_database import DatabaseMetrics
from rosey_database.connection import Connection
from rosey_database.database import BotDatabase
from rosey_database.ingest.ingest import Ingest
from rosey_database.observation import IngestObserver, RequestObserver
from rosey_database.requests.server import RequestServer
from rosey_database.sqlite import DatabaseClosed
from rosey_database.tracing import DatabaseTracing

log = logging.getLogger(__name__)

MAINTENANCE_INTERVAL_S: Final = 3600.0


class DatabaseService:
    """Stores every event once and answers every request, until it is stopped; it can be started again.

    Any number of services may run on one database: one stores, the others stand by, and all of them answer.

    Args:
        nats_client: a connected client of nats-py, or a ``Bus``, which may connect later.
        database: connected; it stays so.
        limits: of the streams, which the service makes.
        metrics: to keep up to date.
        tracing: makes traces; only together with metrics.
        maintenance_interval: seconds between two sweeps of what is older than its retention.
    """

    def __init__(
        self,
        nats_client: Client | Bus,
        database: BotDatabase,
        *,
        limits: StreamLimits | None = None,
        metrics: DatabaseMetrics | None = None,
        tracing: DatabaseTracing | None = None,
        maintenance_interval: float = MAINTENANCE_INTERVAL_S,
    ) -> None:
        self._connection = Connection(nats_client)
        self._database = database
        self._limits = limits or StreamLimits()
        self._metrics = metrics
        self._tracing = tracing
        self._maintenance_interval = maintenance_interval
        self._ingest: Ingest | None = None
        self._requests: RequestServer | None = None
        self._maintenance: asyncio.Task[None] | None = None
        self._connection.on_connected(self._serve_requests)

    @property
    def ingest(self) -> Ingest | None:
        """What stores; ``None`` while stopped."""
        return self._ingest

    @property
    def problem(self) -> str | None:
        """Why nothing is stored now, in a sentence for the operator; ``None`` where all is well."""
        return "stopped" if self._ingest is None else self._ingest.problem

    async def start(self) -> None:
        """Begin; safe to call again.

        When this returns on a connection, the streams are there and requests are answered: what is published from
        then on is stored. Without a connection, or without JetStream, the service goes on trying by itself.

        Raises:
            aiosqlite.Error: the database is not connected.
        """
        if self._ingest is not None:
            return
        self._ingest = ingest = Ingest(
            self._connection.client,
            lambda: self._database.writer,
            location=self._database.location,
            limits=self._limits,
            observer=None if self._metrics is None else IngestObserver(self._metrics, self._tracing),
        )
        self._requests = RequestServer(
            self._database,
            version=importlib.metadata.version("rosey-database"),
            is_behind=lambda: ingest.is_behind,
            observer=None if self._metrics is None else RequestObserver(self._metrics, self._tracing),
        )
        try:
            await self._serve_requests(self._connection.client())
        except (NotConnected, nats.errors.Error, OSError) as error:
            log.info("requests are served as soon as there is a connection: %s", error)
        if self._ingest is not ingest:
            # It was stopped meanwhile.
            return
        await ingest.start()
        self._maintenance = asyncio.create_task(self._maintain(), name="maintenance")

    async def stop(self) -> None:
        """Finish what is at hand and end; the database stays open. Safe to call again."""
        maintenance, self._maintenance = self._maintenance, None
        if maintenance is not None:
            maintenance.cancel()
            await asyncio.gather(maintenance, return_exceptions=True)
        requests, self._requests = self._requests, None
        if requests is not None:
            await requests.stop()
        ingest, self._ingest = self._ingest, None
        if ingest is not None:
            await ingest.stop()

    async def answer(self, request: Request, channel: str | None) -> Any:
        """What a request is answered with, as over NATS, and without it: an instance of its ``REPLY``.

        Args:
            request: one of ``rosey_core.queries.TYPES``.
            channel: a channel's key; the default channel where it is ``None``.

        Raises:
            sqlite3.Error: the database cannot answer now, or the service is stopped.
        """
        if self._requests is None:
            raise DatabaseClosed
        return await self._requests.answer(request, channel)

    async def _serve_requests(self, client: Client) -> None:
        requests = self._requests
        if requests is None:
            return
        # Whoever gets an answer may rely on the streams being there.
        try:
            await streams.ensure(client, self._limits)
        except StreamUnavailable as error:
            log.warning("%s", error)
        if self._requests is requests:
            await requests.start(client)
        if self._requests is not requests:
            # It was stopped meanwhile, perhaps before there was anything to stop.
            await requests.stop()
        try:
            await streams.ensure_buckets(client, self._limits)
        except StreamUnavailable as error:
            log.warning("%s", error)

    async def _maintain(self) -> None:
        while True:
            await asyncio.sleep(self._maintenance_interval)
            begun = time.monotonic()
            try:
                deleted = await self._database.perform_maintenance()
            except sqlite3.Error as error:
                log.warning("maintenance: %s", error)
                self._count_maintenance("failed", {}, time.monotonic() - begun)
            except Exception:
                log.exception("maintenance failed; it goes on")
                self._count_maintenance("failed", {}, time.monotonic() - begun)
            else:
                self._count_maintenance("done", deleted, time.monotonic() - begun)
                swept = {table: rows for table, rows in deleted.items() if rows}
                log.info("maintenance: %s", swept or "nothing to delete")

    def _count_maintenance(self, outcome: str, deleted: dict[str, int], seconds: float) -> None:
        if self._metrics is None:
            return
        self._metrics.maintenance[outcome].inc()
        self._metrics.maintenance_seconds.inc(seconds)
        for table, rows in deleted.items():
            self._metrics.rows_swept[table].inc(rows)
