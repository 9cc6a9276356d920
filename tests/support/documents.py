"""What documents tell people to type, and what they name."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer
import typer.main

from rosey_cli.main import app

ROOT: Final = Path(__file__).parents[2]
DOCUMENTS: Final = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md", "charts/rosey/*.md", "manifests/*.md")
    for path in ROOT.glob(pattern)
)
_FENCE: Final = re.compile(r"^```\w*\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE)
_CODE: Final = re.compile(r"`(?P<text>[^`\n]+)`")
_ROSEY: Final[Any] = typer.main.get_command(app)

UsageError: Final[Any] = typer.BadParameter.__base__


def lines(text: str) -> Iterator[str]:
    """The lines of a document's blocks of code, without comments; a line that is continued is one."""
    for fence in _FENCE.finditer(text):
        for line in fence["text"].replace("\\\n", " ").splitlines():
            yield line.partition("  #")[0].strip()


def mentioned(text: str) -> Iterator[str]:
    """What a document sets in code within its sentences."""
    for code in _CODE.finditer(_FENCE.sub("", text)):
        yield code["text"]


def calls(text: str, *programs: str) -> Iterator[list[str]]:
    """The command lines of one of these programs, wherever it lies, in words, without variables before them."""
    for line in lines(text):
        try:
            words = shlex.split(line.replace("\\", "/"), comments=True)
        except ValueError:
            # Part of a text, such as one with an apostrophe.
            continue
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            del words[0]
        if words and Path(words[0]).name in programs:
            yield words


def parse(arguments: list[str]) -> None:
    """Read a command line of ``rosey`` without running it.

    Raises:
        KeyError: there is no such command.
        UsageError: it has no such options or arguments.
    """
    command, rest = _ROSEY, list(arguments)
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        command = command.commands[rest.pop(0)]
    if rest or not hasattr(command, "commands"):
        command.make_context("rosey", rest)


def is_command(words: list[str]) -> bool:
    """Whether the first of these are a command of ``rosey``, or a group of commands."""
    return words[0] in _ROSEY.commands
