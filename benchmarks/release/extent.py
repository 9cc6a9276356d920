"""How much the benchmarks of a release do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much is done.

    Attributes:
        rate: lines a second of the load that is held.
        seconds: of each load.
        bursts: of fifty and of five hundred lines.
        poured: lines as fast as they are acknowledged, for CPU.
        kept: lines between two readings of memory.
        calm_s: how long memory is read, for each reading.
        mixed: moments at which everything happens at once.
        hour_s: how long memory is watched.
    """

    rate: float = 1000.0
    seconds: float = 10.0
    bursts: int = 20
    poured: int = 20_000
    kept: int = 10_000
    calm_s: float = 2.0
    mixed: int = 3
    hour_s: float = 3600.0

    @property
    def warm_up(self) -> float:
        """Seconds before a load is measured."""
        return self.seconds / 10
