"""Panels in the house style: a title that is a thing, a sentence that says what to make of it, a unit, thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from grafana_foundation_sdk.builders import common, dashboard, heatmap, prometheus, stat, text, timeseries
from grafana_foundation_sdk.builders import table as tables
from grafana_foundation_sdk.models.common import BigValueColorMode, GraphTresholdsStyleMode
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.text import TextMode

Panel = heatmap.Panel | stat.Panel | tables.Panel | text.Panel | timeseries.Panel

SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
WIDTH: Final = 24
"""Of a dashboard, in Grafana's units."""

Limits = Sequence[tuple[float, str]]
"""Values from which on a figure has a colour; below the first it is green."""


def advice(content: str) -> text.Panel:
    """What to do, in Markdown, over the whole width."""
    return text.Panel().title("What to do").mode(TextMode.MARKDOWN).content(content).height(5).span(WIDTH)


def figure(title: str, expression: str, meaning: str, *, unit: str = "short", limits: Limits = ()) -> stat.Panel:
    """One number as it is now."""
    query = _query(expression, "").instant()
    return (
        stat.Panel()
        .title(title)
        .description(meaning)
        .datasource(SOURCE)
        .with_target(query)
        .unit(unit)
        .thresholds(_thresholds(limits))
        .color_mode(BigValueColorMode.BACKGROUND)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .height(4)
        .span(4)
    )


def lines(
    title: str, expressions: Mapping[str, str], meaning: str, *, unit: str = "short", limits: Limits = ()
) -> timeseries.Panel:
    """Numbers over time.

    Args:
        title: what is shown.
        expressions: queries by what their lines are called, ``{{label}}`` standing for the value of a label.
        meaning: what to make of it.
        unit: as Grafana calls it.
        limits: where it becomes bad.
    """
    panel = timeseries.Panel().title(title).description(meaning).datasource(SOURCE).unit(unit).height(8).span(12)
    for number, (legend, expression) in enumerate(expressions.items()):
        panel.with_target(_query(expression, legend).exemplar("_bucket" in expression).ref_id(chr(ord("A") + number)))
    # Without a style Grafana draws no limit, only colours by it where a panel asks for that.
    style = GraphTresholdsStyleMode.DASHED if limits else GraphTresholdsStyleMode.OFF
    panel.thresholds(_thresholds(limits)).thresholds_style(common.GraphThresholdsStyleConfig().mode(style))
    return panel.min(0).line_width(1).fill_opacity(10)


def table(
    title: str, expressions: Mapping[str, str], meaning: str, *, words: Mapping[str, Mapping[float, tuple[str, str]]]
) -> tables.Panel:
    """Rows of what has the same labels, with a column for each label and one for each query.

    Args:
        title: what is shown.
        expressions: queries by what their columns are called.
        meaning: what to make of it.
        words: columns whose values are shown as words, each with a colour.
    """
    panel = tables.Panel().title(title).description(meaning).datasource(SOURCE).unit("short").height(16).span(WIDTH)
    names = {}
    for number, (name, expression) in enumerate(expressions.items()):
        letter = chr(ord("A") + number)
        names[f"Value #{letter}"] = name
        panel.with_target(_query(expression, "").instant().format(PromQueryFormat.TABLE).ref_id(letter))
    for column, values in words.items():
        options = {f"{value:g}": {"text": text, "color": colour} for value, (text, colour) in values.items()}
        cell = DynamicConfigValue("custom.cellOptions", {"type": "color-background"})
        mapping = DynamicConfigValue("mappings", [{"type": "value", "options": options}])
        panel.override_by_name(column, [mapping, cell])
    panel.with_transformation(DataTransformerConfig(id_val="merge", options={}))
    columns = {"excludeByName": {"Time": True}, "renameByName": names}
    return panel.with_transformation(DataTransformerConfig(id_val="organize", options=columns))


def heat(title: str, expression: str, meaning: str) -> heatmap.Panel:
    """How a histogram of seconds spreads over time, with exemplars that lead to traces."""
    query = _query(expression, "{{le}}").format(PromQueryFormat.HEATMAP).exemplar(True)
    axis = heatmap.YAxisConfig().unit("s")
    panel = heatmap.Panel().title(title).description(meaning).datasource(SOURCE).with_target(query)
    return panel.y_axis(axis).height(9).span(WIDTH)


def _query(expression: str, legend: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(expression).legend_format(legend).datasource(SOURCE).ref_id("A")


def _thresholds(limits: Limits) -> dashboard.ThresholdsConfig:
    steps = [Threshold(None, "green"), *(Threshold(value, colour) for value, colour in limits)]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
