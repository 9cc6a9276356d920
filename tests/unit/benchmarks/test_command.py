"""``rosey bench`` finds the benchmarks and starts them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rosey_cli.bench import What, checkout, command
from rosey_cli.failure import Failure


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
