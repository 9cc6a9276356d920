"""The report for people, ``BENCHMARK_RESULTS.md``: made of what was measured, never by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks import analysis
from benchmarks.archive import Hour
from benchmarks.block import short
from benchmarks.comparison import Change
from benchmarks.names import HOUR, NAMES
from benchmarks.outcome import Outcome
from benchmarks.rows import Rating, Row

CHARTS: Final = "results/charts"


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run, and what is known beside it.

    Attributes:
        outcomes: of the benchmarks that ran, by name.
        environment: machine, versions, date.
        seconds: how long all took.
        hour: the last run of the hour, where it did not run now.
        changes: against the last committed run.
        has_predecessor: whether there is one.
        saturation, event_path: the last results of the other commands.
        charts: what each chart shows, by file name.
    """

    outcomes: Mapping[str, Outcome]
    environment: Mapping[str, Any]
    seconds: float
    hour: Hour | None = None
    changes: Sequence[Change] = ()
    has_predecessor: bool = False
    saturation: Any = None
    event_path: Any = None
    charts: Mapping[str, str] = field(default_factory=dict)

    def rows(self, name: str) -> list[Row]:
        """A benchmark's figures, of this run or of the last run of the hour."""
        if name in self.outcomes:
            return self.outcomes[name].rows
        return self.hour.rows if name == HOUR and self.hour is not None else []

    def all_rows(self) -> list[Row]:
        """All figures, in the report's order."""
        return [row for name in NAMES for row in self.rows(name)]

    def verdict(self, name: str) -> Rating:
        """A benchmark's verdict."""
        if name in self.outcomes:
            return self.outcomes[name].verdict
        return Outcome(name, rows=self.rows(name)).verdict


def document(run: Run) -> str:
    """The whole report."""
    parts = [
        "# Benchmark results",
        "Written by `rosey bench` (`make bench`). How to check each figure by hand: [README.md](README.md).",
        *_summary(run),
        *_figures(run),
        *_event_path(run.event_path),
        *_saturation(run.saturation),
        *_charts(run.charts),
        "## Analysis",
        _bullets(analysis.findings(run.all_rows(), run.outcomes, run.saturation)),
        "## Recommendations",
        _bullets(analysis.recommendations(run.all_rows(), run.outcomes, run.environment, run.saturation)),
        "## Against the last committed run",
        *_changes(run),
        "## Environment",
        _table(["", ""], [[key, str(value)] for key, value in run.environment.items()]),
        "## What each benchmark measures",
        *_descriptions(run.outcomes),
    ]
    return "\n\n".join(parts) + "\n"


def _summary(run: Run) -> list[str]:
    verdicts = {name: run.verdict(name) for name in NAMES}
    passed = sum(verdict is Rating.PASS for verdict in verdicts.values())
    environment = run.environment
    lost = sum(outcome.fate.lost for outcome in run.outcomes.values())
    doubled = sum(outcome.fate.doubled for outcome in run.outcomes.values())
    sent = sum(outcome.fate.sent for outcome in run.outcomes.values())
    warnings = [str(change) for change in run.changes if change.is_warning]
    facts = [
        ["date", str(environment["date"])],
        ["version", f"{environment['rosey']}, commit {environment['commit']}"],
        ["duration", f"{run.seconds:.0f} s"],
        ["passed", f"**{passed} of {len(NAMES)}**"],
        ["events", f"{sent:,} sent, {lost} lost, {doubled} doubled"],
    ]
    facts += [["slower than the last committed run", warning] for warning in warnings]
    rows = []
    for name, verdict in verdicts.items():
        required = [row for row in run.rows(name) if row.requirement is not None and row.requirement.limit]
        figures = "; ".join(f"{row.metric} {short(row.result)} {row.unit} ({row.requirement})" for row in required)
        when = f" (run of {run.hour.date})" if name == HOUR and run.hour and name not in run.outcomes else ""
        rows.append([f"`{name}`", f"**{verdict}**{when}", figures])
    table = _table(["benchmark", "verdict", "what is required of it"], rows)
    return ["## Summary", _table(["", ""], facts), table]


def _figures(run: Run) -> list[str]:
    parts = [
        "## Figures",
        "PASS: the requirement is met. WARN: within 20 % beyond it. FAIL: further. The verdict is the requirement's; "
        "a goal is what we aim at beyond it, and is said to be met or not. Intervals are of 95 %, by blocks of "
        "neighbouring samples or by rounds; *noisy* are those wider than 10 % of the result to a side.",
    ]
    for name in NAMES:
        rows = run.rows(name)
        if not rows:
            parts += [f"### {name}", "NOT RUN: `make bench-long` runs it." if name == HOUR else "NOT RUN"]
            continue
        outcome = run.outcomes.get(name)
        group = f" ({outcome.group}, {outcome.seconds:.0f} s)" if outcome is not None else ""
        parts.append(f"### {name}{group}")
        if outcome is not None and outcome.error is not None:
            parts.append(f"It did not finish: `{outcome.error.splitlines()[0]}`")
        columns = ["figure", "requirement", "goal", "result", "interval", "verdict"]
        spread = ["n", "mean", "median", "p95", "p99", "max", "sd"]
        parts.append(_table([*columns, *spread], [_cells(row) for row in rows]))
    return parts


def _cells(row: Row) -> list[str]:
    goal = "" if row.goal is None else f"{row.goal} {'met' if row.goal.holds(row.result) else '**not met**'}"
    interval = "" if row.interval is None else f"{short(row.interval[0])} to {short(row.interval[1])}"
    interval += " *noisy*" * row.is_noisy
    s = row.samples
    spread = [""] * 7 if s is None else [f"{s.n:,}", *map(short, (s.mean, s.median, s.p95, s.p99, s.max, s.stddev))]
    return [
        row.metric,
        "" if row.requirement is None else str(row.requirement),
        goal,
        f"{short(row.result)} {row.unit}",
        interval,
        str(row.verdict),
        *spread,
    ]


def _event_path(content: Any) -> list[str]:
    parts = ["## Goals of the event path"]
    if not content:
        return [*parts, "NOT RUN: `make bench-path` measures them, in 20 minutes."]
    rows = [
        [f"`{key}`", goal["goal"], short(_figure(content, key)), "met" if goal["met"] else "**not met**"]
        for key, goal in content["goals"].items()
    ]
    events = content["events"]
    said = (
        f"`make bench-path`, {content['environment']['date']}, commit {content['environment']['commit']}: medians of "
        f"{content['scale']['runs']} runs; {events['sent']:,} events sent, {events['lost']} lost, "
        f"{events['doubled']} doubled."
    )
    return [*parts, said, _table(["figure", "goal", "result", ""], rows)]


def _figure(content: Mapping[str, Any], key: str) -> float:
    name, _, part = key.partition(".")
    found = content[name]
    return float(found[part] if part else found)


def _saturation(content: Any) -> list[str]:
    parts = ["## Saturation"]
    if not content:
        return [*parts, "NOT RUN: `make bench-saturation` searches the highest rate with p99 < 100 ms."]
    said = (
        f"`make bench-saturation`, {content['environment']['date']}, commit {content['environment']['commit']}: the "
        "highest open-loop rate, frame to row, with p99 < 100 ms and nothing lost."
    )
    rows = []
    for channels, limit in content["limits"].items():
        # Of two tries at one rate the last is the one that held.
        at_limit: dict[str, Any] = next(
            (point for point in reversed(content["points"][channels]) if point["rate"] == limit), {}
        )
        cpu = ", ".join(f"{name} {share:.0%}" for name, share in at_limit.get("cores", {}).items())
        rows.append([channels, f"{limit:,.0f}", short(at_limit.get("p99_ms") or float("nan")), cpu])
    return [*parts, said, _table(["channels", "lines a second", "p99 there, ms", "of a core there"], rows)]


def _charts(charts: Mapping[str, str]) -> list[str]:
    parts = [f"### {title}\n\n![{title}]({CHARTS}/{name})" for name, title in charts.items()]
    return ["## Charts", *parts] if parts else []


def _changes(run: Run) -> list[str]:
    if not run.has_predecessor:
        return ["There is no run committed before this one."]
    if not run.changes:
        return ["No figure differs by more than 10 %."]
    said = "A change is a warning where the figure is more than 10 % worse, the intervals do not touch, and "
    said += "the machine was not busy when the run began."
    return [said, _bullets([f"{'**warning** ' * change.is_warning}{change}" for change in run.changes])]


def _descriptions(outcomes: Mapping[str, Outcome]) -> list[str]:
    return [
        f"### {outcomes[name].group}.{name}\n\n{outcomes[name].description}"
        for name in NAMES
        if name in outcomes and outcomes[name].description
    ]


def _bullets(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences) or "Nothing."


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
