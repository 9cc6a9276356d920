"""The report: everything that was found is in it, and what did not run is said."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import archive, charts, svg
from benchmarks.document import Run, document
from benchmarks.names import HOUR, NAMES
from benchmarks.outcome import Outcome
from benchmarks.rows import Bound, Series
from benchmarks.verdict import Verdict

ENVIRONMENT: dict[str, Any] = {"date": "2026-01-02T03:04:05+00:00", "rosey": "1.0", "commit": "abc", "load_before": [0]}


@pytest.fixture
def outcome() -> Outcome:
    made = Outcome("test_single_event_latency", group="TestLatencyBenchmarks", description="One event.")
    samples = [[0.001 * (1 + number % 7) for number in range(50)] for _ in range(2)]
    made.latency("frame to row", samples, required={"mean": Bound("<", 5)}, goals={"p99": Bound("<", 2)})
    made.latency("frame to row, direct writer", samples)
    made.judge_fate(Verdict(100, 0, 0))
    made.finish()
    return made


def report_of(*outcomes: Outcome, **more: Any) -> str:
    named = {outcome.name: outcome for outcome in outcomes}
    return document(Run(outcomes=named, environment=ENVIRONMENT, seconds=12.0, **more))


def test_requirement_goal_result_and_verdict_stand_beside_each_other(outcome: Outcome) -> None:
    report = report_of(outcome)
    assert "| frame to row, mean | < 5 |  | 3.94 ms |" in report
    assert "| frame to row, p99 |  | < 2 **not met** | 7 ms |" in report
    assert "**1 of 10**" in report
    assert "100 sent, 0 lost, 0 doubled" in report


def test_every_benchmark_is_named_and_what_did_not_run_is_said(outcome: Outcome) -> None:
    report = report_of(outcome)
    for name in NAMES:
        assert f"| `{name}` |" in report
    assert report.count("**NOT RUN**") == 9


def test_the_hour_shows_its_last_run_with_its_date(tmp_path: Path, outcome: Outcome) -> None:
    hour = Outcome(HOUR, group="TestMemoryOverhead")
    hour.figure("memory growth", "%", [0.5], required=Bound("<", 2))
    hour.finish()
    archive.write_hour(tmp_path, hour, "2025-12-31T00:00:00+00:00")
    report = report_of(outcome, hour=archive.read_hour(tmp_path))
    assert f"| `{HOUR}` | **PASS** (run of 2025-12-31T00:00:00+00:00) | memory growth 0.5 % (< 2) |" in report


def test_a_failure_is_in_the_recommendations(outcome: Outcome) -> None:
    outcome.figure("slow", "s", [3.0], required=Bound("<", 1))
    assert "**FAIL** slow of `test_single_event_latency`: 3 s, required < 1." in report_of(outcome)


def test_the_ratio_to_another_way_is_derived_from_the_figures(outcome: Outcome) -> None:
    assert "direct writer takes 4 ms, 1.0 times Rosey's 4." in report_of(outcome)


def test_the_event_path_goals_are_included_met_or_not(outcome: Outcome) -> None:
    content = {
        "frame_to_row_ms": {"p50": 1.5, "p99": 9.0},
        "cpu_us": 80.0,
        "goals": {
            "frame_to_row_ms.p99": {"goal": "< 8", "met": False},
            "cpu_us": {"goal": "<= 90", "met": True},
        },
        "events": {"sent": 10, "lost": 0, "doubled": 0},
        "scale": {"runs": 5},
        "environment": ENVIRONMENT,
    }
    report = report_of(outcome, event_path=content)
    assert "| `frame_to_row_ms.p99` | < 8 | 9 | **not met** |" in report
    assert "| `cpu_us` | <= 90 | 80 | met |" in report


def test_the_saturation_is_included(outcome: Outcome) -> None:
    point = {"rate": 2000.0, "p50_ms": 2.0, "p99_ms": 40.0, "lost": 0, "cores": {"bot": 0.6}}
    content = {"environment": ENVIRONMENT, "limits": {"10": 2000.0}, "points": {"10": [point]}}
    report = report_of(outcome, saturation=content)
    assert "| 10 | 2,000 | 40 | bot 60% |" in report


def test_results_are_one_object_a_row_and_the_same_as_csv(tmp_path: Path, outcome: Outcome) -> None:
    archive.write(tmp_path, [outcome], outcome.rows, ENVIRONMENT)
    objects = json.loads((tmp_path / archive.LATEST).read_text())
    assert {"name", "metric", "requirement", "goal", "result", "interval", "verdict"} <= set(objects[0])
    with (tmp_path / archive.TABLE).open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [line["metric"] for line in table] == [each["metric"] for each in objects]
    assert [float(line["result"]) for line in table] == [each["result"] for each in objects]


def test_charts_are_well_formed_and_named_in_the_report(tmp_path: Path, outcome: Outcome) -> None:
    made = charts.write(tmp_path, {outcome.name: outcome}, {}, None)
    assert list(made) == ["latency-distribution.svg"]
    ElementTree.parse(tmp_path / "latency-distribution.svg")
    assert "results/charts/latency-distribution.svg" in report_of(outcome, charts=made)


def test_the_saturation_and_the_hour_have_charts_of_their_own(tmp_path: Path) -> None:
    points = [{"rate": 1000.0, "p99_ms": 4.0}, {"rate": 500.0, "p99_ms": 2.0}, {"rate": 9000.0, "p99_ms": None}]
    hour = {"series": {"memory over an hour": {"Rosey": [[0.0, 120.0], [3600.0, 121.0]]}}}
    made = charts.write(tmp_path, {}, hour, {"points": {"1": points, "10": points}})
    assert list(made) == ["memory-hour.svg", "saturation.svg"]
    for name in made:
        ElementTree.parse(tmp_path / name)
    assert "10 channels" in (tmp_path / "saturation.svg").read_text()


def test_a_chart_has_colours_for_a_dark_page_and_escapes_its_text() -> None:
    chart = svg.lines("a < b", "x", "y", [Series("one & two", [(0.0, 1.0), (1.0, 2.0)])])
    assert "prefers-color-scheme: dark" in chart
    root = ElementTree.fromstring(chart)
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "a < b" in texts
    assert "one & two" in texts


def test_a_bar_is_as_long_as_its_parts() -> None:
    chart = ElementTree.fromstring(svg.bars("t", "us", {"a": {"bot": 10.0, "nats": 30.0}, "b": {"bot": 40.0}}))
    widths = [
        float(element.attrib["width"])
        for element in chart.iter("{http://www.w3.org/2000/svg}rect")
        if element.attrib["height"] != "12"
    ]
    assert widths[0] + widths[1] == pytest.approx(widths[2], abs=0.2)
    assert widths[1] == pytest.approx(3 * widths[0], abs=0.2)
