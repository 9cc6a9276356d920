"""``rosey events``: its options."""

from __future__ import annotations

from typing import Annotated

import typer

from rosey_cli import connection, terminal
from rosey_cli.connection import DataOption, NatsOption


def events(
    channel: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only events of this channel; may be repeated.")
    ] = None,
    subject: Annotated[
        list[str] | None,
        typer.Option("--subject", "--type", metavar="SUBJECT", help="Only this event: message.log; may be repeated."),
    ] = None,
    user: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only what names this user; may be repeated.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Begin in the past: 2026-11-20T18:00, or 10m for so long ago.")
    ] = None,
    follow: Annotated[bool, typer.Option(help="Go on with what comes; or end with what is there.")] = True,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="End after so many.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print each as a JSON object on a line.")] = False,
    nats: NatsOption = None,
    data: DataOption = None,
) -> None:
    """Show events as they happen, one a line; what is in the stream and is no event is shown as such."""

    def work() -> int:
        # The database's own packages take long to import: other commands do without.
        from rosey_cli.events import show
        from rosey_cli.events.filter import Filter
        from rosey_cli.replay.selection import template

        wanted = Filter(
            channels=frozenset(connection.key(name) or "" for name in channel or ()),
            subjects=frozenset(map(template, subject or ())),
            users=frozenset(user or ()),
        )
        request = show.Request(wanted=wanted, since=since, follows=follow, as_json=json, limit=limit)
        return show.run(connection.find(nats, data), request)

    terminal.guarded(work)
