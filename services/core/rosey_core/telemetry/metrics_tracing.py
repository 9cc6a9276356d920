"""The metrics of exporting traces, in each process that does."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter

from rosey_core.telemetry.metrics import Children


class TracingMetrics:
    """What a process tells of the traces that it exports."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.exported = Counter(
            "rosey_tracing_spans_exported",
            "Spans that the receiver of traces took; only where traces are exported.",
            registry=registry,
        )
        self.lost = Children(
            Counter(
                "rosey_tracing_spans_lost",
                "Spans lost: no room to wait, or the receiver did not take them; only where traces are exported.",
                ["reason"],
                registry=registry,
            )
        )
