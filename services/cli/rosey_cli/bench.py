"""``rosey bench``: the benchmarks of a checkout, which bring the processes that they measure with them.

``rosey bench release`` measures a release that is there, and needs no checkout: the image of the tools has it.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from rosey_cli import terminal
from rosey_cli.failure import Failure

_MODULES: Final = {"report": "benchmarks", "saturation": "benchmarks.saturation", "path": "benchmarks.path"}
_RELEASE: Final = "benchmarks.release"


class What(StrEnum):
    """Which measurement."""

    REPORT = "report"
    SATURATION = "saturation"
    PATH = "path"


def checkout(starts: Iterable[Path]) -> Path:
    """The first directory, from one of ``starts`` upwards, that holds the benchmarks.

    Raises:
        Failure: none does.
    """
    for start in starts:
        for directory in (start, *start.parents):
            if (directory / "benchmarks" / "__main__.py").is_file() and (directory / "services").is_dir():
                return directory
    raise Failure("The benchmarks come with Rosey's repository, not with its packages: run this in a checkout of it.")


def command(
    what: What, *, quick: bool, long: bool, only: Iterable[str], output: Path | None, python: str = sys.executable
) -> list[str]:
    """What is started for these options."""
    options = ["--quick"] * quick + ["--long"] * long
    options += [argument for name in only for argument in ("--only", name)]
    options += [] if output is None else ["--output", str(output.absolute())]
    return [python, "-m", _MODULES[what], *options]


def _start(command: list[str], directory: Path | None) -> int:
    return subprocess.run(command, cwd=directory, check=False).returncode  # noqa: S603


def _measure(what: What, *, quick: bool, long: bool, only: list[str] | None, output: Path | None) -> NoReturn:
    def work() -> int:
        root = checkout((Path.cwd(), Path(__file__).resolve()))
        if importlib.util.find_spec("pytest") is None:
            raise Failure("The benchmarks need pytest, as `make install` installs it.")
        return _start(command(what, quick=quick, long=long, only=only or (), output=output), root)

    terminal.guarded(work)


QuickOption = Annotated[bool, typer.Option("--quick", help="A short form of each; leaves the kept results alone.")]
OnlyOption = Annotated[list[str] | None, typer.Option(metavar="NAME", help="This benchmark only; may be given again.")]
OutputOption = Annotated[Path | None, typer.Option(metavar="PATH", help="Where the results go.")]

app = typer.Typer()


@app.callback(invoke_without_command=True)
def report(
    context: typer.Context,
    quick: QuickOption = False,
    long: Annotated[bool, typer.Option("--long", help="The hour of memory stability, too.")] = False,
    only: OnlyOption = None,
    output: OutputOption = None,
) -> None:
    """Measure this Rosey on this machine, and write benchmarks/BENCHMARK_RESULTS.md; under five minutes.

    Exit code 1 where a requirement is not met, or an event was lost or doubled.
    """
    if context.invoked_subcommand is None:
        _measure(What.REPORT, quick=quick, long=long, only=only, output=output)


@app.command()
def saturation(quick: QuickOption = False, output: OutputOption = None) -> None:
    """Search the highest rate that holds, for 1, 10 and 100 channels; ten minutes."""
    _measure(What.SATURATION, quick=quick, long=False, only=None, output=output)


@app.command()
def path(quick: QuickOption = False, only: OnlyOption = None, output: OutputOption = None) -> None:
    """Measure the goals of the event path; twenty minutes."""
    _measure(What.PATH, quick=quick, long=False, only=only, output=output)


@app.command(add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def release(context: typer.Context) -> None:
    """Measure a release that is installed, over its NATS: `rosey bench release --help` tells how."""

    def work() -> int:
        # Where the package is on the path already, as in the image, nobody has to look for a checkout.
        is_installed = importlib.util.find_spec("benchmarks") is not None
        root = None if is_installed else checkout((Path.cwd(), Path(__file__).resolve()))
        return _start([sys.executable, "-m", _RELEASE, *context.args], root)

    terminal.guarded(work)
