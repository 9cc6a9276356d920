"""``python -m benchmarks``: runs the ten benchmarks and writes the report. ``rosey bench`` and ``make bench`` are it.

Exit code 1 where a requirement is not met or an event was lost or doubled. A short form (``--quick``) or a part
(``--only``) goes to ``build/benchmarks`` and leaves the committed report alone.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from benchmarks import analysis, archive, charts, comparison, document, interruption, report, service
from benchmarks.document import Run
from benchmarks.names import HOUR, NAMES
from benchmarks.outcome import Outcome
from benchmarks.processes import ROOT
from benchmarks.rows import Rating
from benchmarks.suite import OUTCOMES

REPORT: Final = "BENCHMARK_RESULTS.md"
KEPT: Final = ROOT / "benchmarks"
PASSING: Final = ROOT / "build" / "benchmarks"


class Collector:
    """A pytest plugin that keeps what the benchmarks find."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def pytest_configure(self, config: pytest.Config) -> None:
        """Called by pytest."""
        config.stash[OUTCOMES] = self.outcomes


def main() -> int:
    """Run and report; returns the exit code."""
    options = _options()
    os.chdir(ROOT)
    if options.fault:
        os.environ[service.FAULT] = options.fault
    environment = report.environment()
    begun = time.monotonic()
    outcomes, code = _take(options)
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    is_whole = not (options.quick or options.only or options.fault)
    output: Path = options.output or (KEPT if is_whole else PASSING)
    results = output / "results"
    if HOUR in outcomes:
        archive.write_hour(results, outcomes[HOUR], environment["date"])
    run = _run(outcomes, environment, time.monotonic() - begun, results)
    archive.write(results, list(outcomes.values()), run.all_rows(), environment)
    (output / REPORT).write_text(document.document(run), encoding="utf-8")
    _conclude(run, output / REPORT)
    failed = [name for name, outcome in outcomes.items() if _has_failed(outcome, options)]
    return 1 if failed or code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) else 0


def _has_failed(outcome: Outcome, options: argparse.Namespace) -> bool:
    if options.loss_only:
        return bool(outcome.error or outcome.fate.lost or outcome.fate.doubled)
    return outcome.verdict is Rating.FAIL


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="rosey bench", description="Run the ten benchmarks and write the report.")
    parser.add_argument("--quick", action="store_true", help="a short form of each, for a change at hand")
    parser.add_argument("--long", action="store_true", help="the hour of memory stability, too")
    parser.add_argument("--only", action="append", choices=NAMES, metavar="NAME", help="this one; may be given again")
    parser.add_argument(
        "--loss-only", action="store_true", help="exit 1 for what was lost alone: for machines whose speed says nothing"
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="where report and results go")
    # For the test that shows that the benchmarks can fail.
    parser.add_argument("--fault", choices=service.FAULTS, help=argparse.SUPPRESS)
    return parser.parse_args()


def _take(options: argparse.Namespace) -> tuple[dict[str, Outcome], int]:
    """Run pytest on the suite; the outcomes by name, and its exit code."""
    collector = Collector()
    arguments = ["benchmarks/suite", "-q", "-s", "--tb=no", "--no-header", "--no-summary"]
    arguments += ["-p", "no:cacheprovider", "-p", "no:xdist"]
    arguments += ["--quick"] if options.quick else []
    arguments += ["--long"] if options.long or HOUR in (options.only or ()) else []
    arguments += ["-k", " or ".join(options.only)] if options.only else []
    code = pytest.main(arguments, plugins=[collector])
    return {outcome.name: outcome for outcome in collector.outcomes}, int(code)


def _run(outcomes: dict[str, Outcome], environment: dict[str, object], seconds: float, results: Path) -> Run:
    saturation = archive.read(archive.RESULTS / archive.SATURATION)
    hour = archive.read_hour(archive.RESULTS)
    raw = outcomes[HOUR].as_json() if HOUR in outcomes else hour.raw if hour is not None else {}
    before = archive.last_committed()
    rows = [row for outcome in outcomes.values() for row in outcome.rows]
    return Run(
        outcomes=outcomes,
        environment=environment,
        seconds=seconds,
        hour=hour,
        changes=comparison.changes(before, rows, is_quiet=not analysis.was_busy(environment)),
        has_predecessor=bool(before),
        saturation=saturation,
        event_path=archive.read(archive.RESULTS / archive.EVENT_PATH),
        charts=charts.write(results / "charts", outcomes, raw, saturation),
    )


def _conclude(run: Run, path: Path) -> None:
    print(f"\n{'benchmark':<42}verdict")
    for name in NAMES:
        when = f" ({run.hour.date})" if name == HOUR and name not in run.outcomes and run.hour is not None else ""
        print(f"{name:<42}{run.verdict(name)}{when}")
    for sentence in analysis.noise((), run.environment):
        print(f"WARNING {sentence}")
    for change in run.changes:
        if change.is_warning:
            print(f"WARNING {change}")
    print(f"{run.seconds:.0f} s; the report: {path}")


if __name__ == "__main__":
    sys.exit(interruption.guarded(main))
