"""Run every test that needs nothing but wheels, and judge the run: ``make test``.

A few processes share the tests. First come those whose claims are about whole processes, crashes and crowds; then the
others, with coverage, which counts what every process executes, those that the tests start included (it would double
the time of the first). The run fails where a test fails, is skipped or is expected to fail, and where a package is
covered too little.

Options go to pytest as they are (``make test ARGS='-k outbox'``); such a run is of a part, without coverage.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple
from xml.etree import ElementTree

import coverage

ROOT: Final = Path(__file__).resolve().parent.parent
SUITES: Final = ("tests/unit", "tests/integration", "tests/system")
UNTRACED: Final = (
    "tests/system",
    "tests/integration/adversary",
    "tests/integration/crowd",
    "tests/integration/malformed",
    "tests/integration/outbox",
    "tests/integration/recordings",
    "tests/unit/crowd",
)
"""Run without coverage: what they execute, others execute too."""
PROCESSES: Final = 3
"""More than the cores of a small machine, since many tests wait for a process or a time-out."""
SLOWEST: Final = 15
GOALS: Final = {"rosey_core": 95.0, "rosey_bot": 95.0, "rosey_database": 95.0}
"""Per cent of lines; other packages have ``OTHER_GOAL``."""
OTHER_GOAL: Final = 80.0


class Cover(NamedTuple):
    """How many of a package's lines were executed."""

    package: str
    executed: int
    lines: int

    @property
    def percent(self) -> float:
        return 100.0 * self.executed / self.lines if self.lines else 100.0

    @property
    def goal(self) -> float:
        return GOALS.get(self.package, OTHER_GOAL)


class Run(NamedTuple):
    """What came of one run of pytest: its exit code and the last line of its output."""

    code: int
    summary: str


def run_tests(arguments: Sequence[str], results: Path, *, traced: bool = False) -> Run:
    """Run pytest; `traced` says whether with coverage in every process."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(PROCESSES), "--dist", "worksteal"]
    command += ["--durations", str(SLOWEST), "--durations-min", "0.5", "--junitxml", str(results), *arguments]
    # Without it each process that a test starts compiles everything anew.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    if traced:
        # coverage's own .pth file reads this in each Python process that starts.
        environment["COVERAGE_PROCESS_START"] = str(ROOT / "pyproject.toml")
        environment["COVERAGE_FILE"] = str(ROOT / ".coverage")
    last = ""
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as pytest:
        assert pytest.stdout is not None
        for line in pytest.stdout:
            print(line, end="", flush=True)
            last = line.strip() or last
    return Run(pytest.returncode, last)


def run_all(directory: Path) -> dict[Path, Run]:
    """Run every suite, each once; returns the runs by the files of their results."""
    for stale in ROOT.glob(".coverage*"):
        stale.unlink()
    rest = [suite for suite in SUITES if suite not in UNTRACED]
    rest += [option for folder in UNTRACED for option in ("--ignore", folder)]
    return {
        (results := directory / "untraced.xml"): run_tests(UNTRACED, results),
        (results := directory / "traced.xml"): run_tests(rest, results, traced=True),
    }


def cases(results: Iterable[Path]) -> Iterator[ElementTree.Element]:
    """Each test of these files."""
    for file in results:
        if file.exists():
            yield from ElementTree.parse(file).getroot().iter("testcase")


def times(results: Iterable[Path]) -> dict[str, float]:
    """Seconds that the tests of each folder took, one after the other; longest first."""
    found: dict[str, float] = {}
    for case in cases(results):
        folder = "/".join(str(case.get("classname")).split(".")[:3])
        found[folder] = found.get(folder, 0.0) + float(case.get("time") or 0)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def left_out(results: Iterable[Path]) -> list[str]:
    """The tests that were skipped or expected to fail, each with its reason."""
    return [
        f"{case.get('classname')}.{case.get('name')}: {reason.get('message')}"
        for case in cases(results)
        for reason in case.findall("skipped")
    ]


def measure() -> list[Cover]:
    """Combine what all processes executed, and count it by package."""
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "coverage.json"
        measured = coverage.Coverage(data_file=str(ROOT / ".coverage"), config_file=str(ROOT / "pyproject.toml"))
        measured.combine([str(ROOT)])
        measured.save()
        measured.json_report(outfile=str(report))
        files = json.loads(report.read_text())["files"]
    executed: dict[str, int] = {}
    lines: dict[str, int] = {}
    for name, file in files.items():
        package = Path(name).parts[2] if name.startswith("services/") else Path(name).parts[0]
        executed[package] = executed.get(package, 0) + file["summary"]["covered_lines"]
        lines[package] = lines.get(package, 0) + file["summary"]["num_statements"]
    return [Cover(package, executed[package], lines[package]) for package in sorted(lines)]


def main(arguments: Sequence[str]) -> int:
    """Run and judge; returns the exit code."""
    os.chdir(ROOT)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        if arguments:
            results = Path(directory) / "results.xml"
            runs = {results: run_tests(arguments, results)}
        else:
            runs = run_all(Path(directory))
        failures = [f"not run: {test}" for test in left_out(runs)]
        folders = times(runs)
    failures += [f"pytest ended with exit code {run.code}: {run.summary}" for run in runs.values() if run.code]
    print("\nseconds of tests by folder")
    for folder, seconds in folders.items():
        print(f"  {folder:<32}{seconds:7.1f}")
    if not arguments:
        print("\ncoverage of lines")
        for cover in measure():
            met = cover.percent >= cover.goal
            print(
                f"  {cover.package:<18}{cover.percent:6.1f} %   at least {cover.goal:g} %{'' if met else '   TOO LOW'}"
            )
            if not met:
                failures.append(f"coverage of {cover.package} is {cover.percent:.1f} %: see .venv/bin/coverage report")
    for failure in failures:
        print(f"FAILED {failure}")
    for run in runs.values():
        print(run.summary or "no tests ran")
    print(f"in all {time.monotonic() - begun:.0f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
