"""``rosey top``: its options."""

from __future__ import annotations

from typing import Annotated

import typer

from rosey_cli import connection, terminal
from rosey_cli.connection import DataOption, NatsOption
from rosey_cli.failure import Failure
from rosey_core.service import BAD_CONFIGURATION


def top(
    metrics: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Where a process serves its metrics: http://host:9100; may be repeated."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Look once; exit code 1 where something is wrong.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print each look as a JSON object on a line.")] = False,
    interval: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="Time between two looks.")] = 1.0,
    nats: NatsOption = None,
    data: DataOption = None,
) -> None:
    """Show how a running Rosey does: its channels, rates, latency and processes; what is wrong now on top.

    NATS tells of channels; what is stored, how fast, and of the processes, their metrics tell.
    """

    def work() -> int:
        # The services' own packages take long to import: other commands do without.
        from rosey_cli.top import show

        urls = [url.rstrip("/").removesuffix("/metrics") for url in metrics or ()]
        for url in urls:
            if not url.startswith(("http://", "https://")):
                raise Failure(f"--metrics: {url!r} is no address like http://localhost:9100", BAD_CONFIGURATION)
        request = show.Request(metrics=urls, once=once, as_json=json, interval=interval)
        return show.run(connection.find(nats, data), request)

    terminal.guarded(work)
