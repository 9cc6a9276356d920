"""``rosey bench`` finds the benchmarks and starts them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rosey_cli import bench
from rosey_cli.bench import What, checkout, command
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


def test_options_are_handed_on(tmp_path: Path) -> None:
    made = command(What.REPORT, quick=True, long=True, only=["test_x", "test_y"], output=tmp_path, python="py")
    assert made == [
        *("py", "-m", "benchmarks", "--quick", "--long", "--only", "test_x", "--only", "test_y"),
        *("--output", str(tmp_path)),
    ]


def test_saturation_is_a_program_of_its_own() -> None:
    made = command(What.SATURATION, quick=False, long=False, only=(), output=None, python="py")
    assert made == ["py", "-m", "benchmarks.saturation"]


def test_options_of_a_release_are_handed_on_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(bench, "_start", lambda command, directory: started.append(command) or 1)
    options = ["--only", "test_burst_handling", "--metrics", "http://db:9100", "--help"]
    assert CliRunner().invoke(app, ["bench", "release", *options]).exit_code == 1
    assert started == [[sys.executable, "-m", "benchmarks.release", *options]]
