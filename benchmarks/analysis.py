"""What the figures say, in sentences: each is there only where the figures of this run give it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from benchmarks.block import short
from benchmarks.outcome import Outcome
from benchmarks.rows import Rating, Row

LITTLE_ROOM: Final = 1.5
BUSY_LOAD: Final = 0.5
_QUIET: Final = "at 100/s"


def findings(rows: Sequence[Row], outcomes: Mapping[str, Outcome], saturation: Any) -> list[str]:
    """What was found."""
    return [*_room(rows), *_ratios(rows), *_costs(outcomes), *_goals(rows), *_saturation(saturation)]


def recommendations(
    rows: Sequence[Row], outcomes: Mapping[str, Outcome], environment: Mapping[str, Any], saturation: Any
) -> list[str]:
    """What to do about it."""
    return [
        *_repairs(rows),
        *_economies(outcomes),
        *_sizing(saturation),
        *noise(rows, environment),
    ]


def _room(rows: Sequence[Row]) -> Iterator[str]:
    judged = [row for row in rows if row.requirement is not None and row.requirement.limit and row.result > 0]
    judged = [row for row in judged if row.unit != "%"]
    if not judged:
        return
    tightest = min(judged, key=_headroom)
    yield (
        f"The requirement with the least room is {tightest.metric} of `{tightest.name}`: "
        f"{short(tightest.result)} {tightest.unit} where {tightest.requirement} is required, "
        f"a factor of {_headroom(tightest):.1f}."
    )


def _headroom(row: Row) -> float:
    assert row.requirement is not None
    factor = row.requirement.limit / row.result
    return 1 / factor if row.requirement.higher_is_better else factor


def _ratios(rows: Sequence[Row]) -> Iterator[str]:
    """Each way's median or mean against Rosey's, where both stand in one benchmark."""
    own = {(row.name, row.metric): row for row in rows}
    for (name, metric), row in own.items():
        what, _, rest = metric.partition(", ")
        way, _, statistic = rest.rpartition(", ")
        base = own.get((name, f"{what}, {statistic}"))
        if not way or base is None or not (row.result > 0 and base.result > 0):
            continue
        ratio = row.result / base.result
        compared = f"{ratio:.1f} times Rosey's" if ratio >= 1 else f"{ratio:.0%} of Rosey's"
        yield f"{what}, {statistic}: {way} takes {short(row.result)} {row.unit}, {compared} {short(base.result)}."


def _costs(outcomes: Mapping[str, Outcome]) -> Iterator[str]:
    outcome = outcomes.get("test_cpu_overhead_comparison")
    for label, parts in (outcome.shares if outcome else {}).items():
        whole = sum(parts.values())
        if label.startswith("rosey ") and whole > 0:
            split = ", ".join(f"{part} {value:,.0f} us ({value / whole:.0%})" for part, value in parts.items())
            yield f"CPU of a line {label.removeprefix('rosey ')}: {split}."


def _goals(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        if row.goal is not None and not row.goal.holds(row.result):
            yield f"Goal not met: {row.metric}, {short(row.result)} {row.unit} instead of {row.goal}."


def _saturation(saturation: Any) -> Iterator[str]:
    for channels, limit in (saturation or {}).get("limits", {}).items():
        if limit:
            where = f"With {channels} channel{'s' * (channels != '1')}"
            yield f"{where} p99 stays below 100 ms, and nothing is lost, up to {limit:,.0f} lines a second."


def _repairs(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        if row.verdict in (Rating.FAIL, Rating.WARN):
            result = f"{short(row.result)} {row.unit}, required {row.requirement}"
            yield f"**{row.verdict}** {row.metric} of `{row.name}`: {result}."


def _economies(outcomes: Mapping[str, Outcome]) -> Iterator[str]:
    outcome = outcomes.get("test_cpu_overhead_comparison")
    shares = outcome.shares if outcome else {}
    quiet, burst = shares.get(f"rosey {_QUIET}"), shares.get("rosey in a burst")
    if not quiet or not burst or not sum(burst.values()):
        return
    factor = sum(quiet.values()) / sum(burst.values())
    dearest = max(quiet, key=lambda part: quiet[part])
    if factor > 2:
        yield (
            f"A line costs {factor:.1f} times as much when lines come one by one as in a burst, most of it in "
            f"{dearest}: what is paid for is the wake-up and the transaction, not the line. To save CPU at low rates, "
            "let more lines share a transaction, and pay with latency."
        )
    direct = shares.get(f"direct {_QUIET}")
    if direct and sum(quiet.values()) > sum(direct.values()):
        share = sum(quiet.values()) / sum(direct.values()) - 1
        yield (
            f"With nats-server, a quiet room's line costs {share:.0%} more than written directly: "
            "that is the price of losing nothing when a process dies."
        )


def _sizing(saturation: Any) -> Iterator[str]:
    limits = [limit for limit in (saturation or {}).get("limits", {}).values() if limit]
    if limits:
        half = min(limits) / 2
        yield f"Plan for at most {half:,.0f} lines a second on a machine like this one: half of the lowest limit."


def was_busy(environment: Mapping[str, Any]) -> bool:
    """Whether the machine did something else when the run began."""
    return bool((environment.get("load_before") or [math.nan])[0] > BUSY_LOAD)


def noise(rows: Sequence[Row], environment: Mapping[str, Any]) -> Iterator[str]:
    """What may be the machine's, and not Rosey's."""
    noisy = sum(row.is_noisy for row in rows)
    if was_busy(environment):
        load = environment["load_before"][0]
        yield f"The machine was busy before the run (load {load:.2f}): repeat it on a quiet one to trust its tails."
    if noisy:
        yield f"{noisy} of {len(rows)} figures are noisy (an interval of more than 10 % to a side): compare intervals."
