"""The dashboard *Rosey benchmarks*: what runs of the benchmarks found, beside what is required."""

from __future__ import annotations

from typing import Final

from observability.board import Board
from observability.expressions import ANY_IS_BAD, BENCHMARK, NAMESPACE
from observability.panels import advice, figure, lines, table

_FINISHED: Final = f"last_over_time(rosey_benchmark_finished_timestamp_seconds{{{NAMESPACE}}}[7d])"


def _last(metric: str, selector: str = BENCHMARK) -> str:
    """The query of what the newest run told last: its process may have ended soon after."""
    return (
        f"(last_over_time({metric}{{{selector}}}[7d]) and on (instance, pod) ({_FINISHED} == scalar(max({_FINISHED}))))"
    )


def _figures(metric: str, selector: str = "") -> str:
    """The query of the newest run's figures, without what tells where it ran."""
    chosen = f"{BENCHMARK}, {selector}" if selector else BENCHMARK
    return f"max by (benchmark, figure, unit) {_last(metric, chosen)}"


def _over_time(unit: str) -> dict[str, str]:
    """The query of the figures of a unit, a line each."""
    return {"{{figure}}": f'max by (benchmark, figure) (rosey_benchmark_result{{{BENCHMARK}, unit="{unit}"}})'}


_LOST: Final = _figures("rosey_benchmark_result", 'figure="events lost or doubled"')
_VERDICTS: Final = f"max by (benchmark, figure) {_last('rosey_benchmark_verdict')}"

BOARD: Final = Board(
    name="benchmarks",
    title="Rosey benchmarks",
    meaning="What runs of the benchmarks found, beside what is required.",
    variables={"benchmark": f"rosey_benchmark_result{{{NAMESPACE}}}"},
    panels=[
        advice(
            "Empty: no run has told Prometheus anything in the last seven days.\n\n"
            "- **Missed**: run it once more, alone on the machine; figures of a busy one say nothing. "
            "`rosey bench --only NAME` takes one.\n"
            "- **Lost or doubled events** are a fault at any speed: keep the run's directory.\n"
            "- What each figure means, and what would make it lie: benchmarks/README.md."
        ),
        figure(
            "Missed by far",
            f"count({_VERDICTS} == 2) or vector(0)",
            "Requirements that are missed by more than a fifth.",
            limits=ANY_IS_BAD,
        ),
        figure(
            "Nearly met",
            f"count({_VERDICTS} == 1) or vector(0)",
            "Requirements that are missed by a fifth at most.",
            limits=[(1, "orange")],
        ),
        figure("Met", f"count({_VERDICTS} == 0) or vector(0)", "Requirements that are met."),
        figure(
            "Benchmarks",
            f"count(count by (benchmark) {_last('rosey_benchmark_result')}) or vector(0)",
            "Benchmarks that told something.",
        ),
        figure(
            "Events lost or doubled",
            f"sum({_LOST}) or vector(0)",
            "In all benchmarks; one is too many.",
            limits=ANY_IS_BAD,
        ),
        figure(
            "Last run ended",
            f"1000 * max({_FINISHED}) or vector(0)",
            "In 1970: none has.",
            unit="dateTimeFromNow",
        ),
        table(
            "Figures beside what is required",
            {
                "result": _figures("rosey_benchmark_result"),
                "below": _figures("rosey_benchmark_requirement", 'relation=~"<.*"'),
                "above": _figures("rosey_benchmark_requirement", 'relation=~">.*"'),
                "verdict": _VERDICTS,
            },
            "In the unit beside it. WARN misses its requirement by a fifth at most, FAIL by more.",
            words={"verdict": {0: ("PASS", "green"), 1: ("WARN", "orange"), 2: ("FAIL", "red")}},
        ),
        lines("Latency", _over_time("ms"), "In milliseconds, by run.", unit="ms"),
        lines("Duration", _over_time("s"), "Of bursts and restarts, in seconds.", unit="s"),
        lines("Throughput", _over_time("1/s"), "Events a second.", unit="ops"),
        lines("CPU of a line", _over_time("us"), "In microseconds, of all processes of a way.", unit="µs"),
        lines("Memory", _over_time("MB"), "In millions of bytes.", unit="decmbytes"),
        lines("Shares", _over_time("%"), "CPU above the direct writer's, and growth of memory.", unit="percent"),
    ],
)
