"""Rows of the report: a figure beside what is required of it and what is aimed at."""

from __future__ import annotations

import enum
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from benchmarks.histogram import Histogram
from benchmarks.intervals import Interval

TOLERANCE: Final = 0.20
"""So far beyond a requirement is a warning; further is a failure."""
NOISE: Final = 0.10
"""A figure is noisy whose interval reaches further than this to either side."""


class Rating(enum.StrEnum):
    """How a figure compares with its requirement."""

    PASS = "PASS"
    WARN = "WARN"
    FAIL = "FAIL"
    REPORTED = "reported"
    NOT_RUN = "NOT RUN"


@dataclass(frozen=True)
class Bound:
    """What a figure should be.

    Attributes:
        relation: how it should compare with ``limit``.
    """

    relation: Literal["<", "<=", ">", ">="]
    limit: float

    def __str__(self) -> str:
        return f"{self.relation} {self.limit:,g}"

    @property
    def higher_is_better(self) -> bool:
        """Whether more is better."""
        return self.relation.startswith(">")

    def holds(self, value: float) -> bool:
        """Whether ``value`` will do; NaN never does."""
        return {
            "<": value < self.limit,
            "<=": value <= self.limit,
            ">": value > self.limit,
            ">=": value >= self.limit,
        }[self.relation]

    def rate(self, value: float) -> Rating:
        """PASS, WARN within a fifth beyond the limit, else FAIL."""
        if self.holds(value):
            return Rating.PASS
        beyond = 1 - TOLERANCE if self.higher_is_better else 1 + TOLERANCE
        # Nothing is within a fifth of none: one lost event is one too many.
        near = Bound(self.relation, self.limit * beyond).holds(value) and self.limit != 0
        return Rating.WARN if near else Rating.FAIL


@dataclass(frozen=True)
class Summary:
    """Many samples in a few figures, in the samples' unit."""

    n: int
    mean: float
    median: float
    p95: float
    p99: float
    max: float
    stddev: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> Summary:
        """Sum up at least one sample."""
        histogram = Histogram(samples)
        # What never came took for ever, and has no deviation.
        is_finite = all(map(math.isfinite, samples))
        return cls(
            n=len(samples),
            mean=statistics.fmean(samples),
            median=statistics.median(samples),
            p95=histogram.percentile(95),
            p99=histogram.percentile(99),
            max=histogram.percentile(100),
            stddev=(statistics.stdev(samples) if len(samples) > 1 else 0.0) if is_finite else math.nan,
        )


@dataclass(frozen=True)
class Row:
    """One figure of one benchmark.

    Attributes:
        name: the benchmark's.
        metric: which figure of it; with the name it is the key by which runs are compared.
        unit: of result, interval and bounds.
        result: NaN where it could not be taken.
        interval: of 95 %, where there is one.
        requirement: what the product owes; decides the verdict.
        goal: what it aims at; decides nothing.
        samples: what the result was made of, where it is one of many samples.
        date: when it was taken, where that was not in this run.
        omitted: why it could not be taken; then there is no result, and no verdict on it.
    """

    name: str
    metric: str
    unit: str
    result: float
    interval: Interval | None = None
    requirement: Bound | None = None
    goal: Bound | None = None
    samples: Summary | None = None
    date: str | None = None
    omitted: str | None = None

    @property
    def verdict(self) -> Rating:
        """How it compares with the requirement."""
        if self.omitted is not None:
            return Rating.NOT_RUN
        return Rating.REPORTED if self.requirement is None else self.requirement.rate(self.result)

    @property
    def is_noisy(self) -> bool:
        """Whether the interval is wider than a tenth of the result to either side."""
        if self.interval is None or not self.result:
            return False
        return (self.interval[1] - self.interval[0]) / 2 > NOISE * abs(self.result)

    @property
    def higher_is_better(self) -> bool:
        """Whether more is better; where nobody says, less is."""
        bound = self.requirement or self.goal
        return bound is not None and bound.higher_is_better

    def as_json(self) -> dict[str, Any]:
        """For machines; numbers rounded to four figures behind the point, NaN as ``None``."""
        return {
            "name": self.name,
            "metric": self.metric,
            "unit": self.unit,
            "requirement": self.requirement and str(self.requirement),
            "goal": self.goal and str(self.goal),
            "goal_met": None if self.goal is None or self.omitted else self.goal.holds(self.result),
            "result": _rounded(self.result),
            "interval": self.interval and [_rounded(end) for end in self.interval],
            "noisy": self.is_noisy,
            "verdict": str(self.verdict),
            "samples": self.samples and {key: _rounded(value) for key, value in vars(self.samples).items()},
            "date": self.date,
            "omitted": self.omitted,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Row:
        """What ``as_json`` has made.

        Raises:
            KeyError, ValueError, TypeError: it was made by something else.
        """
        interval, samples = data["interval"], data["samples"]
        return cls(
            name=data["name"],
            metric=data["metric"],
            unit=data["unit"],
            result=math.nan if data["result"] is None else float(data["result"]),
            interval=None if interval is None else (float(interval[0]), float(interval[1])),
            requirement=bound(data["requirement"]),
            goal=bound(data["goal"]),
            samples=None if samples is None else Summary(**samples),
            date=data.get("date"),
            omitted=data.get("omitted"),
        )


def bound(text: str | None) -> Bound | None:
    """Read what ``str`` of a bound has written, as ``< 10``.

    Raises:
        ValueError: it is none.
    """
    if text is None:
        return None
    relation, _, limit = text.partition(" ")
    if relation not in ("<", "<=", ">", ">="):
        raise ValueError(f"{text!r} is no bound")
    return Bound(relation, float(limit.replace(",", "")))  # type: ignore[arg-type]


def _rounded(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


@dataclass
class Series:
    """Values over time, for a chart: seconds from the beginning, and what was read then."""

    label: str
    points: list[tuple[float, float]] = field(default_factory=list)
