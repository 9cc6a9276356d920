"""Distributions of durations."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

_STEPS: Final = 64
"""Buckets for each doubling of the value: no bucket is wider than 1.6 %."""


class Histogram:
    """Durations in seconds. All are kept, so that percentiles are those of the samples, not of buckets.

    Args:
        samples: durations, in any order.
    """

    def __init__(self, samples: Iterable[float] = ()) -> None:
        self._sorted = sorted(samples)

    def __len__(self) -> int:
        return len(self._sorted)

    @property
    def mean(self) -> float:
        """NaN where there is no sample."""
        return statistics.fmean(self._sorted) if self._sorted else math.nan

    def percentile(self, share: float) -> float:
        """The smallest sample that so many percent are not above; NaN where there is none."""
        if not self._sorted:
            return math.nan
        rank = math.ceil(share / 100 * len(self._sorted))
        return self._sorted[max(rank, 1) - 1]

    def milliseconds(self) -> dict[str, float]:
        """Count, mean, percentiles and extremes, all but the count in milliseconds."""
        if not self._sorted:
            return {"n": 0}
        named = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99.9": 99.9}
        return {
            "n": len(self._sorted),
            "mean": round(statistics.fmean(self._sorted) * 1e3, 4),
            **{name: round(self.percentile(share) * 1e3, 4) for name, share in named.items()},
            "max": round(self._sorted[-1] * 1e3, 4),
        }

    def buckets(self) -> list[list[float]]:
        """[[microseconds, samples], ...]: HDR-style, each bucket by its lower bound, none wider than 1.6 %."""
        counts = Counter(_lower_bound(sample * 1e6) for sample in self._sorted)
        return [[bound, counts[bound]] for bound in sorted(counts)]

    def as_json(self) -> dict[str, Any]:
        """Summary and buckets."""
        return {**self.milliseconds(), "buckets_us": self.buckets()}


def _lower_bound(microseconds: float) -> float:
    if microseconds < _STEPS:
        return float(math.floor(microseconds))
    mantissa, exponent = math.frexp(microseconds)
    return math.ldexp(math.floor(mantissa * 2 * _STEPS) / (2 * _STEPS), exponent)


def median(values: Sequence[float]) -> float:
    """The middle of what several runs gave; NaN for none."""
    return statistics.median(values) if values else math.nan
