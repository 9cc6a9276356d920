"""``rosey bench``: the benchmarks of a checkout, which bring the processes that they measure with them."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from rosey_cli import terminal
from rosey_cli.failure import Failure

_MODULES: Final = {"report": "benchmarks", "saturation": "benchmarks.saturation", "path": "benchmarks.path"}


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


def bench(
    what: Annotated[
        What,
        typer.Argument(
            help="report: the ten benchmarks; saturation: the highest rate that holds; path: the event path's goals.",
        ),
    ] = What.REPORT,
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

    def work() -> int:
        root = checkout((Path.cwd(), Path(__file__).resolve()))
        if importlib.util.find_spec("pytest") is None:
            raise Failure("The benchmarks need pytest, as `make install` installs it.")
        started = command(what, quick=quick, long=long, only=only or (), output=output)
        return subprocess.run(started, cwd=root, check=False).returncode  # noqa: S603

    terminal.guarded(work)
