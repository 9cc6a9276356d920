"""Looks and shows, once or until somebody has seen enough."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.live import Live

from rosey_cli import connection, terminal
from rosey_cli.connection import Address
from rosey_cli.data_directory import health_urls
from rosey_cli.top import view
from rosey_cli.top.endpoints import Endpoints
from rosey_cli.top.observer import Observer
from rosey_cli.up.signals import handled
from rosey_cli.up.snapshot import Snapshot
from rosey_core import reachability
from rosey_core.bus import Bus

_SHORTEST_S: Final = 0.1


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked for.

    Attributes:
        metrics: where processes serve their metrics, beside those of a ``rosey up``.
        once: whether to look once.
        as_json: whether each look is a JSON object.
        interval: seconds between two looks.
    """

    metrics: Sequence[str] = ()
    once: bool = False
    as_json: bool = False
    interval: float = 1.0


def run(address: Address, request: Request) -> int:
    """Show how things are; returns the exit code: with ``once`` 1 where something is wrong.

    Raises:
        Failure: neither NATS nor a process can be reached.
    """
    return asyncio.run(_run(address, request))


async def _run(address: Address, request: Request) -> int:
    # The picture says what the log would.
    logging.getLogger(Bus.__module__).setLevel(logging.CRITICAL)
    bus = Bus(**address.nats.options(), name="rosey")
    await bus.start()
    endpoints = Endpoints(lambda: _urls(address, request))
    observer = Observer(bus, endpoints)
    try:
        reason = await reachability.reach(bus, connection.CONNECT_S)
        if reason is not None and not (await endpoints.look()).services:
            raise connection.unreachable(address.nats.url, reason)
        await observer.start()
        if request.once:
            # A rate takes two looks.
            await observer.look()
            await asyncio.sleep(request.interval)
            snapshot = await observer.look()
            terminal.Stream(sys.stdout).write(_text(snapshot, request))
            return int(bool(snapshot.problems))
        await _go_on(observer, request, address.nats.url)
        return 0
    finally:
        await observer.stop()
        await bus.close()


def _urls(address: Address, request: Request) -> dict[str, str]:
    named = {url: url for url in request.metrics}
    return named if address.directory is None else named | health_urls(address.directory.ready_files)


def _text(snapshot: Snapshot, request: Request) -> str:
    lines = [json.dumps(view.as_object(snapshot))] if request.as_json else view.as_lines(snapshot)
    return "".join(f"{line}\n" for line in lines)


async def _go_on(observer: Observer, request: Request, title: str) -> None:
    stop = asyncio.Event()
    stream = terminal.Stream(sys.stdout)
    stream.when_gone = stop.set
    out = terminal.console(stream)
    live = None
    if terminal.shows_pictures(out) and not request.as_json:
        live = Live(console=out, screen=True, auto_refresh=False, redirect_stderr=False)
    with handled(stop.set, stop.set):
        if live is not None:
            live.start()
        try:
            while not stop.is_set():
                snapshot = await observer.look()
                if live is None:
                    stream.write(_text(snapshot, request))
                    stream.flush()
                else:
                    live.update(view.picture(snapshot, title), refresh=True)
                try:
                    await asyncio.wait_for(stop.wait(), max(request.interval, _SHORTEST_S))
                except TimeoutError:
                    pass
        finally:
            if live is not None:
                live.stop()
