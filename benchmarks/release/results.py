"""What a run has found, as it is kept."""

from __future__ import annotations

import importlib.metadata
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from benchmarks import archive
from benchmarks.outcome import NONE_LOST, Outcome
from benchmarks.rows import Rating

VERDICT: Final = "verdict"
SUMMARY: Final = "summary"
FINISHED: Final = "finished"


def verdict(outcomes: Sequence[Outcome]) -> Rating:
    """The worst of all; ``NOT RUN`` where there is none."""
    found = {outcome.verdict for outcome in outcomes}
    order = (Rating.FAIL, Rating.WARN, Rating.PASS, Rating.REPORTED)
    return next((rating for rating in order if rating in found), Rating.NOT_RUN)


def has_failed(outcomes: Sequence[Outcome], *, loss_only: bool) -> bool:
    """Whether anything fails the run.

    Args:
        loss_only: whether that is what may not happen at all, such as a lost event, and not what took too long.
    """
    if not loss_only:
        return verdict(outcomes) is Rating.FAIL
    rows = [row for outcome in outcomes for row in outcome.rows if row.requirement == NONE_LOST]
    return any(outcome.error for outcome in outcomes) or any(row.verdict is Rating.FAIL for row in rows)


def summary(outcomes: Sequence[Outcome], seconds: float) -> str:
    """One line a benchmark, below one of the whole."""
    counts = Counter(str(outcome.verdict) for outcome in outcomes)
    sent = sum(outcome.fate.sent for outcome in outcomes)
    lost = sum(outcome.fate.lost for outcome in outcomes)
    doubled = sum(outcome.fate.doubled for outcome in outcomes)
    whole = (
        f"{verdict(outcomes)}: of {len(outcomes)} benchmarks "
        + ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))
        + f"; {sent:,} events, {lost} lost, {doubled} doubled; rosey {importlib.metadata.version('rosey-core')}, "
        f"{datetime.now(UTC).isoformat(timespec='seconds')}, {seconds:.0f} s"
    )
    return "\n".join([whole, *(f"{outcome.name:<42}{outcome.verdict}" for outcome in outcomes)])


def as_data(outcomes: Sequence[Outcome], seconds: float) -> dict[str, str]:
    """What a ConfigMap holds: texts by their keys."""
    rows = [row for outcome in outcomes for row in outcome.rows]
    return {
        archive.LATEST: archive.as_json(rows),
        archive.TABLE: archive.as_csv(rows),
        SUMMARY: summary(outcomes, seconds),
        VERDICT: str(verdict(outcomes)),
        FINISHED: datetime.now(UTC).isoformat(timespec="seconds"),
    }
