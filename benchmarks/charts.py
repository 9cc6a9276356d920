"""The report's charts: what each shows, made of outcomes."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks import svg
from benchmarks.histogram import Histogram
from benchmarks.outcome import Outcome
from benchmarks.rows import Series

_SLICES: Final = 100
_PERCENTILES: Final = (0.5, 1, 2, 5, *range(10, 95, 5), 95, 97, 98, 99, 99.5, 99.9, 100)


def write(directory: Path, outcomes: Mapping[str, Outcome], hour: Mapping[str, Any], saturation: Any) -> dict[str, str]:
    """Write the charts for which there are figures; returns what each file shows, by its name."""
    made = {
        "latency-distribution.svg": ("How late: share of lines at their row by then", _distribution(outcomes)),
        "latency-over-time.svg": ("Latency while 1,000 lines a second arrive", _over_time(outcomes)),
        "cpu-split.svg": ("What a line costs, and where", _cpu(outcomes)),
        "memory.svg": ("Resident memory while 10,000 events arrive", _memory(outcomes)),
        "memory-hour.svg": ("Resident memory of bot and service over an hour", _hour(hour)),
        "saturation.svg": ("Latency against throughput, up to saturation", _saturation(saturation)),
    }
    directory.mkdir(parents=True, exist_ok=True)
    for name, (_, chart) in made.items():
        if chart is not None:
            (directory / name).write_text(chart)
    return {name: title for name, (title, chart) in made.items() if chart is not None}


def _distribution(outcomes: Mapping[str, Outcome]) -> str | None:
    outcome = outcomes.get("test_single_event_latency")
    if outcome is None or not any(outcome.distributions.values()):
        return None
    series = []
    for label, samples in outcome.distributions.items():
        histogram = Histogram(samples)
        if samples:
            points = [(histogram.percentile(share) * 1e3, float(share)) for share in _PERCENTILES]
            series.append(Series(label, points))
    title = "Latency of a single event, frame to row: share of lines that were there"
    return svg.lines(title, "ms", "% of lines", series, log_x=True)


def _over_time(outcomes: Mapping[str, Outcome]) -> str | None:
    outcome = outcomes.get("test_sustained_throughput")
    if outcome is None or not outcome.series.get("latency") or not outcome.series["latency"][0].points:
        return None
    points = outcome.series["latency"][0].points
    size = max(len(points) // _SLICES, 1)
    slices = [points[begin : begin + size] for begin in range(0, len(points), size)]
    lines = [
        Series(
            "median of a tenth of a second", [(part[0][0], statistics.median(y for _, y in part)) for part in slices]
        ),
        Series("slowest of it", [(part[0][0], max(y for _, y in part)) for part in slices]),
    ]
    return svg.lines("Latency at 1,000 lines a second, frame to row", "seconds", "ms", lines, log_y=True)


def _cpu(outcomes: Mapping[str, Outcome]) -> str | None:
    outcome = outcomes.get("test_cpu_overhead_comparison")
    if outcome is None or not outcome.shares:
        return None
    return svg.bars("CPU of a line, by process", "microseconds", outcome.shares)


def _memory(outcomes: Mapping[str, Outcome]) -> str | None:
    outcome = outcomes.get("test_memory_baseline")
    if outcome is None or not outcome.series.get("memory"):
        return None
    return svg.lines("Resident memory", "seconds", "MB", outcome.series["memory"])


def _hour(raw: Mapping[str, Any]) -> str | None:
    lines = raw.get("series", {}).get("memory over an hour")
    if not lines:
        return None
    series = [Series(label, [(x / 60, y) for x, y in points]) for label, points in lines.items()]
    return svg.lines("Resident memory of bot and service, 100 lines a second", "minutes", "MB", series)


def _saturation(saturation: Any) -> str | None:
    if not saturation:
        return None
    series: Sequence[Series] = [
        Series(
            f"{channels} channel{'s' * (channels != '1')}",
            sorted((point["rate"], point["p99_ms"]) for point in points if point["p99_ms"] is not None),
        )
        for channels, points in saturation["points"].items()
    ]
    if not all(line.points for line in series):
        return None
    title = "99th percentile of latency, frame to row, against the offered rate"
    return svg.lines(title, "lines a second", "ms", series, log_y=True)
