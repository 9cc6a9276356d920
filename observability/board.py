"""A dashboard: panels with the variables and links that all of them have, and their JSON as Grafana takes it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
)

from observability.panels import SOURCE, Panel


@dataclass(frozen=True, kw_only=True)
class Board:
    """A dashboard.

    Attributes:
        name: of its file, and of its address in Grafana.
        title: what it is called.
        meaning: the question that it answers.
        panels: from the top left to the bottom right.
        variables: what can be chosen beside the namespace: labels, by each the series that have it.
    """

    name: str
    title: str
    meaning: str
    panels: Sequence[Panel]
    variables: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """As Grafana takes it, the same text each time."""
        builder = (
            dashboard.Dashboard(self.title)
            .uid(f"rosey-{self.name}")
            .description(self.meaning)
            .tags(["rosey"])
            .time("now-1h", "now")
            .refresh("10s")
            .tooltip(DashboardCursorSync.CROSSHAIR)
            .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
            .with_variable(_variable("namespace", "rosey_build_info"))
            .link(
                dashboard.DashboardLink("Rosey")
                .type(DashboardLinkType.DASHBOARDS)
                .tags(["rosey"])
                .include_vars(True)
                .keep_time(True)
            )
        )
        for label, series in self.variables.items():
            builder.with_variable(_variable(label, series))
        for number, panel in enumerate(self.panels, 1):
            builder.with_panel(panel.id(number))
        return json.dumps(builder.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


def _variable(name: str, series: str) -> dashboard.QueryVariable:
    # "All" is everything, series without the label, too: those of a Rosey outside of a cluster.
    return (
        dashboard.QueryVariable(name)
        .label(name.capitalize())
        .datasource(SOURCE)
        .query(f"label_values({series}, {name})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .current(VariableOption(selected=True, text="All", value="$__all"))
        .multi(True)
        .include_all(True)
        .all_value(".*")
    )
