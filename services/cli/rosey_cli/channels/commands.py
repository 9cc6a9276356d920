"""``rosey channel add``, ``remove`` and ``list``."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Final

import typer
from rich.table import Table

from rosey_cli import connection, terminal
from rosey_cli.connection import DataOption, NatsOption
from rosey_cli.failure import Failure
from rosey_core.bus import Bus
from rosey_core.channel_status import hindrance
from rosey_core.text import one_line

app = typer.Typer(help="Add and remove channels while the bot runs, and see how they fare.", no_args_is_help=True)

_REMARKS: Final = "what is to be known"
SecretOption = Annotated[
    str | None,
    typer.Option(
        metavar="file:NAME|env:NAME", help="Where the bot finds it: a file in its secrets_dir, or a variable."
    ),
]


@app.command()
def add(
    channel: Annotated[str, typer.Argument(help="Its name, or its address: https://cytu.be/r/lobby.")],
    server: Annotated[str | None, typer.Option(metavar="URL", help="The CyTube site.")] = None,
    user: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who the bot is there; a guest, if no account.")
    ] = None,
    password: SecretOption = None,
    channel_password: SecretOption = None,
    proxy: Annotated[
        str | None, typer.Option(metavar="URL", help="socks5://host:port or http://host:port; or as a secret.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait for what the bot says of it.")] = True,
    timeout: Annotated[float, typer.Option(min=0, metavar="S", help="For so many seconds at most.")] = 5.0,
    nats: NatsOption = None,
    data: DataOption = None,
) -> None:
    """Let the bot enter a channel, now and after every restart.

    One that is there is changed: what is not named stays, and '' takes an option away. Exit code 1 where the bot cannot
    use what was added.
    """
    from rosey_cli.channels import bucket, outcome

    async def work(bus: Bus) -> None:
        fields = {
            "channel": channel,
            "server": server,
            "user": user,
            "password": bucket.secret("--password", password),
            "channel_password": bucket.secret("--channel-password", channel_password),
            "proxy": bucket.reference(proxy),
        }
        added = await bucket.add(bus.client, {name: value for name, value in fields.items() if value is not None})
        sys.stdout.write(f"{added.key} {'changed' if added.was_there else 'added'}\n")
        if added.is_shadowed:
            sys.stderr.write("rosey: it is in the configuration file of a bot, too, and that is what counts there\n")
        elif wait:
            sys.stdout.flush()
            status = await outcome.wait(bus.client, added.key, added.revision, timeout)
            said = one_line(f"{added.key}: {outcome.described(status)}")
            if status is not None and status.state == "invalid":
                raise Failure(said)
            sys.stderr.write(f"rosey: {said}\n")

    connection.guarded(nats, data, work)


@app.command()
def remove(
    key: Annotated[str, typer.Argument(help="As rosey channel list shows it.")],
    nats: NatsOption = None,
    data: DataOption = None,
) -> None:
    """Let the bot leave a channel that was added at run time."""
    from rosey_cli.channels import bucket

    async def work(bus: Bus) -> None:
        await bucket.remove(bus.client, key)
        sys.stdout.write(f"{key} removed\n")

    connection.guarded(nats, data, work)


@app.command(name="list")
def list_channels(
    json: Annotated[bool, typer.Option("--json", help="Print each as a JSON object on a line.")] = False,
    nats: NatsOption = None,
    data: DataOption = None,
) -> None:
    """List the channels: how each fares, since when, and what it waits for."""
    from rosey_cli.channels import bucket

    async def work(bus: Bus) -> None:
        rows = await bucket.read(bus.client)
        if json:
            for row in rows:
                sys.stdout.write(connection.as_json(row) + "\n")
            return
        out = terminal.console(terminal.Stream(sys.stdout))
        if not rows:
            out.print("no channels")
            return
        table = Table(box=None, pad_edge=False)
        is_pool = len({row.worker for row in rows} - {None}) > 1
        for heading in ("channel", *(["bot"] if is_pool else []), "from", "state", "users", "since", _REMARKS):
            table.add_column(heading, justify="right" if heading == "users" else "left", overflow="fold")
        for row in rows:
            last = f"last time: {row.last_failure}" if row.last_failure and not row.problem else None
            remarks = [hindrance(row.problem, row.waits_for), last, row.note]
            table.add_row(
                one_line(row.key),
                *([one_line(row.worker or "")] if is_pool else []),
                row.origin,
                row.state,
                "" if row.users is None else str(row.users),
                "" if row.since is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(row.since)),
                "; ".join(one_line(remark) for remark in remarks if remark),
            )
        out.print(table)

    connection.guarded(nats, data, work)


@app.command()
def workers(
    json: Annotated[bool, typer.Option("--json", help="Print each as a JSON object on a line.")] = False,
    nats: NatsOption = None,
    data: DataOption = None,
) -> None:
    """List the bots of a pool: how many channels each holds, and whether it is about to go."""
    from rosey_cli.channels import pool

    async def work(bus: Bus) -> None:
        found = await pool.read(bus.client)
        if json:
            for worker in found:
                sys.stdout.write(connection.as_json(worker) + "\n")
            return
        out = terminal.console(terminal.Stream(sys.stdout))
        if not found:
            out.print("no pool: the bot here shares its channels with no other (bot.pool.enabled)")
            return
        table = Table(box=None, pad_edge=False)
        for heading in ("bot", "channels", "address group", _REMARKS):
            table.add_column(heading, justify="right" if heading == "channels" else "left", overflow="fold")
        for worker in found:
            remark = "hands its channels over and goes" if worker.draining else ""
            table.add_row(one_line(worker.worker), str(worker.channels), one_line(worker.address_group), remark)
        out.print(table)

    connection.guarded(nats, data, work)
