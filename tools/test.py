"""Run every test that needs nothing but wheels, and judge the run: ``make test``.

A few processes share the tests, one test at a time. Coverage counts what they execute, and some processes that tests
start; which tests run without it, ``tools/tracing.py`` says. The run fails where a test fails, is skipped or is
expected to fail, and where a package is covered too little.

Options go to pytest as they are (``make test ARGS='-k outbox'``); such a run is of a part, without coverage.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple
from xml.etree import ElementTree

import coverage

from tools import tracing

ROOT: Final = Path(__file__).resolve().parent.parent
PROCESSES: Final = 6
"""More than the cores of a small machine, since many tests wait for a process or a time-out."""
SLOWEST: Final = 15
GOALS: Final = {
    "rosey_core": 95.0,
    "rosey_bot": 95.0,
    "rosey_database": 95.0,
    "rosey_bot/audit.py": 100.0,
    "rosey_database/database.py": 100.0,
}
"""Per cent of lines, of packages and of modules; other packages have ``OTHER_GOAL``."""
OTHER_GOAL: Final = 80.0


class Cover(NamedTuple):
    """How many lines of a package, or of a module that has a goal of its own, were executed."""

    name: str
    executed: int
    lines: int

    @property
    def percent(self) -> float:
        return 100.0 * self.executed / self.lines if self.lines else 100.0

    @property
    def goal(self) -> float:
        return GOALS.get(self.name, OTHER_GOAL)


class Run(NamedTuple):
    """What came of one run of pytest: its exit code and the last line of its output."""

    code: int
    summary: str


def run_tests(arguments: Sequence[str], results: Path, *, traced: bool = False) -> Run:
    """Run pytest; `traced` says whether with coverage."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(PROCESSES), "--maxschedchunk", "1"]
    command += ["--durations", str(SLOWEST), "--durations-min", "0.5", "--junitxml", str(results), *arguments]
    # Without it each process that a test starts compiles everything anew.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    if traced:
        for stale in ROOT.glob(".coverage*"):
            stale.unlink()
        command += ["-p", tracing.__name__]
        environment[tracing.STARTED] = str(ROOT / "pyproject.toml")
        environment["COVERAGE_FILE"] = str(ROOT / ".coverage")
    last = ""
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as pytest:
        assert pytest.stdout is not None
        for line in pytest.stdout:
            print(line, end="", flush=True)
            last = line.strip() or last
    return Run(pytest.returncode, last)


def cases(results: Path) -> Iterator[ElementTree.Element]:
    """Each test of a run."""
    if results.exists():
        yield from ElementTree.parse(results).getroot().iter("testcase")


def times(results: Path, depth: int) -> dict[str, float]:
    """Seconds that the tests below each folder of this depth took, one after the other; longest first."""
    found: dict[str, float] = {}
    for case in cases(results):
        folder = "/".join(str(case.get("classname")).split(".")[:depth])
        found[folder] = found.get(folder, 0.0) + float(case.get("time") or 0)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def left_out(results: Path) -> list[str]:
    """The tests that were skipped or expected to fail, each with its reason."""
    return [
        f"{case.get('classname')}.{case.get('name')}: {reason.get('message')}"
        for case in cases(results)
        for reason in case.findall("skipped")
    ]


def measure() -> list[Cover]:
    """Combine what all processes executed, and count it by package, and by module where that has a goal."""
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
        parts = Path(name).parts
        module = Path(*parts[2:] if parts[0] == "services" else parts).as_posix()
        package = module.partition("/")[0]
        for counted in (package, *({module} & GOALS.keys())):
            executed[counted] = executed.get(counted, 0) + file["summary"]["covered_lines"]
            lines[counted] = lines.get(counted, 0) + file["summary"]["num_statements"]
    return [Cover(name, executed[name], lines[name]) for name in sorted(lines)]


def main(arguments: Sequence[str]) -> int:
    """Run and judge; returns the exit code."""
    os.chdir(ROOT)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        results = Path(directory) / "results.xml"
        run = run_tests(arguments, results, traced=not arguments)
        failures = [f"not run: {test}" for test in left_out(results)]
        folders = times(results, 2) | times(results, 3)
    if run.code:
        failures.append(f"pytest ended with exit code {run.code}: {run.summary}")
    print("\nseconds of tests by folder, one after the other")
    for folder, seconds in folders.items():
        print(f"  {folder:<32}{seconds:7.1f}")
    if not arguments:
        print("\ncoverage of lines")
        for cover in measure():
            met = cover.percent >= cover.goal
            print(f"  {cover.name:<28}{cover.percent:6.1f} %   at least {cover.goal:g} %{'' if met else '   TOO LOW'}")
            if not met:
                failures.append(f"coverage of {cover.name} is {cover.percent:.1f} %: see .venv/bin/coverage report")
    for failure in failures:
        print(f"FAILED {failure}")
    print(run.summary or "no tests ran")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"in all {time.monotonic() - begun:.0f} s, {used.ru_utime + used.ru_stime:.0f} s of CPU")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
