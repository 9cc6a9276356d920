"""The process ``rosey-database``: configuration, health, metrics, and an orderly end."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import time
from functools import partial
from typing import Final

import nats.errors

from rosey_core import reachability
from rosey_core.bus import Bus, server_problem
from rosey_core.config import Config, ConfigError, Problem
from rosey_core.health import Health
from rosey_core.service import ServiceContext, run
from rosey_core.streams import NO_JETSTREAM, StreamLimits
from rosey_core.telemetry.metrics import BusMetrics
from rosey_core.telemetry.metrics_database import DatabaseMetrics
from rosey_database import sqlite
from rosey_database.api.server import ApiServer
from rosey_database.database import BotDatabase
from rosey_database.database_service import DatabaseService
from rosey_database.maintenance import Retention
from rosey_database.migrations import stored_revision
from rosey_database.observation import ApiObserver, lag_seconds, measure_checkpoints, measure_files
from rosey_database.sqlite import Location
from rosey_database.tracing import DatabaseTracing

log = logging.getLogger(__name__)

NAME: Final = "rosey-database"
WATCH_INTERVAL_S: Final = 0.5
ROWS_INTERVAL_S: Final = 2.0
CHECK_TIMEOUT_S: Final = 5.0
CONNECT_INTERVAL_S: Final = 2.0
LAG_LIMIT: Final = 10_000
"""Events waiting beyond which the service is not ready: its answers are too old."""

_APPLIED: Final = ("database.retention",)
"""What is brought in without a restart."""
_UNUSED: Final = ("platforms", "bot", "operator")
"""What concerns others; the default channel is chosen once."""

DATABASE: Final = "database"
NATS: Final = "nats"
INGEST: Final = "ingest"
API: Final = "api"


def main() -> int:
    """Run ``rosey-database``; returns the exit code."""
    about = "Stores what Rosey's bots publish, and answers questions about it."
    return run(NAME, f"{about} '{NAME} token --help' tells of the HTTP API's tokens.", check, serve)


async def check(config: Config) -> list[str]:
    """What would keep the service from its work: the database, or NATS."""
    problems = await asyncio.to_thread(_database_problems, _path(config))
    bus = Bus(**config.nats.options(), name=NAME)
    await bus.start()
    try:
        problem = await reachability.problem(bus, config.nats.url, CHECK_TIMEOUT_S)
        problems += await _jetstream_problems(bus) if problem is None else [problem]
    finally:
        await bus.close()
    return problems


async def serve(config: Config, context: ServiceContext) -> None:
    """Serve until asked to stop."""
    health = context.health
    health.expect(DATABASE, NATS, INGEST)
    metrics = DatabaseMetrics(context.registry)
    database = _database(config)
    bus = Bus(**config.nats.options(), name=NAME)
    context.reload.offer(
        partial(_apply, database, bus),
        (*_APPLIED, *(f"nats.{key}" for key in config.nats.login())),
        unused=_UNUSED,
    )
    BusMetrics(context.registry, bus)
    try:
        if not await _connect(database, health, context.stop):
            return
        if config.default_channel is not None and not database.default_channel:
            await database.choose_default_channel(config.default_channel)
        tracing = None if context.tracing is None else DatabaseTracing(context.tracing)
        service = DatabaseService(bus, database, limits=_limits(config), metrics=metrics, tracing=tracing)
        await bus.start()
        await service.start()
        watch = _Watch(database, bus, service, health, metrics)
        # By itself: to count a large database takes longer than a look at all else may.
        beside = [asyncio.create_task(_count_rows(database, metrics), name="count rows")]
        api = ApiServer(
            database,
            service.answer,
            host=config.database.api.host,
            port=config.database.api.port,
            observer=ApiObserver(metrics, tracing),
        )
        if config.database.api.enabled:
            health.expect(API)
            beside.append(asyncio.create_task(_listen(api, health), name="api"))
        try:
            while not context.stop.is_set():
                try:
                    await watch.look()
                except Exception:
                    # Whatever it comes upon: what stores does not end with what looks at it.
                    log.exception("looking at the service failed; it goes on")
                await _wait(context.stop, WATCH_INTERVAL_S)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await api.stop()
            await service.stop()
    finally:
        await bus.close()
        # Who is in the room stays there: a restart of the database ends nobody's session.
        await database.close(end_sessions=False)


class _Watch:
    """Reports on health and keeps the gauges up to date."""

    def __init__(
        self,
        database: BotDatabase,
        bus: Bus,
        service: DatabaseService,
        health: Health,
        metrics: DatabaseMetrics,
    ) -> None:
        self._database = database
        self._bus = bus
        self._service = service
        self._health = health
        self._metrics = metrics

    async def look(self) -> None:
        """Look at everything once."""
        await self._look_at_database()
        self._health.report(NATS, self._bus.problem)
        ingest = self._service.ingest
        if ingest is None:
            return
        self._metrics.standby.set(ingest.standing_by)
        self._metrics.ingest_lag.set(ingest.pending)
        self._metrics.ingest_lag_seconds.set(lag_seconds(ingest, time.time()))
        if ingest.problem is None and ingest.pending > LAG_LIMIT:
            self._health.report(INGEST, f"{ingest.pending} events wait to be stored")
        else:
            self._health.report(INGEST, ingest.problem)

    async def _look_at_database(self) -> None:
        problem = None
        try:
            await self._database.queries.default_channel()
        except sqlite3.Error as error:
            problem = str(error)
        file = self._database.location.file
        if file is not None:
            try:
                await asyncio.to_thread(measure_files, file, self._metrics)
            except OSError as error:
                # What is open can still be read where the folder or its volume is gone.
                problem = problem or f"{file}: {error.strerror or error}"
            measure_checkpoints(self._database.writer.checkpoints, self._metrics)
        self._health.report(DATABASE, problem)


async def _count_rows(database: BotDatabase, metrics: DatabaseMetrics) -> None:
    """Keep the numbers of rows up to date."""
    while True:
        try:
            for table, rows in (await database.row_counts()).items():
                metrics.rows[table].set(rows)
        except sqlite3.Error as error:
            # That the database fails is told by its health.
            log.debug("rows are not counted: %s", error)
        except Exception:
            log.exception("counting rows failed; it goes on")
        await asyncio.sleep(ROWS_INTERVAL_S)


async def _listen(api: ApiServer, health: Health) -> None:
    """Serve the API as soon as its address can be had: what stores does not wait for it."""
    while True:
        try:
            await api.start()
        except OSError as error:
            health.fail(API, f"cannot listen: {error.strerror}")
        else:
            health.ok(API)
            log.info("the API is at %s", api.url)
            return
        await asyncio.sleep(CONNECT_INTERVAL_S)


async def _connect(database: BotDatabase, health: Health, stop: asyncio.Event) -> bool:
    """Connect, for as long as it takes: what is wrong with a disk is mended while the process waits, unready."""
    while not stop.is_set():
        try:
            await database.connect()
        except sqlite3.Error as error:
            health.fail(DATABASE, str(error))
            await _wait(stop, CONNECT_INTERVAL_S)
        else:
            health.ok(DATABASE)
            return True
    return False


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        pass


async def _jetstream_problems(bus: Bus) -> list[str]:
    problem = server_problem(bus.client)
    if problem is not None:
        return [problem]
    try:
        await bus.client.jsm().account_info()
    except (nats.errors.Error, TimeoutError):
        return [NO_JETSTREAM]
    return []


def _database_problems(path: str) -> list[str]:
    """What is wrong with a database, found out without touching it."""
    location = Location.of(path)
    try:
        stored_revision(location)
    except sqlite3.Error as error:
        return [sqlite.advice(error, location)]
    file = location.file
    if file is not None:
        needed = file if file.exists() else file.absolute().parent
        if not os.access(needed, os.W_OK):
            return [f"{path}: {needed} cannot be written: check that it exists and belongs to the service's user"]
    return []


def _database(config: Config) -> BotDatabase:
    return BotDatabase(_path(config), retention=_retention(config))


async def _apply(database: BotDatabase, bus: Bus, config: Config) -> None:
    database.retention = _retention(config)
    bus.log_in_with(config.nats.login())


def _retention(config: Config) -> Retention:
    return Retention(**config.database.retention.model_dump())


def _path(config: Config) -> str:
    url = config.database.url
    if url is None:
        return config.database.path
    scheme, _, path = url.get_secret_value().partition(":///")
    if scheme != "sqlite" or not path:
        reason = "should be the address of an SQLite file, like sqlite:///bot_data.db"
        raise ConfigError(config.source, [Problem(reason, key="database.url")])
    return path


def _limits(config: Config) -> StreamLimits:
    stream = config.stream
    return StreamLimits(max_age=stream.max_age_hours * 3600, max_bytes=int(stream.max_bytes), replicas=stream.replicas)
