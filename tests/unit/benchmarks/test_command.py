"""``rosey bench`` finds the benchmarks and starts them."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from rosey_cli import bench
from rosey_cli.bench import checkout
from rosey_cli.failure import Failure
from rosey_cli.main import app


def test_the_checkout_is_found_from_a_directory_in_it(tmp_path: Path) -> None:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "__main__.py").touch()
    inner = tmp_path / "services" / "cli"
    inner.mkdir(parents=True)
    assert checkout([inner]) == tmp_path


def test_without_a_checkout_it_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="repository"):
        checkout([tmp_path])


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """What was started in the place of benchmarks: modules and their arguments."""
    found: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(bench, "_start", lambda module, arguments, directory: found.append((module, arguments)) or 1)
    return found


def test_options_of_the_report_are_handed_on(tmp_path: Path, started: list[tuple[str, list[str]]]) -> None:
    typed = ["--quick", "--long", "--only", "test_x", "--only", "test_y", "--output", str(tmp_path)]
    assert CliRunner().invoke(app, ["bench", *typed]).exit_code == 1
    assert started == [("benchmarks", typed)]


@pytest.mark.parametrize(
    ("command", "typed"),
    [
        ("saturation", ["--quick", "--channels", "7"]),
        ("path", ["--runs", "3", "--only", "drain"]),
        ("release", ["--only", "test_burst_handling", "--metrics", "http://db:9100", "--help"]),
    ],
)
def test_options_of_the_others_are_handed_on_as_they_are(
    command: str, typed: list[str], started: list[tuple[str, list[str]]]
) -> None:
    assert CliRunner().invoke(app, ["bench", command, *typed]).exit_code == 1
    assert started == [(f"benchmarks.{command}", typed)]
