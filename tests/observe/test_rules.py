"""The alert rules in Prometheus' own hands: each is valid, fires when it should, and is silent when it should not."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from rosey_cli.data_directory import DataDirectory
from rosey_cli.up.observation import Observation

ROOT: Final = Path(__file__).parents[2]
ALERTS: Final = sorted((ROOT / "observability" / "alerts").glob("*.yaml"))
ALERT_TESTS: Final = sorted((ROOT / "observability" / "alert_tests").glob("*.yaml"))


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)


def test_the_rules_are_valid() -> None:
    checked = promtool("check", "rules", *map(str, ALERTS))
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_each_rule_fires_when_it_should_and_else_is_silent() -> None:
    tested = promtool("test", "rules", *map(str, ALERT_TESTS))
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_what_rosey_up_writes_for_a_prometheus_is_valid_and_has_the_rules(tmp_path: Path) -> None:
    observation = Observation(DataDirectory(tmp_path))
    observation.begin()
    checked = promtool("check", "config", str(observation.configuration))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.count("rules found") == len(ALERTS)


def test_a_rule_that_never_fires_is_found(tmp_path: Path) -> None:
    (tmp_path / "alerts").mkdir()
    (tmp_path / "alert_tests").mkdir()
    rules = (ROOT / "observability" / "alerts" / "rooms.yaml").read_text()
    broken = rules.replace("rosey_bot_connected == 0", "rosey_bot_connected == 2")
    assert broken != rules
    (tmp_path / "alerts" / "rooms.yaml").write_text(broken)
    tests = tmp_path / "alert_tests" / "rooms.yaml"
    tests.write_text((ROOT / "observability" / "alert_tests" / "rooms.yaml").read_text())
    assert promtool("test", "rules", str(tests)).returncode != 0
