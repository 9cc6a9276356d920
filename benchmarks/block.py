"""What is printed of one benchmark."""

from __future__ import annotations

import math

from benchmarks.outcome import Outcome
from benchmarks.rows import Row


def block(outcome: Outcome) -> str:
    """Its rows, each with its bounds, and for many samples their spread."""
    lines = [f"== {outcome.name}: {outcome.verdict} ({outcome.seconds:.0f} s, {outcome.fate.sent:,} events)"]
    lines += [_line(row) for row in outcome.rows]
    if outcome.error is not None:
        lines.append(f"   did not finish: {outcome.error}")
    return "\n".join(lines)


def _line(row: Row) -> str:
    wanted = [f"requirement {row.requirement}"] if row.requirement else []
    if row.goal is not None:
        wanted.append(f"goal {row.goal} {'met' if row.goal.holds(row.result) else 'NOT met'}")
    text = f"   {row.verdict:<8} {row.metric:<58} {short(row.result):>9} {row.unit:<9}{', '.join(wanted)}"
    if row.omitted is not None:
        text += f"\n{'':12}{row.omitted}"
    if row.interval is not None:
        text += f"\n{'':12}95 %: {short(row.interval[0])} to {short(row.interval[1])}{', noisy' * row.is_noisy}"
        if row.samples is not None:
            s = row.samples
            text += (
                f"; n {s.n:,}, mean {short(s.mean)}, median {short(s.median)}, p95 {short(s.p95)}, "
                f"p99 {short(s.p99)}, max {short(s.max)}, sd {short(s.stddev)}"
            )
    return text


def short(value: float) -> str:
    """Three figures, or all before the point; a dash for what is not there."""
    if math.isnan(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
