"""``rosey stats`` and ``rosey user``: what the database knows."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

import typer
from rich.table import Table

from rosey_cli import connection, terminal
from rosey_cli.connection import ChannelOption, DataOption, NatsOption
from rosey_cli.failure import Failure
from rosey_core import queries
from rosey_core.bus import Bus
from rosey_core.events import LONGEST_NAME
from rosey_core.text import one_line

JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as one JSON object.")]


def stats(
    channel: ChannelOption = None, nats: NatsOption = None, data: DataOption = None, json: JsonOption = False
) -> None:
    """Show a channel's statistics: its peaks, its users, who talks most."""

    def work() -> int:
        reply = _answer(queries.ChannelStats(), channel, nats, data)
        if json:
            sys.stdout.write(connection.as_json(reply) + "\n")
        else:
            _show_channel(reply)
            if channel is not None and not reply.total_users_seen:
                sys.stderr.write(
                    f"rosey: nobody was ever seen in {channel}: is that its key, as rosey channel list has it?\n"
                )
        return 0

    terminal.guarded(work)


def user(
    name: Annotated[str, typer.Argument(help="The user's name, in any case.")],
    channel: ChannelOption = None,
    nats: NatsOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Show what is known of a user; exit code 1 for one who was never seen."""
    if not name:
        raise typer.BadParameter("is empty: whose?", param_hint="name")
    if len(name) > LONGEST_NAME:
        raise typer.BadParameter(f"has {len(name)} characters: no name has more than {LONGEST_NAME}", param_hint="name")

    def work() -> int:
        reply = _answer(queries.UserStats(username=name), channel, nats, data)
        if json:
            sys.stdout.write(connection.as_json(reply) + "\n")
        elif reply.found:
            _show_user(reply)
        else:
            raise Failure(str(reply.message))
        return 0 if reply.found else 1

    terminal.guarded(work)


def _answer(question: queries.Request, channel: str | None, nats: str | None, data: Any) -> Any:
    async def ask(bus: Bus) -> Any:
        return await connection.ask(bus, question, channel)

    return connection.run(connection.find(nats, data), ask)


def _show_channel(reply: queries.ChannelStatistics) -> None:
    out = terminal.console(terminal.Stream(sys.stdout))
    peak, connected = reply.high_water_mark, reply.high_water_connected
    out.print(f"most users in chat   {peak.users}{_when(peak.timestamp)}")
    out.print(f"most connections     {connected.users}{_when(connected.timestamp)}")
    out.print(f"users ever seen      {reply.total_users_seen}")
    if reply.top_chatters:
        out.print("\ntop chatters")
        table = Table(box=None, show_header=False)
        table.add_column(justify="right")
        table.add_column()
        for chatter in reply.top_chatters:
            table.add_row(str(chatter.chat_lines), one_line(chatter.username))
        out.print(table)


def _show_user(reply: queries.UserStatistics) -> None:
    out = terminal.console(terminal.Stream(sys.stdout))
    out.print(one_line(reply.username))
    out.print(f"first seen      {_date(reply.first_seen)}")
    out.print(f"last seen       {_date(reply.last_seen)}")
    out.print(f"chat lines      {reply.total_chat_lines}")
    out.print(f"time connected  {_span(reply.total_time_connected)}")
    if isinstance(reply.current_session_start, int):
        out.print(f"here since      {_date(reply.current_session_start)}")


def _date(timestamp: object) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(timestamp)) if isinstance(timestamp, int) else "unknown"


def _when(timestamp: int | None) -> str:
    return "" if timestamp is None else f" on {_date(timestamp)}"


def _span(seconds: object) -> str:
    if not isinstance(seconds, int):
        return "unknown"
    hours, rest = divmod(seconds, 3600)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"
