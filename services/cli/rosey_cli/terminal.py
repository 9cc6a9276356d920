"""The terminal: what it can show, and what is said to it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import NoReturn, TextIO, cast

import typer
from rich.console import Console

from rosey_cli.failure import Failure
from rosey_core.telemetry.logs import redacted


class Stream:
    """A text stream that may lose its reader: a pipe that is closed, a terminal that is shut.

    From then on it takes everything and says nothing, also to whoever uses the wrapped stream itself.

    Args:
        stream: the stream to write to.
    """

    def __init__(self, stream: TextIO) -> None:
        self.when_gone: Callable[[], None] = lambda: None
        """Called when the reader is found to be gone."""
        self._stream = stream
        self._gone = False
        self.encoding = stream.encoding

    def write(self, text: str) -> int:
        """Write as far as somebody reads."""
        if not self._gone:
            try:
                return self._stream.write(text)
            except OSError:
                self._lose()
        return len(text)

    def flush(self) -> None:
        """Flush as far as somebody reads."""
        if not self._gone:
            try:
                self._stream.flush()
            except OSError:
                self._lose()

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Its descriptor."""
        return self._stream.fileno()

    def _lose(self) -> None:
        self._gone = True
        # What is in the buffer would fail once more when the interpreter ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)
        self.when_gone()


def console(stream: Stream) -> Console:
    """A console on ``stream`` that takes all text literally."""
    return Console(file=cast(TextIO, stream), markup=False, highlight=False, emoji=False)


def shows_pictures(out: Console) -> bool:
    """Whether a picture can be drawn over the one before; a terminal that is ``dumb`` can only add lines."""
    return out.is_terminal and not out.is_dumb_terminal


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
