"""Figures of the benchmarks as metrics, and the dashboard that asks for them."""

from __future__ import annotations

import json
import re
from typing import Final

import pytest
from prometheus_client import CollectorRegistry

from benchmarks import archive
from benchmarks.exposition import expose
from benchmarks.rows import Bound, Row
from observability.benchmarks import BOARD

LATENCY: Final = {"benchmark": "test_burst_handling", "figure": "frame to row, mean"}


@pytest.mark.parametrize(("result", "verdict"), [(4.0, 0), (5.5, 1), (9.0, 2), (float("nan"), 2)])
def test_a_figure_is_told_beside_what_is_required(result: float, verdict: int) -> None:
    registry = CollectorRegistry()
    row = Row(LATENCY["benchmark"], LATENCY["figure"], "ms", result, requirement=Bound("<", 5.0))
    expose([row], registry, finished=1_700_000_000.0)
    value = registry.get_sample_value
    assert str(value("rosey_benchmark_result", {**LATENCY, "unit": "ms"})) == str(result)
    assert value("rosey_benchmark_requirement", {**LATENCY, "unit": "ms", "relation": "<"}) == 5
    assert value("rosey_benchmark_verdict", LATENCY) == verdict
    assert value("rosey_benchmark_finished_timestamp_seconds") == 1_700_000_000


def test_what_is_only_reported_has_no_verdict() -> None:
    registry = CollectorRegistry()
    expose([Row(LATENCY["benchmark"], LATENCY["figure"], "ms", 4.0)], registry)
    assert registry.get_sample_value("rosey_benchmark_verdict", LATENCY) is None


def test_the_dashboard_asks_for_every_unit_and_for_figures_that_exist() -> None:
    text = BOARD.to_json()
    told = [Row.from_json(row) for row in json.loads((archive.RESULTS / archive.LATEST).read_text())]
    assert set(re.findall(r'unit=\\"([^\\]+)', text)) >= {row.unit for row in told} - {"events", "acts", "questions"}
    assert set(re.findall(r'figure=\\"([^\\]+)', text)) <= {row.metric for row in told}
