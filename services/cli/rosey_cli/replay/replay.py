"""One replay, from a person's words to a count of events."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from nats.aio.client import Client
from nats.js.errors import NotFoundError

from rosey_cli import connection
from rosey_cli.connection import Address
from rosey_cli.failure import Failure
from rosey_cli.moments import moment
from rosey_cli.replay import selection as selections
from rosey_cli.replay.destinations import Destination, Pace, Subjects, lines, rebuilt
from rosey_cli.replay.selection import Selection
from rosey_cli.up.baseline import open_to_read
from rosey_core import streams, subjects
from rosey_core.bus import Bus
from rosey_core.service import BAD_CONFIGURATION
from rosey_database.ingest.consumer import ConsumerLost


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a person asks for; see the options of the command."""

    to: str
    since: str | None = None
    until: str | None = None
    channel: str | None = None
    subject: str | None = None
    rate: float | None = None
    default_channel: str | None = None


def run(address: Address, request: Request) -> int:
    """Replay, and say on standard error how many events it were; returns the exit code.

    Raises:
        Failure: the request cannot be understood, or met.
    """
    now = time.time()
    selection = Selection(
        since=None if request.since is None else moment("--since", request.since, now),
        until=None if request.until is None else moment("--until", request.until, now),
        channel=request.channel,
        subject=None if request.subject is None else selections.template(request.subject),
    )
    default = request.default_channel or _default_channel(address)

    async def work(bus: Bus) -> Sent:
        try:
            async with _destination(bus.client, request.to, selection, default) as destination:
                return await send(bus.client, selection, destination, request.rate)
        except NotFoundError:
            raise Failure(f"there is no stream {streams.EVENTS} yet: nothing was ever published") from None
        except ConsumerLost as lost:
            raise Failure(f"the stream could not be read to its end: {lost}") from None

    sent = connection.run(address, work)
    sys.stderr.write(f"{sent.events} events\n")
    if sent.left_out:
        sys.stderr.write(f"{sent.left_out} more could not go there and were left out: see rosey dlq list\n")
    return 0


class Sent(NamedTuple):
    """How many events have arrived, and how many more could not."""

    events: int
    left_out: int


async def send(client: Client, selection: Selection, destination: Destination, rate: float | None) -> Sent:
    """Send what is selected to its destination, at most ``rate`` events a second."""
    count = left_out = 0
    pace = None if rate is None else Pace(rate)
    async for messages in selections.read(client, selection):
        for part in [messages] if pace is None else pace.split(messages):
            left_out += await destination.take(part)
            count += len(part)
            if pace is not None:
                await pace.wait(len(part))
    return Sent(count - left_out, left_out)


@asynccontextmanager
async def _destination(
    client: Client, to: str, selection: Selection, default: str | None
) -> AsyncIterator[Destination]:
    kind, where = _parts(to)
    if kind == "subject" and _is_prefix(where):
        yield Subjects(client, where)
    elif kind == "file" and where:
        async with lines(where) as file:
            yield file
    elif kind == "database" and where:
        async with rebuilt(client, Path(where), default_channel=default, complete=selection.is_everything) as database:
            yield database
    else:
        raise Failure(
            f"--to: {to!r} should be subject:PREFIX, file:PATH or database:PATH; a prefix keeps clear of Rosey's own",
            BAD_CONFIGURATION,
        )


def _parts(to: str) -> tuple[str, str]:
    """What kind of destination it is, and which; no shell replaces the ``~`` of a path behind a colon."""
    kind, _, where = to.partition(":")
    return kind, where if kind == "subject" else os.path.expanduser(where)


def _is_prefix(text: str) -> bool:
    tokens = text.split(".")
    plain = all(token and not set(token) & set(" *>\t\r\n") for token in tokens)
    return plain and tokens[0] != subjects.DEAD_LETTERS.partition(".")[0] and not tokens[0].startswith(("$", "_"))


def _default_channel(address: Address) -> str | None:
    """The default channel of the database of the Rosey that is meant, where it can be seen from here."""
    if address.directory is None or not address.directory.database.exists():
        return None
    with closing(open_to_read(address.directory.database)) as connected:
        try:
            row = connected.execute("SELECT key FROM channels WHERE id = 1").fetchone()
        except sqlite3.Error:
            return None
    return str(row[0]) if row is not None and row[0] else None
