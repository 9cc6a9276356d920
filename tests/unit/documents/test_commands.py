"""docs/commands.md says what the registry says, and its examples are commands."""

from __future__ import annotations

from rosey_bot.commands.arguments import parse_arguments, split_command
from rosey_bot.commands.router import default_registry
from tools import commands


def test_the_document_is_what_the_registry_says() -> None:
    assert commands.DOCUMENT.read_text(encoding="utf-8") == commands.document()


def test_each_command_has_an_example_that_is_one() -> None:
    registry = default_registry()
    assert set(commands.EXAMPLES) == {command.name for command in registry}
    for name, typed in commands.EXAMPLES.items():
        used, rest = split_command(typed)
        command = registry.get(used)
        assert command is not None
        assert command.name == name
        parse_arguments(rest, command.parameters)


def test_a_change_of_the_registry_would_be_noticed(monkeypatch) -> None:
    monkeypatch.setattr(commands, "default_registry", lambda: list(default_registry())[1:])
    assert commands.DOCUMENT.read_text(encoding="utf-8") != commands.document()
