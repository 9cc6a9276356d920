"""``rosey dlq list``, ``show``, ``replay`` and ``drop``."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from rosey_cli import connection, terminal
from rosey_cli.connection import DataOption, NatsOption
from rosey_cli.failure import Failure
from rosey_core.bus import Bus
from rosey_core.service import BAD_CONFIGURATION
from rosey_core.text import one_line

app = typer.Typer(help="Look after the events that could not be stored.", no_args_is_help=True)

Numbers = Annotated[list[int] | None, typer.Argument(metavar="NUMBER...", help="As rosey dlq list shows them.")]
AllOption = Annotated[bool, typer.Option("--all", help="All there are.")]


@app.command(name="list")
def list_letters(
    each: Annotated[bool, typer.Option("--each", help="One line for each, instead of one for each reason.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print each as a JSON object on a line.")] = False,
    nats: NatsOption = None,
    data: DataOption = None,
) -> None:
    """List the dead letters: how often, when, on which subject, why."""
    from rosey_cli.dead_letters import letters

    async def work(bus: Bus) -> None:
        found = await letters.read_all(bus.client)
        if json:
            for letter in found:
                sys.stdout.write(msgspec.json.encode(letter).decode() + "\n")
            return
        out = terminal.console(terminal.Stream(sys.stdout))
        if not found:
            out.print("no dead letters")
            return
        table = Table(box=None, pad_edge=False)
        for heading in ("number", "times", "last", "subject", "reason"):
            table.add_column(heading, justify="right" if heading in ("number", "times") else "left", overflow="fold")
        groups = letters.grouped(found)
        if each:
            groups = [letters.Group(first=letter, last=letter, count=1) for letter in found]
        for group in groups:
            last = group.last
            table.add_row(
                str(last.number),
                str(group.count),
                _time(last.nanoseconds),
                one_line(last.subject),
                one_line(last.reason),
            )
        out.print(table)

    connection.guarded(nats, data, work)


@app.command()
def show(
    number: Annotated[int, typer.Argument(help="As rosey dlq list shows it.")],
    nats: NatsOption = None,
    data: DataOption = None,
) -> None:
    """Show one with its payload."""
    from rosey_cli.dead_letters import letters

    async def work(bus: Bus) -> None:
        letter, payload = await letters.read(bus.client, number)
        out = terminal.console(terminal.Stream(sys.stdout))
        kept = f", of which {len(payload)} are kept" if letter.is_excerpt else ""
        for name, value in (
            ("reason", letter.reason),
            ("subject", letter.subject),
            ("time", _time(letter.nanoseconds)),
            ("sequence", str(letter.sequence)),
            ("size", f"{letter.size} bytes{kept}"),
            ("payload", payload.decode(errors="backslashreplace")),
        ):
            out.print(f"{name:<10}{one_line(value)}", soft_wrap=True)

    connection.guarded(nats, data, work)


@app.command()
def replay(
    numbers: Numbers = None, all_of_them: AllOption = False, nats: NatsOption = None, data: DataOption = None
) -> None:
    """Publish events once more; their dead letters are dropped."""
    from rosey_cli.dead_letters import letters

    async def work(bus: Bus) -> None:
        for number in await _chosen(bus, numbers, all_of_them):
            letter = await letters.replay(bus.client, number)
            sys.stdout.write(f"{number} published on {one_line(letter.subject)}\n")

    connection.guarded(nats, data, work)


@app.command()
def drop(
    numbers: Numbers = None, all_of_them: AllOption = False, nats: NatsOption = None, data: DataOption = None
) -> None:
    """Delete dead letters for good."""
    from rosey_cli.dead_letters import letters

    async def work(bus: Bus) -> None:
        for number in await _chosen(bus, numbers, all_of_them):
            await letters.drop(bus.client, number)
            sys.stdout.write(f"{number} dropped\n")

    connection.guarded(nats, data, work)


async def _chosen(bus: Bus, numbers: list[int] | None, all_of_them: bool) -> list[int]:
    from rosey_cli.dead_letters import letters

    if bool(numbers) == all_of_them:
        raise Failure("name the numbers of dead letters, or say --all", BAD_CONFIGURATION)
    if not all_of_them:
        return numbers or []
    found = [letter.number for letter in await letters.read_all(bus.client)]
    if not found:
        sys.stdout.write("no dead letters\n")
    return found


def _time(nanoseconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(nanoseconds / 1e9))
