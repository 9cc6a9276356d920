"""What a run came to: as one JSON object for programs, in a few lines for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rosey_cli.up.outcome import Reconciliation
from rosey_cli.up.snapshot import Latency, Snapshot


def verdict(reconciliation: Reconciliation | None) -> int:
    """The exit code: 1 where something was lost or doubled, or nothing was stored."""
    if reconciliation is None:
        return 1
    return int(bool(reconciliation.lost or reconciliation.doubled) or not reconciliation.stored)


def as_object(snapshot: Snapshot, reconciliation: Reconciliation | None, *, data: Path) -> dict[str, Any]:
    """The report as it is printed with ``--json``. Times in milliseconds and seconds, memory in megabytes.

    Where the run ended before the comparison, its four figures are null.
    """
    account = reconciliation
    return {
        "published": None if account is None else account.published,
        "stored": None if account is None else account.stored,
        "lost": None if account is None else account.lost,
        "doubled": None if account is None else account.doubled,
        "rejected": None if account is None else account.rejected,
        "findings": [] if account is None else account.findings,
        "frame_to_row_ms": latency_object(snapshot.frame_to_row),
        "publish_to_row_ms": latency_object(snapshot.publish_to_row),
        "seconds": round(snapshot.seconds, 3),
        "processes": {
            process.name: {
                "cpu_seconds": round(process.cpu_seconds, 3),
                "cpu_percent": round(100 * process.cpu_seconds / snapshot.seconds, 1) if snapshot.seconds else 0.0,
                "rss_mb": round(process.rss / 1e6, 1),
                "rss_max_mb": round(process.rss_max / 1e6, 1),
                "restarts": process.restarts,
            }
            for process in snapshot.processes
        },
        "data": str(data),
    }


def latency_object(latency: Latency | None) -> dict[str, float] | None:
    """A latency in a report, in milliseconds."""
    return None if latency is None else {name: round(value, 3) for name, value in latency._asdict().items()}


def as_lines(reconciliation: Reconciliation) -> list[str]:
    """The report for people."""
    account = reconciliation
    rejected = f", {account.rejected} rejected (rosey dlq list)" if account.rejected else ""
    lines = [f"{account.published} events published, {account.stored} stored{rejected}"]
    if not account.lost and not account.doubled:
        return [f"{lines[0]}; none lost, none doubled"]
    return lines + account.findings
