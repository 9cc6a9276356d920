"""docs/metrics.md has every metric of the code, and nothing else; what other documents name exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge

from tools import metrics

MODULE: Final = "rosey_core.telemetry.metrics"
SERVICES: Final = metrics.ROOT / "services"
KINDS: Final = {
    **dict.fromkeys(("Counter", "CounterMetricFamily"), "_total"),
    **dict.fromkeys(("Gauge", "GaugeMetricFamily", "Histogram", "BatchHistogram"), ""),
    "Info": "_info",
}
"""What makes a metric, and what Prometheus puts behind its name."""
MODULES: Final = {"prometheus_client", "prometheus_client.core", "prometheus_client.metrics_core", MODULE}
PATTERN: Final = re.compile(rf"\brosey_(?:{'|'.join({name.split('_')[1] for name in metrics.series()})})_[a-z0-9_]+")
"""What looks like a metric, and not like a package."""


def made(source: str) -> Iterator[str]:
    """The names of the metrics that this code makes, as a query has them."""
    # Most files make none, and to read them all takes seconds.
    if not any(module in source for module in MODULES):
        return
    tree = ast.parse(source)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module in MODULES]
    kinds = {alias.name for node in imports for alias in node.names} & set(KINDS)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds:
            name = node.args[0]
            assert isinstance(name, ast.Constant), f"line {node.lineno}: a metric's name stands where it is made"
            yield f"{name.value}{KINDS[node.func.id]}"


def documents() -> list[Path]:
    """What people read, but the document itself."""
    top = [*metrics.ROOT.glob("*.md"), *metrics.ROOT.glob("benchmarks/*.md"), *metrics.ROOT.glob("charts/*/*.md")]
    return [path for path in (*top, *metrics.ROOT.glob("docs/**/*.md")) if path != metrics.DOCUMENT]


def test_the_document_has_each_metric_that_the_code_makes() -> None:
    found = {name for file in SERVICES.glob("*/rosey_*/**/*.py") for name in made(file.read_text(encoding="utf-8"))}
    told = {metric.name for described in metrics.catalogue().values() for metric in described}
    assert found == told


def test_a_metric_that_is_made_elsewhere_would_be_noticed() -> None:
    imported = "from prometheus_client import Counter, Gauge\n"
    assert list(made(f'{imported}x = Counter("rosey_bot_things", "What there was.")')) == ["rosey_bot_things_total"]
    with pytest.raises(AssertionError, match="line 2"):
        list(made(f'{imported}x = Gauge(name, "What there is.")'))


def test_what_documents_name_exists() -> None:
    known = metrics.series() | {metric.name for found in metrics.catalogue().values() for metric in found}
    named = {(path.name, name) for path in documents() for name in PATTERN.findall(path.read_text(encoding="utf-8"))}
    assert len(named) > 5
    assert {(file, name) for file, name in named if name not in known} == set()


def test_the_document_is_what_the_code_says() -> None:
    assert metrics.DOCUMENT.read_text(encoding="utf-8") == metrics.document()


def test_a_metric_more_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    as_it_is = metrics.SECTIONS["rosey-bot"]

    def more(registry: CollectorRegistry) -> None:
        as_it_is(registry)
        Gauge("rosey_bot_mood", "Better above 0.", registry=registry)

    monkeypatch.setattr(metrics, "SECTIONS", {**metrics.SECTIONS, "rosey-bot": more})
    assert metrics.DOCUMENT.read_text(encoding="utf-8") != metrics.document()


def test_a_metric_is_told_by_its_name_in_queries_and_its_labels() -> None:
    def make(registry: CollectorRegistry) -> None:
        Counter("rosey_bot_things", "What there was.", ["channel"], registry=registry)

    (found,) = metrics.describe(make)
    assert found == ("rosey_bot_things_total", "counter", ("channel",), "What there was.")


def test_a_histogram_has_three_names() -> None:
    assert {f"rosey_bot_ack_seconds{suffix}" for suffix in ("_bucket", "_count", "_sum")} <= metrics.series()
    assert "rosey_bot_ack_seconds" not in metrics.series()
