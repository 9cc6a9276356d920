"""A run against the last committed one: what has changed, and what is noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.block import short
from benchmarks.rows import Row

WORSE: Final = 0.10


@dataclass(frozen=True)
class Change:
    """A figure that differs by more than a tenth.

    Attributes:
        share: by how much it is worse; negative where it is better.
        is_certain: whether the intervals do not touch, and the machine did nothing else; without intervals it is not.
    """

    before: Row
    now: Row
    share: float
    is_certain: bool

    @property
    def is_warning(self) -> bool:
        """Whether it is worse beyond noise."""
        return self.is_certain and self.share > WORSE

    def __str__(self) -> str:
        word = "worse" if self.share > 0 else "better"
        sure = "beyond noise" if self.is_certain else "within noise"
        figures = f"{short(self.before.result)} to {short(self.now.result)} {self.now.unit}"
        return f"`{self.now.name}`, {self.now.metric}: {abs(self.share):.0%} {word} ({figures}), {sure}"


def changes(before: Sequence[Row], now: Sequence[Row], *, is_quiet: bool = True) -> list[Change]:
    """What differs by more than a tenth, the worst first.

    Args:
        is_quiet: whether the machine did nothing else. An interval tells how much one run varies in itself; what others
            make of a whole run it does not know.
    """
    known = {(row.name, row.metric): row for row in before}
    found = []
    for row in now:
        old = known.get((row.name, row.metric))
        # A share of a figure about zero, such as a growth, says nothing; the requirement judges those.
        if old is None or row.unit == "%" or not old.result > 0 or not row.result > 0 or row.date is not None:
            continue
        share = (old.result / row.result if row.higher_is_better else row.result / old.result) - 1
        if abs(share) > WORSE:
            found.append(Change(old, row, share, is_quiet and _apart(old, row)))
    return sorted(found, key=lambda change: -change.share)


def _apart(one: Row, other: Row) -> bool:
    if one.interval is None or other.interval is None:
        return False
    return one.interval[1] < other.interval[0] or other.interval[1] < one.interval[0]
