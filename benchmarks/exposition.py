"""The report's rows as metrics, for a Prometheus and the dashboard *Rosey benchmarks*."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry

from benchmarks.rows import Row
from rosey_core.telemetry.metrics_benchmark import VERDICTS, BenchmarkMetrics


def expose(rows: Iterable[Row], registry: CollectorRegistry, finished: float = 0.0) -> None:
    """Put the rows on a registry.

    Args:
        rows: of one run.
        registry: of the process that serves them.
        finished: when the run ended, in Unix seconds.
    """
    metrics = BenchmarkMetrics(registry)
    show(rows, metrics)
    metrics.finished.set(finished)


def show(rows: Iterable[Row], metrics: BenchmarkMetrics) -> None:
    """Take over rows; one that could not be taken here has no figure."""
    for row in rows:
        if row.omitted is not None:
            continue
        metrics.result[row.name, row.metric, row.unit].set(row.result)
        if row.requirement is not None:
            bound = row.requirement
            metrics.requirement[row.name, row.metric, row.unit, bound.relation].set(bound.limit)
            metrics.verdict[row.name, row.metric].set(VERDICTS[row.verdict])
