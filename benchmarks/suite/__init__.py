"""The ten benchmarks. ``python -m benchmarks`` runs them and writes the report; plain pytest runs them, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from benchmarks.outcome import Outcome

OUTCOMES: Final = pytest.StashKey[list[Outcome]]()
"""Where a run's outcomes are."""

Progress = Callable[[str], None]
"""Says what is being done."""
