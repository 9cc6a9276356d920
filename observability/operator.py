"""The dashboard *Rosey operator*: whether declared channels are what was declared, and what benchmark runs brought."""

from __future__ import annotations

from typing import Final

from observability.board import Board
from observability.expressions import ANY_IS_BAD, NAMESPACE, NONE, rate
from observability.panels import advice, figure, lines

BOARD: Final = Board(
    name="operator",
    title="Rosey operator",
    meaning="Whether declared channels are what was declared, and what benchmark runs brought.",
    panels=[
        advice(
            "- **Not ready**: `kubectl get ctc --all-namespaces --output wide` names the reason; "
            "runbook RoseyChannelsNotReady.\n"
            "- **Nobody leads**: nothing that is declared has an effect; runbook RoseyOperatorLeaderless. "
            "Bots go on meanwhile.\n"
            "- **Failed actions** are tried again every few seconds: the operator's log says what Kubernetes refuses."
        ),
        figure(
            "Operators that lead",
            f"sum(rosey_operator_leads{{{NAMESPACE}}}){NONE}",
            "1 for each release with an operator.",
        ),
        figure(
            "Channels ready",
            f'sum(rosey_operator_channels{{{NAMESPACE}, ready="True"}}){NONE}',
            "CytubeChannel resources whose bot is in the room.",
        ),
        figure(
            "Channels not ready",
            f'sum(rosey_operator_channels{{{NAMESPACE}, ready!="True"}}){NONE}',
            "Their conditions name the reason.",
            limits=[(1, "orange")],
        ),
        figure(
            "Failed actions in an hour",
            f'sum(increase(rosey_operator_actions_total{{{NAMESPACE}, outcome="error"}}[1h])){NONE}',
            "Refused by Kubernetes or NATS; each is tried again.",
            limits=[(1, "orange"), (10, "red")],
        ),
        figure(
            "Benchmarks passed",
            f'sum(rosey_operator_benchmarks{{{NAMESPACE}, verdict="PASS"}}){NONE}',
            "RoseyBenchmark resources whose last run met all requirements.",
        ),
        figure(
            "Benchmarks failed",
            f'sum(rosey_operator_benchmarks{{{NAMESPACE}, verdict=~"FAIL|ERROR"}}){NONE}',
            "Whose last run missed a requirement, or could not be taken.",
            limits=ANY_IS_BAD,
        ),
        lines(
            "Channels",
            {"ready: {{ready}}": f"sum by (ready) (rosey_operator_channels{{{NAMESPACE}}}){NONE}"},
            "CytubeChannel resources by their condition Ready.",
        ),
        lines(
            "Changes",
            {
                "{{kind}}": rate("rosey_operator_resource_changes_total", by="kind"),
                "operators that are told of none": f"count(rosey_operator_watches{{{NAMESPACE}}} == 0){NONE}",
            },
            "Changes of resources that Kubernetes told of; and how many operators look for them by themselves.",
            unit="ops",
        ),
        lines(
            "Looks",
            {"{{kind}}: {{outcome}}": rate("rosey_operator_passes_total", by="kind, outcome")},
            "Comparisons of what is wanted with what is.",
            unit="ops",
        ),
        lines(
            "Time of a look",
            {
                "p95": "histogram_quantile(0.95, sum by (le) "
                f"(rate(rosey_operator_pass_seconds_bucket{{{NAMESPACE}}}[$__rate_interval]))) >= 0{NONE}"
            },
            "With all that follows; 95 % within.",
            unit="s",
        ),
        lines(
            "Actions",
            {"{{action}}: {{outcome}}": rate("rosey_operator_actions_total", by="action, outcome")},
            "What was done.",
            unit="ops",
        ),
        lines(
            "Benchmarks",
            {"{{verdict}}": f"sum by (verdict) (rosey_operator_benchmarks{{{NAMESPACE}}}){NONE}"},
            "RoseyBenchmark resources by their verdict.",
        ),
        lines(
            "Benchmark results",
            {"{{benchmark}}: {{figure}}, {{unit}}": f"rosey_operator_benchmark_result{{{NAMESPACE}}}{NONE}"},
            "The figures of the latest run, each in its own unit.",
        ),
    ],
)
