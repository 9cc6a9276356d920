"""The command ``rosey``."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from typing import Annotated

import typer

from rosey_cli import bench, ending, tokens
from rosey_cli.audit import audit
from rosey_cli.backup.commands import backup, restore
from rosey_cli.channels import commands as channels
from rosey_cli.config import commands as config
from rosey_cli.database import commands as database
from rosey_cli.dead_letters import commands as dead_letters
from rosey_cli.doctor.command import doctor
from rosey_cli.events.command import events
from rosey_cli.replay.command import replay
from rosey_cli.statistics import stats, user
from rosey_cli.top.command import top
from rosey_cli.up.command import up

app = typer.Typer(
    name="rosey",
    help="Rosey, a bot for CyTube channels: run it, ask it, look after it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def tell_version(is_asked: bool) -> None:
    """Say which Rosey this is, and on what it runs, and end; nothing where that is not asked."""
    if is_asked:
        sys.stdout.write(f"rosey {importlib.metadata.version('rosey-cli')}, Python {platform.python_version()}\n")
        raise typer.Exit


@app.callback()
def prepare(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=tell_version, is_eager=True, help="Say which Rosey this is, and end."),
    ] = False,
) -> None:
    """Make sure that no character ends a command because the terminal lacks it, and that it ends in good order."""
    context.with_resource(ending.heeded())
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


@app.command()
def version() -> None:
    """Say which Rosey this is, and on what it runs."""
    tell_version(True)


app.command()(up)
app.command()(stats)
app.command()(user)
app.command()(audit)
app.command()(top)
app.command()(events)
app.command()(doctor)
app.add_typer(channels.app, name="channel")
app.add_typer(dead_letters.app, name="dlq")
app.add_typer(config.app, name="config")
app.add_typer(database.app, name="database")
app.command()(replay)
app.command()(backup)
app.command()(restore)
app.add_typer(tokens.app, name="token")
app.add_typer(bench.app, name="bench")
