"""What came of a run."""

from __future__ import annotations

from dataclasses import dataclass, field

from rosey_cli.up.snapshot import Snapshot


@dataclass(kw_only=True)
class Reconciliation:
    """What came of the events of a run.

    Attributes:
        published: messages that the stream took.
        stored: those of them whose effects are in the database.
        rejected: those that are no events; they are in the dead letters.
        lost: effects that are not in the database.
        doubled: effects that are in the database more often than they happened.
        findings: what was lost or doubled, in words.
    """

    published: int = 0
    stored: int = 0
    rejected: int = 0
    lost: int = 0
    doubled: int = 0
    findings: list[str] = field(default_factory=list)

    def lose(self, count: int, what: str) -> None:
        """Note a loss, if it is one."""
        if count > 0:
            self.lost += count
            self.findings.append(f"lost: {count} {what}")

    def double(self, count: int, what: str) -> None:
        """Note something that is there too often, if it is."""
        if count > 0:
            self.doubled += count
            self.findings.append(f"doubled: {count} {what}")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a run; ``reconciliation`` where one was wanted and could be made."""

    snapshot: Snapshot
    reconciliation: Reconciliation | None
