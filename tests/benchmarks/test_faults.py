"""The benchmarks can fail: a fault in the path turns the right rows red, and only those."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.service import FAULT

ROOT = Path(__file__).parents[2]
BENCHMARKS = ("test_concurrent_event_latency",)
LATENCY = "50 frames to rows, mean"
LOST = "events lost or doubled"

pytestmark = pytest.mark.timeout(120)


def run(output: Path, *options: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The short form of some benchmarks; the exit code, and the rows by their metric."""
    only = [argument for name in BENCHMARKS for argument in ("--only", name)]
    command = [sys.executable, "-m", "benchmarks", "--quick", *only, "--output", str(output), *options]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    rows = json.loads((output / "results" / "latest.json").read_text())
    # The last run of the hour is told of beside them.
    return done.returncode, {row["metric"]: row for row in rows if row["name"] in BENCHMARKS}


def test_twenty_milliseconds_in_the_commit_turn_the_latency_red_and_nothing_else(tmp_path: Path) -> None:
    code, rows = run(tmp_path, "--fault", "slow")
    assert code == 1
    assert rows[LATENCY]["verdict"] == "FAIL"
    assert rows[LATENCY]["result"] > 20
    assert rows[LOST]["verdict"] == "PASS"
    report = (tmp_path / "BENCHMARK_RESULTS.md").read_text()
    assert "250 sent, 0 lost, 0 doubled" in report
    assert "**FAIL** 50 frames to rows, mean" in report


def test_a_lost_line_fails_the_run_and_is_counted(tmp_path: Path) -> None:
    code, rows = run(tmp_path, "--fault", "lose")
    assert code == 1
    # Five bursts of fifty lines, numbered from 0: each fiftieth is dropped.
    assert rows[LOST]["result"] == 5
    assert rows[LOST]["verdict"] == "FAIL"


def test_a_lost_line_fails_the_measurement_of_the_event_path() -> None:
    command = [sys.executable, "-m", "benchmarks.path", "--quick", "--only", "drain"]
    done = subprocess.run(
        command, cwd=ROOT, check=False, capture_output=True, text=True, env={**os.environ, FAULT: "lose"}
    )
    assert done.returncode == 1, done.stderr
    fate = re.search(r"events sent, (\d+) lost, (\d+) doubled", done.stdout)
    assert fate is not None, done.stderr
    assert int(fate[1]) > 100
    assert int(fate[2]) == 0
