"""docs/migrating.md: its commands run on what the original left behind, and its way back leads there."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from rosey_cli.main import app
from rosey_core.config.migration import FLAT_TARGETS
from rosey_core.config.models import Config, Retention
from rosey_database import migrations
from rosey_database.migrations.original import TAKEN_OVER
from rosey_database.sqlite import Location
from tests.unit.database.originals import LATE, LATE_ROWS, make, read

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "migrating.md").read_text()
CONFIGURATION = ROOT / "tests" / "fixtures" / "configurations" / "v1_flat.json"

BLOCKS = [
    [shlex.split(line, comments=True) for line in block.splitlines()]
    for block in re.findall(r"```\n(.*?)```", TEXT, re.DOTALL)
]
MENTIONED = [shlex.split(command) for command in re.findall(r"`(rosey [^`]+)`", TEXT)]
LOOK, MOVE, START, BACK = BLOCKS
COMMANDS = typer.main.get_command(app)


@pytest.fixture
def left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the original left, in which the commands run."""
    monkeypatch.chdir(tmp_path)
    shutil.copyfile(CONFIGURATION, "config.json")
    make(tmp_path / "bot_data.db", LATE, LATE_ROWS)
    return tmp_path


def run(command: list[str]) -> str:
    """Run a command of the document; returns what it printed."""
    if command[0] != "rosey":
        subprocess.run(command, check=True)
        return ""
    result = CliRunner().invoke(app, command[1:])
    assert result.exit_code == 0, (command, result.output)
    return result.stdout


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_looking_changes_nothing(left_behind: Path) -> None:
    before = contents(left_behind)
    told = [run(command) for command in LOOK]
    assert contents(left_behind) == before
    assert "channel -> platforms.0.channel, platforms.0.channel_password" in told[0]
    assert "2 rows, hashed: they still validate" in told[1]
    assert "channel: lobby" in told[2]


def test_moving_and_the_way_back(left_behind: Path) -> None:
    before = contents(left_behind)
    rows = {table: read(left_behind / "bot_data.db", table) for table in LATE}
    for command in MOVE:
        run(command)
    assert json.loads(Path("config.json").read_text())["version"] == 2
    assert migrations.stored_revision(Location.of("bot_data.db")) == migrations.REVISIONS[-1]
    for command in BACK:
        run(command)
    assert contents(left_behind)["config.json"] == before["config.json"]
    assert migrations.stored_revision(Location.of("bot_data.db")) == migrations.ORIGINAL
    assert {table: read(left_behind / "bot_data.db", table) for table in LATE} == rows
    assert migrations.stored_revision(Location.of("bot_data.rosey.db")) == migrations.REVISIONS[-1]


@pytest.mark.parametrize("command", [*LOOK, *MOVE, *START, *MENTIONED], ids=" ".join)
def test_each_command_and_option_exists(command: list[str]) -> None:
    program, *arguments = command
    if program == "rosey":
        found = COMMANDS
        while arguments and hasattr(found, "commands"):
            found = found.commands[arguments.pop(0)]
        if arguments:
            found.make_context("rosey", arguments)
    else:
        service = {"rosey-bot": "bot", "rosey-database": "database"}[program]
        project = tomllib.loads((ROOT / "services" / service / "pyproject.toml").read_text())["project"]
        assert program in project["scripts"]


def test_the_table_of_keys_is_the_code_s() -> None:
    rows = TEXT.partition("| flat | version 2 |")[2].partition("\n\n")[0]
    named = set(re.findall(r"`(\w+)`", "\n".join(row.split("|")[1] for row in rows.splitlines()[2:])))
    assert named == {key for (key,) in FLAT_TARGETS}


def test_the_table_of_tables_is_the_code_s() -> None:
    rows = TEXT.partition("| the original's | becomes |")[2].partition("\n\n")[0].splitlines()[2:]
    named = set(re.findall(r"`(\w+)`", "\n".join(row.split("|")[1] for row in rows)))
    assert named == set(TAKEN_OVER) | set(LATE)


def test_figures_and_names_are_the_code_s() -> None:
    retention = Retention()
    assert f"chat {retention.chat_hours:g} hours, counts of users {retention.count_days:g} days" in TEXT
    assert f"sent messages {retention.outbound_days:g} days, revoked tokens\n{retention.tokens_days:g} days" in TEXT
    assert retention.actions_days == 365
    for section, key in re.findall(r"`(?:platforms\[0\])?(nats|database|logging)\.(\w+)`", TEXT):
        assert key in getattr(Config(), section).model_dump()
