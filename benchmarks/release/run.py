"""What the benchmarks of a release are given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.release.extent import Extent
from benchmarks.release.reading import Source
from benchmarks.release.target import Release


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run.

    Attributes:
        release: what is measured.
        source: where its processes tell of themselves; ``None`` where nobody said.
        is_named: whether this benchmark was asked for by its name.
        say: tells how far it is.
    """

    release: Release
    extent: Extent
    source: Source | None
    is_named: bool
    say: Callable[[str], None]
