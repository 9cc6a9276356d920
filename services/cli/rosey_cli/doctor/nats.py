"""Checks of NATS: the server, JetStream, the streams and what is in them, and who answers."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from typing import Final

import nats.errors
from nats.aio.client import Client
from nats.js.api import StreamInfo
from nats.js.errors import APIError, NotFoundError, ServiceUnavailableError

from rosey_cli import connection
from rosey_cli.doctor.finding import Finding, ok, problem, warning
from rosey_cli.failure import Failure
from rosey_core import queries, reachability, streams, subjects
from rosey_core.bus import Bus, BusError, NoResponders, server_problem, server_version
from rosey_core.config import Config
from rosey_database.ingest import lookup

NEARLY_FULL: Final = 0.9
LAG_SECONDS: Final = 10.0
LAG_MESSAGES: Final = 10_000
"""Beyond this ``rosey-database`` counts itself unready."""


async def check(
    config: Config, *, position: tuple[int, int] | None, clock: Callable[[], float] = time.time
) -> AsyncIterator[Finding]:
    """Look at NATS as far as it can be reached.

    Args:
        position: what the database has stored last: the stream's creation in Unix microseconds and the sequence;
            ``None`` where that is not known.
        clock: Unix seconds.
    """
    bus = Bus(**config.nats.options(), name="rosey")
    await bus.start()
    try:
        reason = await reachability.reach(bus, connection.CONNECT_S)
        if reason is not None:
            yield problem("nats", reachability.described(config.nats.url, reason), reachability.advice(reason))
            return
        client = bus.client
        too_old = server_problem(client)
        if too_old is not None:
            yield problem("nats", too_old, "install a newer nats-server, and start it on the same store")
            return
        yield ok("nats", f"nats-server {server_version(client)} at {config.nats.url}")
        jetstream = await _jetstream(client)
        yield jetstream
        if jetstream.advice:
            return
        async for finding in _streams(client, position, clock):
            yield finding
        yield await _service(bus)
    except (nats.errors.Error, BusError, TimeoutError) as error:
        yield problem("nats", f"does not answer: {str(error) or type(error).__name__}", "look into nats-server's log")
    finally:
        await bus.close()


async def _jetstream(client: Client) -> Finding:
    try:
        account = await client.jsm().account_info()
    except (ServiceUnavailableError, nats.errors.NoRespondersError):
        return problem(
            "jetstream",
            "this nats-server has none",
            "start it with --jetstream (-js) and a store directory, or with a jetstream block in its configuration",
        )
    except (nats.errors.TimeoutError, TimeoutError):
        return problem("jetstream", "does not answer", "give this user of NATS the right to publish on $JS.API.>")
    except APIError as error:
        return problem("jetstream", str(error.description), "enable JetStream for this account")
    limit = account.limits.max_storage
    if limit > 0 and account.storage > NEARLY_FULL * limit:
        return warning(
            "jetstream",
            f"{account.storage / 1e6:.0f} MB of the account's {limit / 1e6:.0f} MB are used",
            "raise the account's limit, or lower stream.max_bytes",
        )
    return ok("jetstream", f"is on, {account.storage / 1e6:.0f} MB used")


async def _streams(
    client: Client, position: tuple[int, int] | None, clock: Callable[[], float]
) -> AsyncIterator[Finding]:
    try:
        info = await client.jsm().stream_info(streams.EVENTS)
    except NotFoundError:
        yield warning(
            streams.EVENTS,
            "there is no such stream yet",
            "start rosey-database, which makes it; bots hold back till then",
        )
        return
    yield _event_stream(info)
    yield await _dead_letters(client)
    if position is not None:
        yield await _lag(client, info, position, clock)


def _event_stream(info: StreamInfo) -> Finding:
    missing = set(subjects.event_patterns()) - set(info.config.subjects or ())
    if missing:
        return problem(
            streams.EVENTS,
            f"does not take all events: {', '.join(sorted(missing)[:3])} ...",
            "start this version's rosey-database, which brings the stream up to date",
        )
    used, limit = info.state.bytes, info.config.max_bytes or 0
    if limit > 0 and used > NEARLY_FULL * limit:
        return warning(
            streams.EVENTS,
            f"{used / 1e6:.1f} of {limit / 1e6:.1f} MB are full: old events go before their time",
            "raise stream.max_bytes, so that a database that is away for long misses nothing",
        )
    return ok(streams.EVENTS, f"{info.state.messages} events, {used / 1e6:.1f} MB")


async def _dead_letters(client: Client) -> Finding:
    try:
        state = (await client.jsm().stream_info(streams.DEAD_LETTERS)).state
    except NotFoundError:
        return warning(streams.DEAD_LETTERS, "there is no such stream", "restart rosey-database, which makes it")
    if state.messages:
        return warning(
            streams.DEAD_LETTERS,
            f"{state.messages} events could not be stored",
            "see rosey dlq list; replay or drop them",
        )
    return ok(streams.DEAD_LETTERS, "no dead letters")


async def _lag(client: Client, info: StreamInfo, position: tuple[int, int], clock: Callable[[], float]) -> Finding:
    _, sequence = position
    state = info.state
    if state.last_seq < sequence:
        return warning(
            "lag",
            f"the database has stored up to {sequence}, the stream ends with {state.last_seq}",
            "the stream was made anew or set back: rosey-database notices and goes on by itself",
        )
    waiting = await lookup.next_message(client, streams.EVENTS, start=sequence + 1)
    if waiting is None:
        return ok("lag", "everything is stored")
    count, seconds = state.last_seq - waiting.sequence + 1, clock() - waiting.nanoseconds / 1e9
    text = f"{max(count, 1)} events wait, the oldest for {max(seconds, 0):.0f} s"
    advice = "see whether rosey-database runs, and what its /readyz and its log say"
    if count > LAG_MESSAGES:
        return problem("lag", text, advice)
    return warning("lag", text, advice) if seconds > LAG_SECONDS else ok("lag", text)


async def _service(bus: Bus) -> Finding:
    try:
        await connection.ask(bus, queries.ChannelStats(), None)
    except NoResponders:
        return problem("database service", "nobody answers requests", "start rosey-database on this NATS")
    except (BusError, Failure) as error:
        return problem(
            "database service", f"does not answer as it should: {error}", "see what its /readyz and its log say"
        )
    return ok("database service", "answers requests")
