"""What the benchmarks of a release are given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from benchmarks.outcome import Outcome
from benchmarks.release.extent import Extent
from benchmarks.release.reading import Source
from benchmarks.release.target import Release, Said, Trace
from benchmarks.release.witness import Comparison, Witness

TRACED_PER_S: Final = 1000.0


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run.

    Attributes:
        release: what is measured.
        source: where its processes tell of themselves; ``None`` where nobody said.
        witness: what is asked whether it tells what was measured; ``None`` where nobody is.
        is_named: whether this benchmark was asked for by its name.
        say: tells how far it is.
    """

    release: Release
    extent: Extent
    source: Source | None
    witness: Witness | None
    is_named: bool
    say: Callable[[str], None]

    @property
    def trace(self) -> Trace | None:
        """Makes a trace for each event, where somebody looks at them."""
        return None if self.witness is None else self.witness.trace

    async def begin(self) -> None:
        """What is said from now on is what the release is asked about."""
        if self.witness is not None:
            await self.witness.begin()

    async def pause(self, events: int) -> None:
        """Let a service export the spans of so many events that came at once: its queue is short, and drops."""
        if self.witness is not None:
            await asyncio.sleep(events / TRACED_PER_S)

    async def compare(self, outcome: Outcome, *said: Said) -> None:
        """Hold what the release tells of it beside what was measured."""
        if self.witness is None:
            return
        comparison = Comparison(outcome)
        comparison.add(said, await self.witness.account(sum(len(one.ids) for one in said)))
        for sentence in comparison.wrong:
            self.say(f"does not agree: {sentence}")
