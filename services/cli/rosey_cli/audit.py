"""``rosey audit``: who told the bot to do what, and what came of it."""

from __future__ import annotations

import sys
import time
from enum import StrEnum
from typing import Annotated, Final

import typer
from rich.table import Table

from rosey_cli import connection, terminal
from rosey_cli.connection import ChannelOption, DataOption, NatsOption
from rosey_cli.moments import moment
from rosey_core import queries
from rosey_core.bus import Bus
from rosey_core.text import one_line

PAGE: Final = 200
"""Rows asked for at once: what others have published may be long, and an answer has to fit into one message."""


class Result(StrEnum):
    """What a command may have come to."""

    PENDING = "pending"
    SUCCESS = "success"
    ERROR = "error"
    UNKNOWN = "unknown"


def audit(
    channel: ChannelOption = None,
    user: Annotated[str | None, typer.Option(metavar="NAME", help="Only what this user did.")] = None,
    command: Annotated[str | None, typer.Option(metavar="NAME", help="Only this command.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="2026-11-20, 2026-11-20T18:00, or 3h for three hours ago.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="As --since; that moment is left out.")] = None,
    result: Annotated[Result | None, typer.Option(help="Only what came to this.")] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="The newest so many.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="Print each as a JSON object on a line.")] = False,
    nats: NatsOption = None,
    data: DataOption = None,
) -> None:
    """Show what moderators told the bot to do, and what came of it, the newest last."""

    def work() -> int:
        now = time.time()
        question = queries.Audit(
            user=user,
            command=command,
            since=0 if since is None else max(moment("--since", since, now), 0),
            until=None if until is None else max(moment("--until", until, now), 0),
            result=None if result is None else result.value,
        )

        async def ask(bus: Bus) -> list[queries.Action]:
            return await search(bus, question, channel, limit + 1)

        newest = connection.run(connection.find(nats, data), ask)
        actions = newest[:limit][::-1]
        if json:
            for action in actions:
                sys.stdout.write(connection.as_json(action) + "\n")
        else:
            _show(actions)
        if len(newest) > limit:
            sys.stderr.write(f"rosey: there are more; these are the newest {limit} (--limit)\n")
        return 0

    terminal.guarded(work)


async def search(bus: Bus, question: queries.Audit, channel: str | None, limit: int) -> list[queries.Action]:
    """The newest ``limit`` actions that are asked for, newest first.

    Raises:
        Failure: the database says why it could not answer.
        BusError: there was no answer.
    """
    found: dict[int, queries.Action] = {}
    offset = 0
    while len(found) < limit:
        size = min(PAGE, limit - len(found))
        page = queries.Audit(
            user=question.user,
            command=question.command,
            since=question.since,
            until=question.until,
            result=question.result,
            limit=size,
            offset=offset,
        )
        reply: queries.Actions = await connection.ask(bus, page, channel)
        # What has happened since the page before pushes rows of that page onto this one.
        found |= {action.id: action for action in reply.actions}
        offset += len(reply.actions)
        if len(reply.actions) < size:
            break
    return list(found.values())


def _show(actions: list[queries.Action]) -> None:
    out = terminal.console(terminal.Stream(sys.stdout))
    if not actions:
        out.print("nothing on record")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("time", "user", "command", "arguments", "result"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "time")
    for action in actions:
        table.add_row(*map(one_line, _cells(action)))
    out.print(table)


def _cells(action: queries.Action) -> tuple[str, str, str, str, str]:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(action.timestamp))
    result = action.result or ""
    if action.command is None:
        return when, action.username, action.action_type, action.details or "", result
    came_to = f"{result}: {action.error}" if action.error else result
    return when, action.username, action.command, action.args or "", came_to
