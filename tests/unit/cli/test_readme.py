"""What the README tells people to type exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from rosey_cli.main import app
from rosey_core import events, queries, subjects

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text()
LINES = [
    line.partition("  #")[0].strip()
    for block in re.findall(r"```\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
]
COMMANDS = typer.main.get_command(app)


def words(command: str) -> list[list[str]]:
    """The command lines of the README that begin so, in words."""
    return [shlex.split(line.partition(" #")[0]) for line in LINES if line.startswith(f"{command} ")]


def parse(arguments: list[str]) -> None:
    """Read a command line of ``rosey`` without running it; ends the test where it is none."""
    command = COMMANDS
    while hasattr(command, "commands"):
        command = command.commands[arguments.pop(0)]
    command.make_context("rosey", arguments)


@pytest.mark.parametrize("command", words("rosey"), ids=" ".join)
def test_each_command_of_rosey_exists(command: list[str]) -> None:
    parse(command[1:])


@pytest.mark.parametrize("command", words("make"), ids=" ".join)
def test_each_target_of_make_exists_and_takes_its_options(command: list[str]) -> None:
    target, *variables = command[1:]
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for variable in variables:
        parse(["up", *shlex.split(variable.removeprefix("ARGS="))])


@pytest.mark.parametrize("command", words("nats"), ids=" ".join)
def test_each_subject_is_one_and_its_payload_fits(command: list[str]) -> None:
    verb, subject, *payload = command[1:]
    if verb == "pub":
        events.decode(subject, payload[0].encode())
    elif verb == "req":
        template = next(known for known in subjects.REQUESTS if subject.startswith(known))
        queries.decode(template, subject, payload[0].encode())
    else:
        assert any(known.startswith(subject.removesuffix(">")) for known in subjects.EVENTS)


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)]+)\)", README))
def test_each_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def test_there_is_something_to_test() -> None:
    assert len(words("rosey")) >= 4
    assert len(words("make")) >= 7
    assert len(words("nats")) >= 4
