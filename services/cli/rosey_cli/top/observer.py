"""Looks at a Rosey from outside, over NATS and over the metrics of its processes."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import nats.errors
from nats.js.errors import NotFoundError, ServiceUnavailableError

from rosey_cli import connection
from rosey_cli.channels import bucket
from rosey_cli.channels.bucket import Row
from rosey_cli.failure import Failure
from rosey_cli.top.endpoints import Endpoints, Look
from rosey_cli.top.rooms import Rooms
from rosey_cli.up.monitor import BOT, DATABASE
from rosey_cli.up.scrape import Totals
from rosey_cli.up.snapshot import Latency, Snapshot
from rosey_core import queries, streams
from rosey_core.bus import Bus, BusError, NoResponders, server_problem

CATCH_UP_S: Final = 5.0
LAG_LIMIT: Final = 1000
_RATE_WINDOW_S: Final = 5.0
_LATENCY_WINDOW_S: Final = (5.0, 60.0)
"""Latencies are those of the last minute. A shorter time than the first has too few events: then all count."""


class Observer:
    """What is known of a Rosey. Use ``start``, then ``look`` again and again, then ``stop``.

    Args:
        bus: the connection, started by the caller.
        endpoints: its processes, as far as they are known.
        clock: Unix seconds.
    """

    def __init__(self, bus: Bus, endpoints: Endpoints, clock: Callable[[], float] = time.time) -> None:
        self._bus = bus
        self._endpoints = endpoints
        self._clock = clock
        self._began = clock()
        self._rooms = Rooms(bus, clock)
        self._following: asyncio.Task[None] | None = None
        self._counted: deque[tuple[float, float]] = deque()
        self._looks: deque[tuple[float, Totals]] = deque()

    async def start(self) -> None:
        """Begin to follow the channels; returns when their past is known, or after a while."""
        self._following = asyncio.create_task(self._rooms.follow(), name="rooms")
        if self._bus.is_connected:
            try:
                await asyncio.wait_for(self._rooms.caught_up.wait(), CATCH_UP_S)
            except TimeoutError:
                pass

    async def stop(self) -> None:
        """Follow no more."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    async def look(self) -> Snapshot:
        """Look once at everything."""
        found, (rows, row_problems), (taken, dead, problems) = await asyncio.gather(
            self._endpoints.look(), self._rows(), self._ask_nats()
        )
        totals, now = found.totals, self._clock()
        before = self._before(now, totals)
        knows_bot, knows_database = BOT in found.services, DATABASE in found.services
        stored = int(totals.value("rosey_database_events_stored_total")) if knows_database else None
        waiting = int(totals.value("rosey_database_ingest_lag_messages"))
        if waiting > LAG_LIMIT:
            problems.append(f"{waiting} events wait to be stored")
        dropped = int(totals.value("rosey_bot_outbox_dropped_total"))
        if dropped:
            problems.append(f"{dropped} events were dropped: the bot's spool is full, or its disk is")
        if dead:
            problems.append(f"{dead} dead letters: see rosey dlq list")
        return Snapshot(
            time=now,
            seconds=now - (self._began if found.started is None else found.started),
            published=int(totals.value("rosey_bot_events_published_total")) if knows_bot else None,
            stored=stored,
            rejected=dead,
            waiting=waiting,
            held=int(totals.value("rosey_bot_outbox_depth_messages")),
            dropped=dropped,
            per_second=self._rate(now, taken if stored is None else stored),
            in_room=bool(rows) and all(row.state == "joined" for row in rows),
            frame_to_row=Latency.of(totals, "rosey_database_frame_to_row_seconds", before),
            publish_to_row=Latency.of(totals, "rosey_database_publish_to_row_seconds", before),
            channels=list(self._rooms.channels.values()),
            processes=found.processes,
            problems=_unique([*problems, *row_problems, *_told_by_none(rows, found), *found.problems]),
        )

    def _before(self, now: float, totals: Totals) -> Totals | None:
        """What was told a minute ago, or when this began; ``None`` where that was just now."""
        shortest, longest = _LATENCY_WINDOW_S
        self._looks.append((now, totals))
        while now - self._looks[0][0] > longest:
            self._looks.popleft()
        begun, before = self._looks[0]
        return before if now - begun >= shortest else None

    def _rate(self, now: float, count: float) -> float:
        if self._counted and count < self._counted[-1][1]:
            self._counted.clear()
        self._counted.append((now, count))
        while now - self._counted[0][0] > _RATE_WINDOW_S:
            self._counted.popleft()
        (begun, before), (ended, after) = self._counted[0], self._counted[-1]
        return (after - before) / (ended - begun) if ended > begun else 0.0

    async def _rows(self) -> tuple[list[Row], list[str]]:
        """The channels that bots tell of, and what keeps that from being known."""
        if not self._bus.is_connected:
            return [], []
        try:
            return await bucket.read(self._bus.client), []
        except Failure as failure:
            return [], [str(failure)]
        except ServiceUnavailableError:
            return [], [streams.NO_JETSTREAM]
        except (BusError, nats.errors.Error, TimeoutError) as error:
            return [], [f"NATS: {str(error) or type(error).__name__}"]

    async def _ask_nats(self) -> tuple[int, int, list[str]]:
        """How many messages the event stream ever took, how many dead letters there are, and what is wrong."""
        if self._bus.problem is not None:
            return 0, 0, [self._bus.problem]
        try:
            too_old = server_problem(self._bus.client)
            taken = await self._state("last_seq", streams.EVENTS)
            dead = await self._state("messages", streams.DEAD_LETTERS)
        except ServiceUnavailableError:
            return 0, 0, [streams.NO_JETSTREAM]
        except (BusError, nats.errors.Error, TimeoutError) as error:
            return 0, 0, [f"JetStream does not answer: {str(error) or type(error).__name__}"]
        problems = [] if too_old is None else [too_old]
        try:
            await connection.ask(self._bus, queries.ChannelStats(), None)
        except NoResponders:
            problems.append("no database service answers")
        except (BusError, Failure) as error:
            problems.append(f"the database service: {error}")
        return taken, dead, problems

    async def _state(self, what: str, stream: str) -> int:
        try:
            state: Any = (await self._bus.client.jsm().stream_info(stream)).state
        except NotFoundError:
            return 0
        return int(getattr(state, what))


def _told_by_none(rows: list[Row], found: Look) -> list[str]:
    """What is wrong with channels, unless their bot's own metrics say so, too."""
    if BOT in found.services:
        rows = [row for row in rows if row.state in ("untold", "invalid")]
    return [f"channel {row.key}: {row.problem or row.waits_for or row.state}" for row in rows if row.state != "joined"]


def _unique(problems: list[str]) -> list[str]:
    return list(dict.fromkeys(problems))
