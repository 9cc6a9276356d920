"""Each alert rule rests on metrics of the code, has a runbook of commands that exist, and is tested both ways."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import click
import pytest
import typer.main
import yaml

from rosey_cli.main import app
from tools import metrics

ROOT: Final = Path(__file__).parents[3]
ALERTS: Final = ROOT / "observability" / "alerts"
ALERT_TESTS: Final = ROOT / "observability" / "alert_tests"
RUNBOOKS: Final = ROOT / "docs" / "runbooks"


def rules() -> dict[str, dict[str, Any]]:
    """All rules by name."""
    groups = [group for file in ALERTS.glob("*.yaml") for group in yaml.safe_load(file.read_text())["groups"]]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


RULES: Final = rules()


@pytest.mark.parametrize("name", RULES)
def test_a_rule_rests_on_metrics_of_the_code(name: str) -> None:
    used = set(re.findall(r"\brosey_[a-z0-9_]+", RULES[name]["expr"]))
    assert used
    assert used <= metrics.series()


@pytest.mark.parametrize("name", RULES)
def test_a_rule_says_how_bad_it_is_and_what_to_do(name: str) -> None:
    assert RULES[name]["labels"]["severity"] in {"warning", "critical"}
    annotations = RULES[name]["annotations"]
    assert annotations["summary"].endswith(".")
    assert annotations["runbook"] == f"docs/runbooks/{name}.md"
    text = (ROOT / annotations["runbook"]).read_text()
    assert text.startswith(f"# {name}\n")
    assert "\n## Look at\n" in text
    assert "\n## Do\n" in text


def test_each_runbook_is_of_a_rule() -> None:
    assert {file.stem for file in RUNBOOKS.glob("*.md")} == set(RULES)


def test_runbooks_name_commands_that_exist() -> None:
    root = typer.main.get_command(app)
    named = {
        words
        for file in RUNBOOKS.glob("*.md")
        for words in re.findall(r"`rosey ([a-z]+(?: [a-z]+)?)", file.read_text())
    }
    assert "dlq list" in named
    for words in named:
        command: Any = root
        for word in words.split():
            assert word in command.commands, f"rosey {words}"
            command = command.commands[word]
            if not isinstance(command, click.Group):
                break


def test_links_between_runbooks_lead_somewhere() -> None:
    for file in RUNBOOKS.glob("*.md"):
        for target in re.findall(r"\]\(([^)]+)\)", file.read_text()):
            assert (RUNBOOKS / target).exists(), f"{file.name}: {target}"


@pytest.mark.parametrize("name", RULES)
def test_each_rule_is_tested_firing_and_silent(name: str) -> None:
    tests = [test for file in ALERT_TESTS.glob("*.yaml") for test in yaml.safe_load(file.read_text())["tests"]]
    expected = [case["exp_alerts"] for test in tests for case in test["alert_rule_test"] if case["alertname"] == name]
    assert any(expected)
    assert [] in expected
