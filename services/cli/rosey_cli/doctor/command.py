"""``rosey doctor``: its options."""

from __future__ import annotations

import asyncio
import json as jsons
import sys
from pathlib import Path
from typing import Annotated

import typer

from rosey_cli import terminal
from rosey_cli.connection import DataOption


def doctor(
    config: Annotated[
        Path | None,
        typer.Argument(
            metavar="CONFIG",
            help="A configuration (default: that of the rosey up that runs here, else what the environment says).",
            show_default=False,
        ),
    ] = None,
    login: Annotated[
        bool,
        typer.Option("--login", help="Also log in to the channels; a bot that is there by that name is thrown out."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the findings as one JSON object.")] = False,
    data: DataOption = None,
) -> None:
    """Say what is wrong with a set-up, and what to do; exit code 1 where there is a problem."""

    def work() -> int:
        # The services' own packages take long to import: other commands do without.
        from rosey_cli.doctor import examination
        from rosey_cli.doctor.finding import Finding, summary, verdict

        out = terminal.Stream(sys.stdout)

        async def examine() -> list[Finding]:
            findings = []
            async for finding in examination.examine(examination.configuration(config, data), logs_in=login):
                findings.append(finding)
                if not json:
                    out.write("".join(f"{line}\n" for line in finding.as_lines()))
                    out.flush()
            return findings

        findings = asyncio.run(examine())
        if json:
            report = {"ok": not verdict(findings), "findings": [finding.as_object() for finding in findings]}
            out.write(jsons.dumps(report) + "\n")
        else:
            out.write(f"{summary(findings)}\n")
        return verdict(findings)

    terminal.guarded(work)
