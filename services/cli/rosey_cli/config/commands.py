"""``rosey config``: its commands and their options."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from rosey_cli import terminal
from rosey_cli.config.listing import listing
from rosey_cli.config.migration import migrate_file
from rosey_cli.failure import Failure
from rosey_core.config import ConfigError
from rosey_core.config.document import Document, read
from rosey_core.config.loading import load_document
from rosey_core.config.schema import schema
from rosey_core.telemetry.logs import redacted

app = typer.Typer(
    name="config", help="Look at configurations, judge them, bring older ones to version 2.", no_args_is_help=True
)

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A configuration, JSON or YAML.")]
OptionalFileArgument = Annotated[
    Path | None,
    typer.Argument(metavar="FILE", help="A configuration, JSON or YAML (default: what the environment says)."),
]


@app.command()
def migrate(
    file: FileArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")] = False,
) -> None:
    """Bring a configuration of the original to version 2; what it was is kept beside it (.v1.bak)."""

    def work() -> int:
        try:
            report = migrate_file(file, dry_run=dry_run)
        except ConfigError as error:
            raise Failure(str(error)) from None
        sys.stdout.write(redacted("".join(f"{line}\n" for line in report)))
        return 0

    terminal.guarded(work)


@app.command("schema")
def print_schema() -> None:
    """Print the JSON Schema of a configuration, for editors and other tools."""
    sys.stdout.write(json.dumps(schema(), indent=2) + "\n")


@app.command()
def check(file: FileArgument) -> None:
    """Say whether a configuration is good; else everything that is wrong with it, and where."""

    def work() -> int:
        try:
            config, _ = load_document(read(file), os.environ)
        except ConfigError as error:
            sys.stderr.write(redacted(f"{error}\n"))
            return 1
        for warning in config.warnings:
            sys.stderr.write(redacted(f"{file}: warning: {warning}\n"))
        count = len(config.channels)
        sys.stdout.write(f"{file}: good, with {count or 'no'} channel{'s' if count != 1 else ''}\n")
        return 0

    terminal.guarded(work)


@app.command()
def show(file: OptionalFileArgument = None) -> None:
    """Show what a configuration comes to with the environment, without secrets, and what comes from where."""

    def work() -> int:
        try:
            config, document = load_document(Document() if file is None else read(file), os.environ)
        except ConfigError as error:
            raise Failure(str(error)) from None
        sys.stdout.write(listing(config, document))
        return 0

    terminal.guarded(work)
