"""``rosey bench``: the benchmarks of a checkout, which bring the processes that they measure with them.

``rosey bench release`` measures a release that is there, and needs no checkout: the image of the tools has it.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from rosey_cli import terminal
from rosey_cli.failure import Failure

_REPORT: Final = "benchmarks"
_RELEASE: Final = "benchmarks.release"
_HANDED_ON: Final = {"ignore_unknown_options": True, "allow_extra_args": True}
"""For commands whose programs know their options, and their help."""


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


def options(*, quick: bool, long: bool, only: Iterable[str], output: Path | None) -> list[str]:
    """What the report's program is started with."""
    made = ["--quick"] * quick + ["--long"] * long
    made += [argument for name in only for argument in ("--only", name)]
    return made + ([] if output is None else ["--output", str(output.absolute())])


def _start(module: str, arguments: list[str], directory: Path | None) -> int:
    command = [sys.executable, "-m", module, *arguments]
    if sys.platform == "win32":
        return subprocess.run(command, cwd=directory, check=False).returncode  # noqa: S603
    # In the place of this process: whoever asks that to end asks the benchmarks.
    if directory is not None:
        os.chdir(directory)
    os.execv(command[0], command)  # noqa: S606


def _measure(module: str, arguments: list[str]) -> NoReturn:
    def work() -> int:
        root = checkout((Path.cwd(), Path(__file__).resolve()))
        if importlib.util.find_spec("pytest") is None:
            raise Failure("The benchmarks need pytest, as `make install` installs it.")
        return _start(module, arguments, root)

    terminal.guarded(work)


app = typer.Typer()


@app.callback(invoke_without_command=True)
def report(
    context: typer.Context,
    quick: Annotated[
        bool, typer.Option("--quick", help="A short form of each; leaves the kept results alone.")
    ] = False,
    long: Annotated[bool, typer.Option("--long", help="The hour of memory stability, too.")] = False,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="This benchmark only; may be given again.")
    ] = None,
    output: Annotated[Path | None, typer.Option(metavar="PATH", help="Where the results go.")] = None,
) -> None:
    """Measure this Rosey on this machine, and write benchmarks/BENCHMARK_RESULTS.md; under five minutes.

    Exit code 1 where a requirement is not met, or an event was lost or doubled.
    """
    if context.invoked_subcommand is None:
        _measure(_REPORT, options(quick=quick, long=long, only=only or (), output=output))


@app.command(add_help_option=False, context_settings=_HANDED_ON)
def saturation(context: typer.Context) -> None:
    """Search the highest rate that holds, for 1, 10 and 100 channels; ten minutes."""
    _measure("benchmarks.saturation", context.args)


@app.command(add_help_option=False, context_settings=_HANDED_ON)
def path(context: typer.Context) -> None:
    """Measure the goals of the event path; twenty minutes."""
    _measure("benchmarks.path", context.args)


@app.command(add_help_option=False, context_settings=_HANDED_ON)
def release(context: typer.Context) -> None:
    """Measure a release that is installed, over its NATS; two to three minutes."""

    def work() -> int:
        # Where the package is on the path already, as in the image, nobody has to look for a checkout.
        is_installed = importlib.util.find_spec("benchmarks") is not None
        root = None if is_installed else checkout((Path.cwd(), Path(__file__).resolve()))
        return _start(_RELEASE, context.args, root)

    terminal.guarded(work)
