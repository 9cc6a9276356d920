"""The metrics of the Kubernetes operator."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from rosey_core.telemetry.metrics import Children

PASS_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class OperatorMetrics:
    """What the operator tells."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.leads = Gauge("rosey_operator_leads", "1 while this operator acts; others wait.", registry=registry)
        self.watches = Gauge(
            "rosey_operator_watches",
            "1 while Kubernetes tells it of changes; else it looks for them every five seconds.",
            registry=registry,
        )
        self.changes = Children(
            Counter(
                "rosey_operator_resource_changes",
                "Changes of resources that Kubernetes told of.",
                ["kind"],
                registry=registry,
            )
        )
        self.passes = Children(
            Counter(
                "rosey_operator_passes",
                "Comparisons of what is wanted with what is, all that follows included.",
                ["kind", "outcome"],
                registry=registry,
            )
        )
        self.pass_seconds = Histogram(
            "rosey_operator_pass_seconds",
            "Time that such a comparison takes, with all that follows.",
            buckets=PASS_BUCKETS,
            registry=registry,
        )
        self.actions = Children(
            Counter(
                "rosey_operator_actions",
                "What was done: entries written and deleted, secrets copied, status written with its events.",
                ["action", "outcome"],
                registry=registry,
            )
        )
        self.channels = Children(
            Gauge(
                "rosey_operator_channels",
                "CytubeChannel resources by their condition Ready: True, False, Unknown.",
                ["ready"],
                registry=registry,
            )
        )
        self.benchmarks = Children(
            Gauge(
                "rosey_operator_benchmarks",
                "RoseyBenchmark resources by their verdict.",
                ["verdict"],
                registry=registry,
            )
        )
        self.benchmark_results = Children(
            Gauge(
                "rosey_operator_benchmark_result",
                "The figures of the latest benchmark run, each in the unit of its label.",
                ["benchmark", "figure", "unit"],
                registry=registry,
            )
        )
