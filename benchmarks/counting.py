"""Whether the processes of a measurement count what they do; apart, since whoever asks imports nothing more for it."""

from __future__ import annotations

import os
from typing import Final

METRICS: Final = "BENCHMARK_METRICS"
"""Names the variable that is ``off`` where nothing is to be counted."""


def is_off() -> bool:
    """Whether this process is to count nothing."""
    return os.environ.get(METRICS) == "off"
