"""Shows the events that are wanted, until somebody has seen enough."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from rosey_cli import connection, terminal
from rosey_cli.connection import Address
from rosey_cli.events import line, tail
from rosey_cli.events.filter import Filter
from rosey_cli.moments import moment
from rosey_cli.up.signals import handled
from rosey_core.bus import Bus


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked for.

    Attributes:
        wanted: which events.
        since: when to begin, as a person says it; ``None``: with the next event.
        follows: whether to wait for more when all of the stream is shown.
        as_json: whether each is a JSON object.
        limit: after how many to end; ``None``: never.
    """

    wanted: Filter
    since: str | None = None
    follows: bool = True
    as_json: bool = False
    limit: int | None = None


def run(address: Address, request: Request, clock: Callable[[], float] = time.time) -> int:
    """Show events until the end, Ctrl-C or a closed pipe; returns the exit code.

    Raises:
        Failure: NATS cannot be reached, or has no stream of events.
    """
    since = None if request.since is None else moment("--since", request.since, clock())

    async def work(bus: Bus) -> int:
        with handled(stop.set, stop.set):
            shown = asyncio.ensure_future(_show(bus, request, since, out))
            stopped = asyncio.ensure_future(stop.wait())
            await asyncio.wait({shown, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if shown.done():
                shown.result()
            shown.cancel()
            await asyncio.gather(shown, stopped, return_exceptions=True)
        return 0

    stop = asyncio.Event()
    out = terminal.Stream(sys.stdout)
    out.when_gone = stop.set
    return connection.run(address, work)


async def _show(bus: Bus, request: Request, since: float | None, out: terminal.Stream) -> None:
    _, last = await tail.state(bus.client)
    start = last + 1 if since is None else await tail.first_since(bus.client, since)
    if not request.follows and start > last:
        return
    shown = 0
    async with aclosing(tail.follow(bus, start)) as messages:
        async for message in messages:
            received = line.read(message)
            if request.wanted.wants(received):
                out.write((line.as_json if request.as_json else line.for_people)(received) + "\n")
                out.flush()
                shown += 1
            if shown == request.limit or (not request.follows and message.sequence >= last):
                return
