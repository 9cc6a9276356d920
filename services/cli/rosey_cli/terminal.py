"""The terminal: what it can show, and what is said to it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn, TextIO

import typer
from rich.console import Console

from rosey_cli.failure import Failure
from rosey_core.telemetry.logs import redacted


def console(stream: TextIO | None = None) -> Console:
    """A console on ``stream`` (standard output unless given) that takes all text literally."""
    return Console(file=stream or sys.stdout, markup=False, highlight=False, emoji=False)


def shows_unicode(target: Console) -> bool:
    """Whether it can show more than ASCII."""
    return not target.options.ascii_only


def fitting(text: str, target: Console) -> str:
    """``text`` with what the terminal's encoding lacks replaced by question marks."""
    encoding = target.encoding or "utf-8"
    return text.encode(encoding, "replace").decode(encoding, "replace")


def fail(error: Failure) -> NoReturn:
    """End the command with the error's text on standard error.

    Raises:
        typer.Exit: always.
    """
    sys.stderr.write(f"rosey: {redacted(str(error))}\n")
    raise typer.Exit(error.code)


def guarded(work: Callable[[], int]) -> NoReturn:
    """Do ``work``, and end the command with its exit code.

    Raises:
        typer.Exit: always.
    """
    try:
        code = work()
    except Failure as error:
        fail(error)
    raise typer.Exit(code)
