"""What one of the ten benchmarks has found."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks import intervals
from benchmarks.histogram import Histogram
from benchmarks.rows import Bound, Rating, Row, Series, Summary
from benchmarks.verdict import Verdict

NONE_LOST: Final = Bound("<=", 0)

STATISTICS: Final[dict[str, Callable[[list[float]], float]]] = {
    "mean": statistics.fmean,
    "median": statistics.median,
    "p95": lambda samples: Histogram(samples).percentile(95),
    "p99": lambda samples: Histogram(samples).percentile(99),
    "max": max,
}


@dataclass
class Outcome:
    """Gathers the rows of one benchmark while it runs.

    Attributes:
        name: the benchmark's.
        group: the class it belongs to.
        description: what it measures and what would make it lie: its docstring.
        rows: its figures.
        distributions: seconds by what they are of, for the charts.
        series: what was read over time, by chart.
        shares: CPU microseconds of each process, by way; for the chart.
        seconds: how long it took.
        error: why it did not finish.
    """

    name: str
    group: str = ""
    description: str = ""
    rows: list[Row] = field(default_factory=list)
    distributions: dict[str, list[float]] = field(default_factory=dict)
    series: dict[str, list[Series]] = field(default_factory=dict)
    shares: dict[str, dict[str, float]] = field(default_factory=dict)
    fate: Verdict = field(default_factory=Verdict)
    seconds: float = 0.0
    error: str | None = None
    is_judged: bool = False

    def latency(
        self,
        what: str,
        rounds: Sequence[Sequence[float]],
        *,
        required: dict[str, Bound] | None = None,
        goals: dict[str, Bound] | None = None,
        show: Sequence[str] = ("median",),
    ) -> None:
        """Add rows in milliseconds: those statistics that something is asked of, and those to show.

        Args:
            what: the figure's name; the statistic's is put behind it.
            rounds: seconds, by round, in the order in which they were taken.
            required: bounds in milliseconds, by statistic.
            goals: the same.
            show: statistics that are only reported.
        """
        required, goals = required or {}, goals or {}
        milliseconds = [[seconds * 1e3 for seconds in each] for each in rounds]
        samples = [sample for each in milliseconds for sample in each]
        self.distributions[what] = [seconds for each in rounds for seconds in each]
        summary = Summary.of(samples) if samples else None
        for statistic in dict.fromkeys((*required, *goals, *show)):
            function = STATISTICS[statistic]
            self.rows.append(
                Row(
                    self.name,
                    f"{what}, {statistic}",
                    "ms",
                    function(samples) if samples else float("nan"),
                    # The largest of what was drawn again is never larger than the largest.
                    None if statistic == "max" else intervals.of_samples(milliseconds, function),
                    required.get(statistic),
                    goals.get(statistic),
                    summary,
                )
            )

    def figure(
        self,
        metric: str,
        unit: str,
        values: Sequence[float],
        *,
        required: Bound | None = None,
        goal: Bound | None = None,
        worst: bool = False,
    ) -> None:
        """Add a row of what each round gave: the mean with its interval, or the worst of them.

        Args:
            worst: whether the worst counts: for what must hold each time.
        """
        bound = required or goal
        if worst:
            result = min(values) if bound is not None and bound.higher_is_better else max(values)
        else:
            result = statistics.fmean(values)
        summary = Summary.of(values) if len(values) > 1 else None
        interval = None if worst else intervals.of_runs(values)
        self.rows.append(Row(self.name, metric, unit, result, interval, required, goal, summary))

    def omit(self, metric: str, unit: str, reason: str, *, required: Bound | None = None) -> None:
        """Add a row for a figure that cannot be taken here, and say why."""
        self.rows.append(Row(self.name, metric, unit, math.nan, requirement=required, omitted=reason))

    def judge_fate(self, fate: Verdict) -> None:
        """Take what became of the events of all that was measured so far."""
        self.fate += fate

    def finish(self) -> None:
        """Add the row that says whether anything was lost or doubled; safe to call again."""
        was_omitted = bool(self.rows) and all(row.omitted is not None for row in self.rows)
        if not was_omitted and not self.is_judged:
            self.is_judged = True
            wrong = self.fate.lost + self.fate.doubled
            self.rows.append(Row(self.name, "events lost or doubled", "events", wrong, None, NONE_LOST))

    @property
    def verdict(self) -> Rating:
        """The worst of its rows'."""
        if self.error is not None:
            return Rating.FAIL
        if not self.rows:
            return Rating.NOT_RUN
        found = {row.verdict for row in self.rows}
        order = (Rating.FAIL, Rating.WARN, Rating.PASS, Rating.REPORTED, Rating.NOT_RUN)
        return next(rating for rating in order if rating in found)

    def as_json(self) -> dict[str, Any]:
        """What the rows were made of: distributions as buckets, series, shares."""
        return {
            "name": self.name,
            "group": self.group,
            "seconds": round(self.seconds, 1),
            "verdict": str(self.verdict),
            "error": self.error,
            "events": vars(self.fate),
            "distributions_us": {what: Histogram(samples).buckets() for what, samples in self.distributions.items()},
            "series": {
                chart: {line.label: [[round(x, 3), round(y, 4)] for x, y in line.points] for line in lines}
                for chart, lines in self.series.items()
            },
            "cpu_us": {way: {k: round(v, 1) for k, v in each.items()} for way, each in self.shares.items()},
        }
