"""The dashboards' JSON is what Python says, rests on metrics of the code, and tells a reader what to make of it."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any, Final

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from observability.__main__ import BOARDS, DIRECTORY
from observability.board import Board
from observability.panels import WIDTH
from tests.unit.observability.test_rules import RULES
from tools import metrics

PROCESS: Final = {"process_cpu_seconds_total", "process_resident_memory_bytes"}
UNUSED: Final = {
    "rosey_configuration_reloads_total",
    "rosey_tracing_spans_exported_total",
    "rosey_tracing_spans_lost_total",
}
"""For a look by hand."""
FILES: Final = sorted(DIRECTORY.glob("*.json"))


def panels(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)["panels"]
    return found


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_the_file_is_what_python_says(board: Board) -> None:
    assert (DIRECTORY / f"{board.name}.json").read_text() == board.to_json()


def test_there_is_no_other_file() -> None:
    assert {file.stem for file in FILES} == {board.name for board in BOARDS}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_grafanas_types_take_it_and_give_it_back(file: Any) -> None:
    text = file.read_text()
    model = Dashboard.from_json(json.loads(text))
    assert json.loads(json.dumps(model, cls=JSONEncoder)) == json.loads(text)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_queries_rest_on_metrics_of_the_code(file: Any) -> None:
    known = metrics.series() | PROCESS
    for panel in panels(file.read_text()):
        for target in panel.get("targets", []):
            used = set(re.findall(r"\b(?:rosey|process)_[a-z0-9_]+", target["expr"]))
            assert used or "ALERTS" in target["expr"]
            assert used <= known, panel["title"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_first_panel_says_what_to_do_and_each_other_what_it_means(file: Any) -> None:
    first, *others = panels(file.read_text())
    assert first["type"] == "text"
    assert set(re.findall(r"\bRosey[A-Z]\w+", first["options"]["content"])) <= set(RULES)
    for panel in others:
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"].get("unit") or panel["type"] == "heatmap", panel["title"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_panels_lie_beside_each_other_and_leave_no_hole(file: Any) -> None:
    positions = [panel["gridPos"] for panel in panels(file.read_text())]
    cells = Counter(
        (x, y)
        for place in positions
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    )
    assert max(cells.values()) == 1
    last = max(place["y"] for place in positions)
    assert {(x, y) for x, y in cells if y < last} == {(x, y) for x in range(WIDTH) for y in range(last)}
    assert all(x < WIDTH for x, _ in cells)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_limits_rise_and_are_drawn(file: Any) -> None:
    for panel in panels(file.read_text()):
        defaults = panel.get("fieldConfig", {}).get("defaults", {})
        limits = [step["value"] for step in defaults.get("thresholds", {}).get("steps", ())][1:]
        assert limits == sorted(limits), panel["title"]
        if panel["type"] == "timeseries":
            assert (defaults["custom"]["thresholdsStyle"]["mode"] == "dashed") == bool(limits), panel["title"]


def test_each_metric_of_the_code_is_of_use_somewhere() -> None:
    """What neither a dashboard nor a rule asks for is listed as such, so that a forgotten metric is noticed."""
    asked = " ".join([*(file.read_text() for file in FILES), *(rule["expr"] for rule in RULES.values())])
    unused = {
        metric.name
        for described in metrics.catalogue().values()
        for metric in described
        if not any(re.search(rf"\b{name}\b", asked) for name in metric.series)
    }
    assert unused <= UNUSED
