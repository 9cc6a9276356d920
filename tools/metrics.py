"""Write docs/metrics.md from the code's registries: every metric with its type, its labels and what it tells.

``--check`` writes nothing and fails where the document is not what the code says.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric

from rosey_bot.cytube.frames import NAMES
from rosey_core.config.reload import ConfigurationMetrics
from rosey_core.health import Health, HealthCollector
from rosey_core.telemetry.metrics import BusMetrics, new_registry
from rosey_core.telemetry.metrics_benchmark import BenchmarkMetrics
from rosey_core.telemetry.metrics_bot import BotMetrics, PoolMetrics
from rosey_core.telemetry.metrics_database import DatabaseMetrics
from rosey_core.telemetry.metrics_operator import OperatorMetrics
from rosey_core.telemetry.metrics_tracing import TracingMetrics
from tools.generated import ROOT, write_or_compare

DOCUMENT: Final = ROOT / "docs/metrics.md"

HEADER: Final = """# Metrics

Written by `make documents` from the code; CI compares. Each process serves these at `/metrics`, as Prometheus text or,
where the scraper asks for it, as OpenMetrics. Times are in seconds, sizes in bytes. `rosey_build_info` has the process
in its label `service`; dashboards, rules and their runbooks: [observability.md](observability.md).

What the process itself needs is told by the usual metrics of Prometheus' Python client: `process_cpu_seconds_total`,
`process_resident_memory_bytes`, `process_open_fds`, `process_start_time_seconds`, `python_gc_collections_total`.

## Labels

No label has a value that a stranger can make up: not a user's name, nor text of the chat.

| label | values |
|---|---|
"""

LABELS: Final = {
    "action": "what the operator does: `PutEntry`, `DeleteEntry`, `CopySecrets`, `SetStatus` for channels; "
    "`StartJob`, `DeleteRun`, `KeepResults`, `SetStatus` for benchmark runs",
    "benchmark": "names of the benchmarks",
    "channel": "keys of channels that the bot is told to sit in",
    "check": "what a process looks at: `nats`, `database`, `ingest`, `pool`, `channel KEY`",
    "command": "names of commands that the bot knows, plug-ins' too, or `unknown`",
    "figure": "names of the report's figures",
    "event": "names of CyTube's frames that the bot knows, or `other`",
    "kind": "`CytubeChannel` or `RoseyBenchmark`",
    "outcome": "one of a few words of the code: `success` or `error`, `done` or `failed`",
    "plugin": "names of installed plug-ins",
    "reason": "one of a few words of the code",
    "ready": "`True`, `False` or `Unknown`",
    "route": "routes of the [HTTP API](api.md), or `unknown`",
    "status": "of HTTP",
    "relation": "`<`, `<=`, `>` or `>=`",
    "service": "`rosey-bot`, `rosey-database` or `rosey-operator`",
    "subject": "subjects of the [contract](contract.md) without channel, or `other`",
    "table": "tables of the database",
    "unit": "of a figure: `ms`, `1/s`, `%` and others",
    "verdict": "`PASS`, `WARN`, `FAIL`, `ERROR`, `Running`, `Waiting`",
    "version": "of Rosey",
    "python": "its version",
}


class Description(NamedTuple):
    """A metric.

    Attributes:
        name: as Prometheus has it, a counter's with ``_total``.
        type: ``counter``, ``gauge``, ``histogram``.
        labels: their names.
        text: what it tells.
    """

    name: str
    type: str
    labels: tuple[str, ...]
    text: str

    @property
    def series(self) -> set[str]:
        """The names that may stand in a query."""
        if self.type == "histogram":
            return {f"{self.name}{suffix}" for suffix in ("_bucket", "_count", "_sum")}
        return {self.name}


def _common(registry: CollectorRegistry) -> None:
    BusMetrics(registry)
    TracingMetrics(registry)
    ConfigurationMetrics(registry)
    registry.register(HealthCollector(Health("nats")))


def _bot(registry: CollectorRegistry) -> None:
    BotMetrics(registry, NAMES)


SECTIONS: Final[dict[str, Callable[[CollectorRegistry], object]]] = {
    "Every process": _common,
    "rosey-bot": _bot,
    "rosey-bot in a pool": PoolMetrics,
    "rosey-database": DatabaseMetrics,
    "rosey-operator": OperatorMetrics,
    "A run of the benchmarks": BenchmarkMetrics,
}


def describe(make: Callable[[CollectorRegistry], object]) -> list[Description]:
    """The metrics that ``make`` puts on a registry, by name."""
    registry = _Registry()
    make(registry)
    found = [_description(family, labels) for family, labels in registry.families()]
    return sorted(found)


def catalogue() -> dict[str, list[Description]]:
    """All metrics by the process that tells them."""
    found = {title: describe(make) for title, make in SECTIONS.items()}
    build = Description("rosey_build_info", "gauge", ("service", "version", "python"), "What runs here.")
    # It is made with the registry, among what is not Rosey's own.
    assert new_registry("rosey-bot", "1").get_sample_value(
        build.name, {"service": "rosey-bot", "version": "1", "python": sys.version.split()[0]}
    )
    found["Every process"] = sorted([*found["Every process"], build])
    return found


def series() -> set[str]:
    """Every name of Rosey's that may stand in a query."""
    return {name for metrics in catalogue().values() for metric in metrics for name in metric.series}


class _Registry(CollectorRegistry):
    """Remembers what registers, with its labels, which nothing tells before there are children."""

    def __init__(self) -> None:
        super().__init__()
        self._registered: list[object] = []

    def register(self, collector: object) -> None:
        self._registered.append(collector)
        super().register(collector)  # type: ignore[arg-type]

    def families(self) -> list[tuple[Metric, Collection[str]]]:
        found: list[tuple[Metric, Collection[str]]] = []
        for collector in self._registered:
            labels = collector._labelnames if isinstance(collector, MetricWrapperBase) else None
            found += [
                (family, getattr(family, "_labelnames", ()) if labels is None else labels)
                for family in collector.collect()  # type: ignore[attr-defined]
            ]
        return found


def _description(family: Metric, labels: Collection[str]) -> Description:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    return Description(name, family.type, tuple(labels), family.documentation)


def document() -> str:
    """The whole document."""
    found = catalogue()
    used = {label for metrics in found.values() for metric in metrics for label in metric.labels}
    lines = [HEADER + "\n".join(f"| `{label}` | {LABELS[label]} |" for label in sorted(used))]
    for title, metrics in found.items():
        lines += ["", f"## {title}", "", "| metric | type | labels | what it tells |", "|---|---|---|---|"]
        for metric in metrics:
            labels = ", ".join(f"`{label}`" for label in metric.labels)
            lines.append(f"| `{metric.name}` | {metric.type} | {labels} | {metric.text} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(write_or_compare({DOCUMENT: document()}, source="the code says"))
