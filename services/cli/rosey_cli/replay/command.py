"""``rosey replay``: its options."""

from __future__ import annotations

from typing import Annotated

import typer

from rosey_cli import connection, terminal
from rosey_cli.connection import DataOption, NatsOption


def replay(
    to: Annotated[
        str,
        typer.Option(
            metavar="WHERE",
            help="subject:PREFIX publishes below a prefix, file:PATH writes JSON lines (file:- to standard output), "
            "database:PATH rebuilds a database in a new file.",
        ),
    ],
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="2026-11-20T18:00, or 2h for two hours ago.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="As --since.")] = None,
    channel: Annotated[str | None, typer.Option(metavar="NAME", help="Only events of this channel.")] = None,
    subject: Annotated[str | None, typer.Option(metavar="SUBJECT", help="Only this event: message.log.")] = None,
    rate: Annotated[float | None, typer.Option(min=0.01, metavar="N", help="At most so many events a second.")] = None,
    default_channel: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of a rebuilt database (default: that of the rosey up that runs here)."),
    ] = None,
    nats: NatsOption = None,
    data: DataOption = None,
) -> None:
    """Read the event stream again, and send what is found somewhere."""

    def work() -> int:
        # The database's own packages take long to import: other commands do without.
        from rosey_cli.replay import replay as replaying

        request = replaying.Request(
            to=to,
            since=since,
            until=until,
            channel=connection.key(channel),
            subject=subject,
            rate=rate,
            default_channel=connection.key(default_channel, "--default-channel"),
        )
        return replaying.run(connection.find(nats, data), request)

    terminal.guarded(work)
