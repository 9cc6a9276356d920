"""The command ``rosey`` as a whole: its version, and the help of each of its commands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from rosey_cli.main import app


def commands(command: Any = None, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """All commands and groups of commands, in words; not those whose programs have their own help."""
    command = typer.main.get_command(app) if command is None else command
    yield words
    for name, one in getattr(command, "commands", {}).items():
        if one.add_help_option:
            yield from commands(one, (*words, name))


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_each_command_has_help_that_can_be_read(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*words, "--help"])
    assert result.exit_code == 0
    assert f"Usage: {' '.join(('rosey', *words))}" in result.output
    assert "[[" not in result.output


@pytest.mark.parametrize("group", ["channel", "dlq", "config", "database", "token"])
def test_a_group_alone_lists_its_commands(group: str) -> None:
    result = CliRunner().invoke(app, [group])
    assert result.exit_code == 2
    assert "Commands" in result.output


@pytest.mark.parametrize("words", [["version"], ["--version"]], ids=" ".join)
def test_the_version_is_told(words: list[str]) -> None:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0
    assert result.stdout.startswith("rosey 0.")
