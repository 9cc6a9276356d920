"""docs/metrics.md has every metric of the code, and nothing else."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge

from tools import metrics


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
